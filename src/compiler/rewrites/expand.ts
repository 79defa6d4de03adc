import { loweringOf } from "../../ops/index.ts";
import type { Rewrite } from "./rewrite.ts";

/** An op without an instruction becomes the ops that it is made of, now that all derivatives are taken. */
export const expand: Rewrite = (node) => {
  const lower = loweringOf(node);
  return lower.kind === "expand" ? lower.expand(node) : undefined;
};
