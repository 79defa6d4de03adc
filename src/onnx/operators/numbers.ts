/** Integers of a width as tensors hold them, in int32; and elementwise results on host arrays. */
import { broadcastShapes, DataError } from "../../base/index.ts";
import { type Tensor, where } from "../../tensor/index.ts";
import type { Call } from "../call.ts";
import { convert, type HostTensor, hostOf, type Scalar, stretched } from "../host.ts";
import { type ElementType, infoOf, isWholeType } from "../types.ts";

/** int32 brought into the range of a narrower type, as its arithmetic wraps. */
export function wrapped(type: ElementType, x: Tensor): Tensor {
  const { bits, range } = infoOf(type);
  if (!range || bits >= 32 || type === "bool") return x;
  const [low] = range.map(Number) as [number, number];
  const span = 2 ** bits;
  return low === 0 ? x.mod(span) : x.sub(low).mod(span).add(low);
}

/** int32 limited to the range of a narrower type. */
export function saturated(type: ElementType, x: Tensor): Tensor {
  const { bits, range } = infoOf(type);
  if (!range || bits >= 32) return x;
  return x.clip(Number(range[0]), Number(range[1]));
}

/** The quotient of integers, rounded toward 0 as in C. */
export function truncatedQuotient(a: Tensor, b: Tensor): Tensor {
  const q = a.abs().floorDiv(b.abs());
  return where(a.less(0).equal(b.less(0)), q, q.neg());
}

/** The remainder with the sign of the dividend, as in C. */
export function truncatedRemainder(a: Tensor, b: Tensor): Tensor {
  const rest = a.abs().mod(b.abs());
  return where(a.less(0), rest.neg(), rest);
}

/** A function of numbers; of bigint where the type is 64 bits wide, on which the operators work alike. */
export type NumberFunction = (...x: number[]) => number | bigint | boolean;

/**
 * f of every element on host arrays, broadcast.
 *
 * @param type of the result, by default that of the first input.
 */
export function elementwise(
  inputs: readonly HostTensor[],
  f: NumberFunction,
  type: ElementType = inputs[0]!.type,
): HostTensor {
  const shape = broadcastShapes(
    "the graph",
    inputs.map((x) => x.shape),
  );
  const wide = inputs.map((x) => stretched(x, shape).data as ArrayLike<Scalar>);
  return hostOf(type, shape, (i) => {
    try {
      const y = f(...wide.map((data) => data[i] as number));
      return convert(typeof y === "boolean" ? Number(y) : y, type);
    } catch (thrown) {
      if (!(thrown instanceof RangeError)) throw thrown; // of bigint: a division by 0
      throw new DataError({
        subject: "the graph",
        problem: `divides an ${inputs[0]!.type} by 0.`,
        fix: "give a net whose shape arithmetic does not divide by 0.",
      });
    }
  });
}

export const foldable =
  (f: NumberFunction, type?: (inputs: readonly HostTensor[]) => ElementType) =>
  (_call: Call, inputs: readonly HostTensor[]): HostTensor | null =>
    inputs.some((x) => x === undefined || x.type === "string")
      ? null
      : elementwise(inputs, f, type?.(inputs));

/** A quotient as C divides: integers toward 0. */
export const quotient = (type: ElementType): NumberFunction =>
  isWholeType(type) && infoOf(type).bits < 64 ? (a, b) => Math.trunc(a! / b!) : (a, b) => a! / b!;
