/** Tensors in the memory of JavaScript, for shape arithmetic: exact, 64-bit integers included. */
import { type Shape, sizeOf, stridesOf } from "../base/index.ts";
import { type Elements, type ElementType, infoOf, roundToBrain, roundToHalf } from "./types.ts";

/** An array of a shape with elements of any type of ONNX. */
export interface HostTensor {
  readonly type: ElementType;
  readonly shape: Shape;
  readonly data: Elements;
}

/** One element: 64-bit integers are bigint. */
export type Scalar = number | bigint | string;

/** A host tensor of elements by position. */
export function hostOf(type: ElementType, shape: Shape, at: (i: number) => Scalar): HostTensor {
  const size = sizeOf(shape);
  const data = infoOf(type).make(size) as Scalar[];
  for (let i = 0; i < size; i++) data[i] = at(i);
  return { type, shape, data: data as Elements };
}

/** int64 of numbers, as shapes are written. */
export const int64s = (values: readonly number[]): HostTensor => ({
  type: "int64",
  shape: [values.length],
  data: BigInt64Array.from(values, (x) => BigInt(x)),
});

export const isWide = (type: ElementType): boolean => type === "int64" || type === "uint64";

/** An element in another type: as C casts, and truncation of what leaves an integer's range to its low bits. */
export function convert(x: Scalar, to: ElementType): Scalar {
  if (to === "string") return String(x);
  if (typeof x === "string") return convert(Number(x), to);
  if (to === "bool") return Number(x) !== 0 ? 1 : 0;
  const { range, bits } = infoOf(to);
  if (!range) return roundFloat(Number(x), to);
  const n = typeof x === "bigint" ? x : Number.isFinite(x) ? BigInt(Math.trunc(x)) : 0n;
  const low = range[0] < 0n ? BigInt.asIntN(bits, n) : BigInt.asUintN(bits, n);
  return isWide(to) ? low : Number(low);
}

/** The value that storing keeps. */
export function roundFloat(x: number, type: ElementType): number {
  if (type === "float64") return x;
  if (type === "float16") return roundToHalf(x);
  return type === "bfloat16" ? roundToBrain(Math.fround(x)) : Math.fround(x);
}

/**
 * The elements of x that an odometer over `shape` meets: from `start`, `strides` apart along each axis
 * (0 repeats). Every movement of axes is one.
 */
export function strided(
  x: HostTensor,
  shape: Shape,
  strides: readonly number[],
  start = 0,
): HostTensor {
  const index = new Array<number>(shape.length).fill(0);
  let at = start;
  const step = (): void => {
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]!;
      if (++index[axis]! < shape[axis]!) return;
      at -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  };
  return hostOf(x.type, shape, () => {
    const value = x.data[at]!;
    step();
    return value;
  });
}

/** x stretched to a shape that it broadcasts to. */
export function stretched(x: HostTensor, shape: Shape): HostTensor {
  const own = stridesOf(x.shape);
  const lead = shape.length - x.shape.length;
  const strides = shape.map((_, i) => (i < lead || x.shape[i - lead] === 1 ? 0 : own[i - lead]!));
  return strided(x, shape, strides);
}
