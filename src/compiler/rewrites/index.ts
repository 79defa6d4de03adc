/** All graph rewrites, each in its own file. In addition, every op has its own `simplify`. */
import { assemblePads } from "./assemble-pads.ts";
import { expand } from "./expand.ts";
import { foldConstants } from "./fold-constants.ts";
import { mergeProducts } from "./merge-products.ts";
import type { Rewrite } from "./rewrite.ts";
import { sinkReshape } from "./sink-reshape.ts";
import { sumOneHot } from "./sum-one-hot.ts";
import { transposeProduct } from "./transpose-product.ts";

export { poolBeforeRelu } from "./pool-before-relu.ts";
export type { GraphRewrite, Rewrite } from "./rewrite.ts";
export { shareRows } from "./share-rows.ts";

/** Rewrites of single nodes; the first one that applies is taken. */
export const nodeRewrites: readonly Rewrite[] = [
  foldConstants,
  (node) => node.op.simplify?.(node),
  transposeProduct,
  sumOneHot,
  mergeProducts,
  assemblePads,
  expand,
  sinkReshape,
];
