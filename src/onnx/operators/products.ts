/** Matrix products. */
import type { Tensor } from "../../tensor/index.ts";
import type { Call, Operator } from "../call.ts";
import { infoOf, isFloatType } from "../types.ts";

/** α A' B' + β C, where ' transposes if asked. */
function gemm(call: Call): Tensor {
  const a = call.int("transA", 0) ? call.t(0).transpose() : call.t(0);
  const b = call.int("transB", 0) ? call.t(1).transpose() : call.t(1);
  const [alpha, beta] = [call.float("alpha", 1), call.float("beta", 1)];
  const product = productOf(a, b);
  const scaled = alpha === 1 ? product : product.mul(alpha);
  const c = call.optional(2)?.tensor;
  if (!c || beta === 0) return scaled.cast(a.dtype);
  return scaled.add(beta === 1 ? c : c.mul(beta)).cast(a.dtype);
}

/** Integers multiply in float64, which holds sums of theirs up to 2⁵³ exactly. */
export function productOf(a: Tensor, b: Tensor): Tensor {
  if (a.dtype !== "int32") return a.matmul(b);
  return a.cast("float64").matmul(b.cast("float64")).cast("int32");
}

function matMul(call: Call): Tensor {
  const { type } = call.x(0);
  const y = productOf(call.t(0), call.t(1));
  return isFloatType(type) ? y : y.cast(infoOf(type).dtype!);
}

export const productOperators: readonly Operator[] = [
  { name: "Gemm", run: gemm },
  { name: "MatMul", run: matMul },
];
