/** Tensors as text: shape, dtype and values, abridged if there are many. */
import {
  type DType,
  GradusError,
  type Shape,
  show,
  stridesOf,
  type TypedArray,
} from "../base/index.ts";
import { collect, type Node } from "../graph/index.ts";
import { loweringOf } from "../ops/index.ts";
import { realizeSync } from "./realize.ts";

/** From this many elements on, values are abridged, as in NumPy … */
const threshold = 1000;
/** … to this many at either end of an axis. */
const edge = 3;
/** Columns of a line. */
const width = 80;
/** Significant digits. */
const precision = 6;
/**
 * This many operations take a few milliseconds: more expensive values are not computed for display.
 */
const cheap = 1e7;

/** `Tensor(float32[3]) [1, 2, 3]`; more than one axis on lines of their own. */
export function display(title: string, node: Node): string {
  const head = `${title}(${node.dtype}${show(node.shape)})`;
  const data = valuesOf(node);
  if (typeof data === "string") return `${head} (${data})`;
  const text = format(node.shape, node.dtype, data);
  return text.includes("\n") ? `${head}\n${text}` : `${head} ${text}`;
}

/** The values if they are known or cheap, else why they are not shown. */
function valuesOf(node: Node): TypedArray | string {
  if (node.storage) return node.storage.read();
  const graph = collect([node], (x) => x.storage !== null);
  if (graph.some((x) => x.op.leaf && x.storage === null)) return "traced: without values";
  if (graph.reduce((total, x) => total + costOf(x), 0) > cheap)
    return "not computed yet: await its eval() first";
  try {
    realizeSync([node]);
    return node.storage!.read();
  } catch (error) {
    if (error instanceof GradusError) return `no values: ${error.subject}: ${error.problem}`;
    throw error;
  }
}

/** Multiply-adds, roughly. A product of [m, k] and [k, n] takes m · k · n = √(mk · kn · mn). */
function costOf(x: Node): number {
  if (x.storage || loweringOf(x).kind !== "fused") return x.size;
  return Math.sqrt(x.inputs.reduce((product, { size }) => product * size, x.size));
}

/** Which of n positions along an axis are shown; −1 stands for those in between. */
function shownOf(n: number, isAbridged: boolean): number[] {
  const all = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
  if (!isAbridged || n <= 2 * edge) return all(0, n);
  return [...all(0, edge), -1, ...all(n - edge, edge)];
}

/** Nested brackets, numbers of one width. */
export function format(shape: Shape, dtype: DType, data: TypedArray): string {
  const rank = shape.length;
  const strides = stridesOf(shape);
  const shown = shape.map((n) => shownOf(n, data.length > threshold));
  const positions = shown.reduce(
    (starts, places, axis) =>
      starts.flatMap((at) => places.filter((i) => i >= 0).map((i) => at + i * strides[axis]!)),
    [0],
  );
  const texts = new Map(positions.map((at) => [at, element(data[at]!, dtype)]));
  const cell = [...texts.values()].reduce((most, { length }) => Math.max(most, length), 0);
  const build = (axis: number, at: number): string => {
    if (axis === rank) return texts.get(at)!.padStart(rank > 0 ? cell : 0);
    const parts = shown[axis]!.map((i) => (i < 0 ? "…" : build(axis + 1, at + i * strides[axis]!)));
    const indent = " ".repeat(axis + 1);
    const rows = axis === rank - 1 ? wrapped(parts, indent) : parts.join(`,\n${indent}`);
    return `[${rows}]`;
  };
  return build(0, 0);
}

/** Parts separated by commas, in lines of at most `width` columns. */
function wrapped(parts: readonly string[], indent: string): string {
  let text = "";
  let column = indent.length;
  parts.forEach((part, i) => {
    const piece = i < parts.length - 1 ? `${part}, ` : part;
    if (column + piece.length > width && i > 0) {
      text = `${text.trimEnd()}\n${indent}`;
      column = indent.length;
    }
    text += piece;
    column += piece.length;
  });
  return text;
}

function element(x: number, dtype: DType): string {
  if (dtype === "bool") return x ? "true" : "false";
  if (Object.is(x, -0)) return "-0";
  return dtype === "int32" ? String(x) : String(Number(x.toPrecision(precision)));
}
