/** What a net takes and gives: names, types and shapes. */
import { type DType, FormatError, ShapeError, show } from "../base/index.ts";
import type { TypeProto, ValueInfoProto } from "./proto/onnx_pb.ts";
import { elementType } from "./tensor-proto.ts";
import { type ElementType, infoOf } from "./types.ts";

/** An input or output of a net. */
export interface Signature {
  readonly name: string;
  /** The dtype of its tensors; null for text, and for what is no tensor. */
  readonly dtype: DType | null;
  /** The type of its elements in the file; null for a sequence, an optional, and where the file is silent. */
  readonly elementType: ElementType | null;
  /** Sizes, the names of those that are open, null for one without a name; null if the file is silent. */
  readonly shape: readonly (number | string | null)[] | null;
}

export function signatureOf(info: ValueInfoProto): Signature {
  const { name, type } = info;
  const found = type?.value;
  if (found?.case !== "tensorType") return { name, dtype: null, elementType: null, shape: null };
  const { elemType, shape } = found.value;
  const element = elemType === 0 ? null : typeIn(elemType, name);
  return {
    name,
    elementType: element,
    dtype: element && infoOf(element).dtype,
    shape: shape ? shape.dim.map(({ value }) => sizeIn(value, name)) : null,
  };
}

/** A foreign type is an error of the node that computes with it, not of the graph that lists it. */
function typeIn(code: number, name: string): ElementType | null {
  try {
    return elementType(code, `"${name}"`);
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

type Dimension = NonNullable<
  Extract<TypeProto["value"], { case: "tensorType" }>["value"]["shape"]
>["dim"][number]["value"];

function sizeIn(value: Dimension, name: string): number | string | null {
  if (value.case === "dimParam") return value.value || null;
  if (value.case !== "dimValue") return null;
  const size = Number(value.value);
  if (Number.isSafeInteger(size) && size >= 0) return size;
  if (size < 0) return null; // some exporters write −1 for an open size
  throw new FormatError({ subject: `"${name}"`, problem: `has a size of ${value.value}.` });
}

/** `[N, 3, 224, 224]`, as errors print it. */
export const showSizes = (shape: Signature["shape"]): string =>
  shape ? `[${shape.map((d) => d ?? "?").join(", ")}]` : "of any shape";

/**
 * Throws unless a shape is one that the signature allows.
 *
 * @param sizes the sizes that names have taken so far; filled in here.
 */
export function checkFits(
  signature: Signature,
  shape: readonly number[],
  sizes: Map<string, number>,
): void {
  const wanted = signature.shape;
  if (!wanted) return;
  const fits =
    wanted.length === shape.length &&
    wanted.every((d, i) => {
      if (typeof d === "number") return d === shape[i];
      if (d === null) return true;
      const before = sizes.get(d);
      sizes.set(d, shape[i]!);
      return before === undefined || before === shape[i];
    });
  if (fits) return;
  const taken = [...sizes].map(([name, size]) => `${name} = ${size}`).join(", ");
  throw new ShapeError({
    subject: `the input "${signature.name}"`,
    problem: `is ${show(shape)}, and the net takes ${showSizes(wanted)}${taken ? ` (${taken})` : ""}.`,
    fix: "give a tensor of that shape.",
  });
}
