/** Reference implementations shared by several records: slow, simple, one index at a time. */
import { type DType, forEachIndex, stridesOf } from "../base/index.ts";
import type { Node, RefArray } from "../graph/index.ts";

/** Sums in a dtype: int32 wraps around at every step, as in memory. */
export const adding = (dtype: DType): ((a: number, b: number) => number) =>
  dtype === "int32" ? (a, b) => (a + b) | 0 : (a, b) => a + b;

/** Products in a dtype: int32 products have up to 62 bits, of which the lowest 32 are kept. */
export const multiplying = (dtype: DType): ((a: number, b: number) => number) =>
  dtype === "int32" ? Math.imul : (a, b) => a * b;

/** Copies element by element: `source` maps an index of the result to one of the input. */
export const movedBy =
  (source: (index: readonly number[], node: Node) => readonly number[]) =>
  (node: Node, [x]: readonly RefArray[]): Float64Array => {
    const strides = stridesOf(x!.shape);
    const result = new Float64Array(node.size);
    forEachIndex(node.shape, (index, i) => {
      const from = source(index, node).reduce((n, at, axis) => n + at * strides[axis]!, 0);
      result[i] = x!.data[from]!;
    });
    return result;
  };

/** Folds the elements of each result in row-major order. */
export const foldBy =
  (start: number, step: (acc: number, x: number, position: number, at: number[]) => number) =>
  (node: Node, [x]: readonly RefArray[]): Float64Array => {
    const axes = node.attrs.axes as readonly number[];
    const kept = stridesOf(node.shape);
    const within = stridesOf(axes.map((axis) => x!.shape[axis]!));
    const result = new Float64Array(node.size).fill(start);
    const memory = Array.from({ length: node.size }, (): number[] => []);
    forEachIndex(x!.shape, (index, i) => {
      let to = 0;
      let position = 0;
      let k = 0;
      let w = 0;
      index.forEach((at, axis) => {
        if (axes.includes(axis)) position += at * within[w++]!;
        else to += at * kept[k++]!;
      });
      result[to] = step(result[to]!, x!.data[i]!, position, memory[to]!);
    });
    return result;
  };
