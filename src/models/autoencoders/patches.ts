/** The encoder and decoder of a masked autoencoder: transformers over the patches of an image. */
import {
  init,
  LayerNorm,
  Linear,
  Module,
  Parameter,
  Sequential,
  TransformerBlock,
} from "../../nn/index.ts";
import { concat, type Tensor } from "../../tensor/index.ts";
import { ImageInput } from "../examples.ts";
import type { AutoencoderOptions } from "./options.ts";

/** `[C, H, W]`, the side of a patch, and the numbers of a token. */
export interface Grid extends Pick<AutoencoderOptions, "inputShape" | "dtype"> {
  readonly sizes: readonly [channels: number, height: number, width: number];
  readonly patch: number;
  readonly code: number;
}

/** P, the number of patches of an image. */
export const patchesOf = ({ sizes: [, height, width], patch }: Grid): number =>
  (height / patch) * (width / patch);

/** Images `[N, C, H, W]` to their patches `[N, P, C p²]`. */
export function toPatches(x: Tensor, grid: Grid): Tensor {
  const { sizes, patch } = grid;
  const [c, h, w] = sizes;
  const parts = x.reshape([x.shape[0]!, c, h / patch, patch, w / patch, patch]);
  const byPatch = parts.transpose([0, 2, 4, 1, 3, 5]);
  return byPatch.reshape([x.shape[0]!, patchesOf(grid), c * patch * patch]);
}

/** Patches `[N, P, C p²]` back to examples `[N, …]`. */
export function fromPatches(x: Tensor, { sizes: [c, h, w], patch, inputShape }: Grid): Tensor {
  const parts = x.reshape([x.shape[0]!, h / patch, w / patch, c, patch, patch]);
  return parts.transpose([0, 3, 1, 4, 2, 5]).reshape([x.shape[0]!, ...inputShape]);
}

/** Selects rows of `[N, P, …]` by `[N, V]` indices: `[N, V, …]`. */
export const rowsAt = (x: Tensor, indices: Tensor): Tensor =>
  x.takeAlong(indices.unsqueeze(2).broadcastTo([...indices.shape, x.shape[2]!]), { axis: 1 });

/** A learned position embedding. */
const places = (grid: Grid): Parameter =>
  new Parameter(init.normal(0, 0.02)([patchesOf(grid), grid.code], { dtype: grid.dtype }));

const block = ({ code, dtype }: Grid): TransformerBlock =>
  new TransformerBlock(code, code % 4 === 0 ? 4 : 1, { dtype });

/** Patches, all or some of them, to a token each. */
export class PatchEncoder extends Module {
  readonly grid: Grid;
  readonly input: ImageInput;
  readonly embedding: Linear;
  readonly places: Parameter; // [P, K]
  readonly blocks: Sequential;

  constructor(grid: Grid, depth: number) {
    super();
    const { code, dtype, patch, sizes, inputShape } = grid;
    this.grid = grid;
    this.input = new ImageInput(inputShape, sizes);
    this.embedding = new Linear(sizes[0] * patch * patch, code, { dtype });
    this.places = places(grid);
    const blocks = Array.from({ length: depth }, () => block(grid));
    this.blocks = new Sequential(...blocks, new LayerNorm(code, { dtype }));
  }

  /** `[N, …]` → the patches `[N, P, C p²]`. */
  patches(x: Tensor): Tensor {
    return toPatches(this.input.forward(x), this.grid);
  }

  /** `[N, …]` → `[N, P, K]`, or of the visible patches `[N, V]` only `[N, V, K]`. */
  forward(x: Tensor, seen?: Tensor): Tensor {
    const tokens = this.embedding.forward(this.patches(x)).add(this.places.value);
    return this.blocks.forward(seen ? rowsAt(tokens, seen) : tokens);
  }
}

/** Tokens of patches to examples; masked patches share a learned mask token. */
export class PatchDecoder extends Module {
  readonly grid: Grid;
  readonly withheld: Parameter; // [1, 1, K]
  readonly places: Parameter; // [P, K]
  readonly blocks: Sequential;
  readonly output: Linear;

  constructor(grid: Grid, depth: number) {
    super();
    const { code, dtype, patch, sizes } = grid;
    this.grid = grid;
    this.withheld = new Parameter(init.normal(0, 0.02)([1, 1, code], { dtype }));
    this.places = places(grid);
    const blocks = Array.from({ length: depth }, () => block(grid));
    this.blocks = new Sequential(...blocks, new LayerNorm(code, { dtype }));
    this.output = new Linear(code, sizes[0] * patch * patch, { dtype });
  }

  /** `[N, P, K]` → `[N, …]` */
  forward(tokens: Tensor): Tensor {
    const seen = this.blocks.forward(tokens.add(this.places.value));
    return fromPatches(this.output.forward(seen), this.grid);
  }

  /**
   * Tokens of the first V patches of an order `[N, P]`, each in its position, among mask tokens.
   */
  fill(tokens: Tensor, order: Tensor): Tensor {
    const [n, v] = tokens.shape as [number, number];
    const { code } = this.grid;
    const silent = this.withheld.value.broadcastTo([n, order.shape[1]! - v, code]);
    return rowsAt(concat([tokens, silent], { axis: 1 }), order.argsort({ axis: 1 }));
  }
}
