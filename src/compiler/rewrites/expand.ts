import { loweringOf } from "../../ops/index.ts";
import type { Rewrite } from "./rewrite.ts";

/**
 * An op without an instruction is expanded into other ops, once all derivatives have been taken.
 */
export const expand: Rewrite = (node) => {
  const lower = loweringOf(node);
  return lower.kind === "expand" ? lower.expand(node) : undefined;
};
