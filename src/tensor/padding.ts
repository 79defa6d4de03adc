import {
  ConfigError,
  checkOptions,
  describe,
  nearest,
  type Shape,
  ShapeError,
  show,
} from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import * as op from "../ops/index.ts";
import { checkWidths, nodeOf } from "./arguments.ts";
import { Tensor } from "./tensor.ts";

/**
 * How the padding is filled: zeros, the reflection about the edge element, the edge element
 * repeated, or the values from the opposite side.
 */
export type PaddingMode = "zeros" | "reflect" | "replicate" | "circular";

/** How {@link pad} fills. */
export interface PadOptions {
  /** Default "constant", which is {@link PaddingMode}'s "zeros" with any value. */
  readonly mode?: "constant" | Exclude<PaddingMode, "zeros"> | undefined;
  /** For the mode "constant" only, default 0. */
  readonly value?: number | undefined;
}

/** The padding before and after x along an axis. */
type Beyond = (x: Node, axis: number, low: number, high: number) => [before: Node, after: Node];

/** One element along the axis, `count` times. */
const repeated = (x: Node, axis: number, from: number, count: number): Node =>
  op.broadcastTo(
    op.span(x, axis, from, 1),
    x.shape.map((n, i) => (i === axis ? count : n)),
  );

/** How each mode continues beyond x, and how far it can. */
const modes: Readonly<Record<string, { beyond: Beyond; most: (n: number) => number }>> = {
  reflect: {
    beyond: (x, axis, low, high) => [
      op.flip(op.span(x, axis, 1, low), [axis]),
      op.flip(op.span(x, axis, x.shape[axis]! - 1 - high, high), [axis]),
    ],
    most: (n) => n - 1,
  },
  replicate: {
    beyond: (x, axis, low, high) => [
      repeated(x, axis, 0, low),
      repeated(x, axis, x.shape[axis]! - 1, high),
    ],
    most: (n) => (n > 0 ? Number.POSITIVE_INFINITY : 0),
  },
  circular: {
    beyond: (x, axis, low, high) => [
      op.span(x, axis, x.shape[axis]! - low, low),
      op.span(x, axis, 0, high),
    ],
    most: (n) => n,
  },
};

/**
 * x with padding around it.
 *
 *   [1, 2, 3] by 2 on both sides:   constant   0 0 [1 2 3] 0 0     reflect   3 2 [1 2 3] 2 1
 *                                   replicate  1 1 [1 2 3] 3 3     circular  2 3 [1 2 3] 1 2
 *
 * Each element's derivative is the sum over its copies.
 *
 * @param x any shape. @param widths `[before, after]` for every axis.
 * @returns x's shape with the widths added.
 * @throws {ShapeError} if the widths do not fit the axes, or exceed what a mode can provide: n − 1
 * elements for "reflect", n for "circular". @throws {ConfigError} for an unknown mode, or a value
 * with a mode other than "constant".
 * @see Dumoulin & Visin 2016, §2
 * @example
 * const x = tensor([1, 2, 3]);
 * pad(x, [[1, 2]], { value: 9 }).toArray(); // [9, 1, 2, 3, 9, 9]
 * pad(x, [[2, 1]], { mode: "reflect" }).toArray(); // [3, 2, 1, 2, 3, 2]
 * pad(x, [[2, 1]], { mode: "replicate" }).toArray(); // [1, 1, 1, 2, 3, 3]
 * pad(x, [[2, 1]], { mode: "circular" }).toArray(); // [2, 3, 1, 2, 3, 1]
 */
export function pad(
  x: Tensor,
  widths: readonly (readonly [number, number])[],
  options: PadOptions = {},
): Tensor {
  checkOptions("pad", options, { mode: true, value: true });
  const { mode = "constant", value } = options;
  checkWidths(widths, nodeOf("pad", x).shape);
  if (mode === "constant") return x.pad(widths, value);
  const rule = Object.hasOwn(modes, mode) ? modes[mode] : undefined;
  if (!rule || value !== undefined)
    throw new ConfigError({
      subject: "pad",
      problem: rule
        ? `mode "${mode}" with a value of ${value}.`
        : `unknown mode ${describe(mode)}.`,
      fix: 'the modes are "constant", which alone takes a value, "reflect", "replicate" and "circular".',
    });
  checkRoom(mode, x.shape, widths, rule.most);
  const padded = widths.reduce((node, [low, high], axis) => {
    if (low === 0 && high === 0) return node;
    const [before, after] = rule.beyond(node, axis, low, high);
    return op.concat(
      [before, node, after].filter(({ shape }) => shape[axis] !== 0),
      axis,
    );
  }, x.node);
  return new Tensor(padded);
}

/** Throws unless it is a padding mode. */
export function checkPaddingMode(subject: string, mode: PaddingMode = "zeros"): void {
  const known = ["zeros", ...Object.keys(modes)];
  if (known.includes(mode)) return;
  const near = typeof mode === "string" && nearest(mode, known);
  throw new ConfigError({
    subject,
    problem: `unknown paddingMode ${describe(mode)}.`,
    fix: near ? `did you mean "${near}"?` : `the modes are ${known.join(", ")}.`,
  });
}

function checkRoom(
  mode: string,
  shape: Shape,
  widths: readonly (readonly [number, number])[],
  most: (n: number) => number,
): void {
  const axis = widths.findIndex(
    ([low, high], i) => Math.max(low, high) > Math.max(0, most(shape[i]!)),
  );
  if (axis < 0) return;
  throw new ShapeError({
    subject: "pad",
    problem: `mode "${mode}" goes on for ${most(shape[axis]!)} on an axis of ${shape[axis]}, not for ${Math.max(...widths[axis]!)} (axis ${axis} of ${show(shape)}).`,
    fix: 'pad less, or by "replicate" or "constant".',
  });
}
