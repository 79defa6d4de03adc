/** Arrays of ONNX files as host arrays. */
import { checkShape, FormatError, type Shape, show, sizeOf } from "../base/index.ts";
import type { HostTensor } from "./host.ts";
import type { TensorProto } from "./proto/onnx_pb.ts";
import {
  brainOf,
  type Elements,
  type ElementType,
  foreignTypes,
  halfOf,
  infoOf,
  typeOfCode,
} from "./types.ts";

/** The most elements of one array: what a typed array holds. */
const mostElements = 2 ** 32;

/** The type with this number. @throws {FormatError} if it is none that is read here. */
export function elementType(code: number, subject: string): ElementType {
  const type = typeOfCode(code);
  if (type) return type;
  throw new FormatError({
    subject,
    problem: `has elements of type ${foreignTypes[code] ?? `number ${code}`}, which is not read here.`,
    fix: "save the net with float32, float16, bfloat16, float64 or integer tensors.",
  });
}

/** Sizes of a file as numbers. @throws {FormatError} if they are no shape, or one that no array has. */
export function shapeOf(dims: readonly bigint[], subject: string): number[] {
  const shape = dims.map(Number);
  const size = shape.reduce((n, d) => n * d, 1);
  if (shape.some((d) => d < 0) || !(size <= mostElements))
    throw new FormatError({
      subject,
      problem: `has the shape ${show(shape)}${size > mostElements ? `, of ${size} elements` : ""}.`,
      fix: `sizes are whole numbers of 0 or more, and at most ${mostElements} elements in all.`,
    });
  checkShape(subject, shape);
  return shape;
}

/** The array that a tensor of the file is; what lies in other files was put into `rawData` before. */
export function decodeTensor(proto: TensorProto, subject: string): HostTensor {
  const type = elementType(proto.dataType, subject);
  const shape = shapeOf(proto.dims, subject);
  if (proto.segment)
    throw new FormatError({ subject, problem: "is stored in segments, which no exporter writes." });
  const isRaw = proto.rawData.length > 0;
  if (!isRaw) checkCount(typedLength(proto, type), sizeOf(shape), shape, subject);
  const data = isRaw
    ? decodeRaw(proto.rawData, type, shape, subject)
    : decodeTyped(proto, type, sizeOf(shape));
  if (type === "bool")
    for (let i = 0; i < data.length; i++) if (data[i]) (data as Uint8Array)[i] = 1;
  return { type, shape, data };
}

function checkCount(found: number, wanted: number, shape: Shape, subject: string): void {
  if (found === wanted) return;
  throw new FormatError({
    subject,
    problem: `holds ${found} elements for the ${wanted} of ${show(shape)}.`,
    fix: "the file is damaged, or its external data were not found; save the net anew.",
  });
}

/** Elements as bytes in little-endian order. */
function decodeRaw(raw: Uint8Array, type: ElementType, shape: Shape, subject: string): Elements {
  const size = sizeOf(shape);
  const { bits, make } = infoOf(type);
  if (type === "string")
    throw new FormatError({ subject, problem: "holds text as raw bytes, which has no meaning." });
  const bytes = Math.ceil((size * bits) / 8);
  if (raw.length !== bytes)
    throw new FormatError({
      subject,
      problem: `holds ${raw.length} bytes for the ${bytes} of ${type}${show(shape)}.`,
      fix: "the file is damaged; save the net anew.",
    });
  if (bits === 4) return unpackNibbles(raw, type, size);
  const data = make(size) as Float32Array;
  if (bits === 16 && infoOf(type).dtype === "float32") {
    const value = type === "float16" ? halfOf : brainOf;
    for (let i = 0; i < size; i++) data[i] = value(raw[2 * i]! | (raw[2 * i + 1]! << 8));
    return data;
  }
  new Uint8Array(data.buffer).set(raw); // typed arrays are little-endian on all that Node runs on
  return data;
}

/** Two elements a byte, the first in the low half. */
function unpackNibbles(raw: ArrayLike<number>, type: ElementType, size: number): Elements {
  const data = infoOf(type).make(size) as Int8Array;
  for (let i = 0; i < size; i++) {
    const nibble = (raw[i >> 1]! >> (4 * (i & 1))) & 15;
    data[i] = type === "int4" && nibble > 7 ? nibble - 16 : nibble;
  }
  return data;
}

/** The field that holds a type where its bytes are not given: small types share `int32Data`. */
function fieldOf(proto: TensorProto, type: ElementType): readonly unknown[] {
  if (type === "string") return proto.stringData;
  if (type === "float32") return proto.floatData;
  if (type === "float64") return proto.doubleData;
  if (type === "int64") return proto.int64Data;
  return type === "uint64" || type === "uint32" ? proto.uint64Data : proto.int32Data;
}

function typedLength(proto: TensorProto, type: ElementType): number {
  const { length } = fieldOf(proto, type);
  if (infoOf(type).bits !== 4) return length;
  const size = proto.dims.reduce((n, d) => n * Number(d), 1);
  return length === Math.ceil(size / 2) ? size : length;
}

function decodeTyped(proto: TensorProto, type: ElementType, size: number): Elements {
  const field = fieldOf(proto, type);
  if (infoOf(type).bits === 4) return unpackNibbles(field as number[], type, size);
  if (type === "string")
    return (field as Uint8Array[]).map((bytes) => new TextDecoder().decode(bytes));
  const data = infoOf(type).make(size) as unknown as (number | bigint)[];
  const convert =
    type === "float16"
      ? halfOf
      : type === "bfloat16"
        ? brainOf
        : type === "uint32"
          ? Number
          : undefined;
  for (let i = 0; i < size; i++)
    data[i] = convert ? convert(field[i] as number) : (field[i] as number | bigint);
  return data as unknown as Elements;
}
