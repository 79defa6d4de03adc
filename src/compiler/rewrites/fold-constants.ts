import { constant, constantValue, loweringOf } from "../../ops/index.ts";
import type { Rewrite } from "./rewrite.ts";

/** Constant folding: elementwise ops by their reference, views by shape. */
export const foldConstants: Rewrite = (node) => {
  const { kind } = loweringOf(node);
  if ((kind !== "map" && kind !== "view") || node.inputs.length === 0) return undefined;
  const values = node.inputs.map(constantValue);
  if (values.some((value) => value === undefined)) return undefined;
  if (kind === "view") return constant(values[0]!, node.shape, node.dtype);
  const { reference } = node.op;
  if (reference.kind === "scalar") {
    const int = node.inputs.every((x) => x.dtype === "int32") ? reference.int : undefined;
    return constant((int ?? reference.real)(...(values as number[])), node.shape, node.dtype);
  }
  const one = node.inputs.map((x, i) => ({
    shape: [],
    dtype: x.dtype,
    data: Float64Array.of(values[i]!),
  }));
  return constant(reference.real(node, one)[0]!, node.shape, node.dtype);
};
