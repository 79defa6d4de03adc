/**
 * Sums of many terms of one shape, as reverse mode produces for a value that is used many times.
 */
import type { Shape } from "../base/index.ts";
import { apply, type Node } from "../graph/index.ts";
import { add } from "./elementwise.ts";
import { scatterAdd, scatterAddOp } from "./gather.ts";
import { assembleOp, concat, padOp, reshape, slice } from "./movement.ts";

/** A value placed in a box of a larger array whose other elements are 0. */
interface Part {
  readonly value: Node;
  readonly start: readonly number[];
}

/**
 * With at least this many terms, all updates scattered into arrays of the same shape are scattered
 * at once.
 */
const manyScattered = 16;

/**
 * Σ terms. Gradients of slices are zero outside a box; adding n of them one by one would cost n
 * times the full size. They are assembled at once, and only overlapping boxes are added.
 */
export function total(terms: readonly Node[]): Node {
  if (terms.length === 1) return terms[0]!;
  const kinds = new Map<string, Node[]>();
  for (const term of terms) {
    const kind = kindOf(term);
    const known = kinds.get(kind);
    if (known) known.push(term);
    else kinds.set(kind, [term]);
  }
  const sums: Node[] = [];
  for (const [kind, alike] of kinds) for (const sum of fewer(kind, alike)) sums.push(sum);
  return sums.reduce((sum, term) => add(sum, term));
}

/**
 * Terms of the same kind can be combined: `steps 1,2` are boxes with these steps along the axes.
 */
function kindOf({ op, attrs, inputs, shape }: Node): string {
  if (op === padOp && attrs.value === 0 && shape.length > 0)
    return `steps ${(attrs.interior as readonly number[]).map((n) => n + 1)}`;
  if (op === assembleOp && shape.length > 0) return `steps ${shape.map(() => 1)}`;
  if (op !== scatterAddOp) return "other";
  return `scattered ${attrs.axis} ${inputs[0]!.shape.map((n, i) => (i === attrs.axis ? "" : n))}`;
}

function fewer(kind: string, terms: readonly Node[]): readonly Node[] {
  const [name, list = ""] = kind.split(" ");
  if (name === "steps" && terms.length > 1)
    return put(terms.flatMap(partsOf), terms[0]!.shape, list.split(",").map(Number));
  return name === "scattered" && terms.length >= manyScattered ? [scatteredAtOnce(terms)] : terms;
}

function partsOf({ op, attrs, inputs, shape: { length: rank } }: Node): Part[] {
  if (op === padOp) return [{ value: inputs[0]!, start: attrs.low as readonly number[] }];
  const starts = attrs.starts as readonly number[];
  return inputs.map((value, i) => ({ value, start: starts.slice(i * rank, (i + 1) * rank) }));
}

/**
 * Nodes of the full shape that add up to the boxes; at least as many as overlap in one position.
 */
function put(parts: readonly Part[], shape: Shape, steps: readonly number[]): Node[] {
  if (steps.some((step) => step > 1)) return putApart(parts, shape, steps);
  return layers(merged(parts)).map((layer) =>
    apply(
      assembleOp,
      layer.map(({ value }) => value),
      { shape, starts: layer.flatMap(({ start }) => start) },
    ),
  );
}

/** Every k-th position along an axis of size n is a column of that axis reshaped to n/k × k. */
function putApart(parts: readonly Part[], shape: Shape, steps: readonly number[]): Node[] {
  const split = (sizes: readonly number[], f: (size: number, step: number) => number[]) =>
    sizes.flatMap((size, axis) => (steps[axis]! > 1 ? f(size, steps[axis]!) : [size]));
  const finer = split(shape, (size, step) => [Math.ceil(size / step), step]);
  const whole = shape.map((size, axis) => Math.ceil(size / steps[axis]!) * steps[axis]!);
  const finerParts = parts.map(({ value, start }) => ({
    value: reshape(
      value,
      split(value.shape, (size) => [size, 1]),
    ),
    start: split(start, (at, step) => [Math.floor(at / step), at % step]),
  }));
  const one = shape.map(() => 1);
  return put(
    finerParts,
    finer,
    finer.map(() => 1),
  ).map((x) => slice(reshape(x, whole), { start: shape.map(() => 0), size: shape, step: one }));
}

/** Adds terms in the same box. */
function merged(parts: readonly Part[]): Part[] {
  const boxes = new Map<string, Part[]>();
  for (const part of parts) {
    const key = `${part.start}:${part.value.shape}`;
    const known = boxes.get(key);
    if (known) known.push(part);
    else boxes.set(key, [part]);
  }
  return [...boxes.values()].map((same) => ({
    start: same[0]!.start,
    value: total(same.map(({ value }) => value)),
  }));
}

/**
 * The boxes in layers within which no two overlap. A cut across an axis that no box crosses
 * separates them; where there is no such cut, intervals along one axis are distributed over as many
 * layers as overlap.
 */
function layers(parts: readonly Part[], from = 0): Part[][] {
  if (parts.length < 2) return parts.length === 0 ? [] : [[...parts]];
  const rank = parts[0]!.start.length;
  for (let tried = 0; tried < rank; tried++) {
    const axis = (from + tried) % rank;
    const groups = cutAcross(axis, parts);
    if (groups.length === 1) continue;
    const result: Part[][] = [];
    for (const group of groups)
      layers(group, axis + 1).forEach((layer, i) => {
        result[i] ??= [];
        for (const part of layer) result[i].push(part);
      });
    return result;
  }
  return dealt(parts);
}

const endOf = ({ start, value }: Part, axis: number): number => start[axis]! + value.shape[axis]!;
const inOrder = (axis: number, parts: readonly Part[]): Part[] =>
  [...parts].sort((a, b) => a.start[axis]! - b.start[axis]!);

/** The boxes in groups that follow each other along the axis. */
function cutAcross(axis: number, parts: readonly Part[]): Part[][] {
  const groups: Part[][] = [];
  let end = Number.NEGATIVE_INFINITY;
  for (const part of inOrder(axis, parts)) {
    if (part.start[axis]! >= end) groups.push([]);
    groups.at(-1)!.push(part);
    end = Math.max(end, endOf(part, axis));
  }
  return groups;
}

/** Layers of intervals along the first axis along which the boxes begin at different positions. */
function dealt(parts: readonly Part[]): Part[][] {
  const differ = (axis: number) => parts.some((p) => p.start[axis] !== parts[0]!.start[axis]);
  const axis = Math.max(
    0,
    parts[0]!.start.findIndex((_, i) => differ(i)),
  );
  const result: Part[][] = [];
  for (const part of inOrder(axis, parts)) {
    const free = result.find((layer) => endOf(layer.at(-1)!, axis) <= part.start[axis]!);
    if (free) free.push(part);
    else result.push([part]);
  }
  return result;
}

function scatteredAtOnce(terms: readonly Node[]): Node {
  const { axis, size } = terms[0]!.attrs as { axis: number; size: number };
  const all = (input: number) =>
    concat(
      terms.map((term) => term.inputs[input]!),
      axis,
    );
  return scatterAdd(all(0), all(1), axis, size);
}
