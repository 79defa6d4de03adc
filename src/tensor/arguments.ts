/** Checks of arguments of methods and functions, for callers without TypeScript. */
import {
  ConfigError,
  checkOptions,
  checkShape,
  DTypeError,
  describe,
  type OptionNames,
  type Shape,
  ShapeError,
  show,
  sizeOf,
} from "../base/index.ts";
import { Node } from "../graph/index.ts";
import type { Operand } from "./promote.ts";

/** One axis or several, counted from the front, or from the back if negative. */
export type Axes = number | readonly number[];

/** The node of a tensor. @throws {DTypeError} for anything else. */
export function nodeOf(subject: string, x: unknown): Node {
  const node = (x as { node?: unknown } | null | undefined)?.node;
  if (node instanceof Node) return node;
  throw new DTypeError({
    subject,
    problem: `takes a tensor, got ${describe(x)}.`,
    fix: tensorFrom(x),
  });
}

/** The node of a tensor, or a number. @throws {DTypeError} for anything else. */
export function operandOf(subject: string, x: unknown): Operand {
  if (typeof x === "number") return x;
  const node = (x as { node?: unknown } | null | undefined)?.node;
  if (node instanceof Node) return node;
  throw new DTypeError({
    subject,
    problem: `takes a tensor or a number, got ${describe(x)}.`,
    fix: tensorFrom(x),
  });
}

/** How to make a tensor of a value that is not one. */
function tensorFrom(x: unknown): string {
  const has = (name: string) => typeof x === "object" && x !== null && name in x;
  if (has("value") && has("dtype")) return "give its value: w.value.";
  if (has("then")) return "await it first.";
  if (has("data") && has("shape")) return "wrap it with fromHost.";
  if (Array.isArray(x) || ArrayBuffer.isView(x)) return "make one of it: tensor([…]).";
  if (typeof x === "string" || typeof x === "bigint") return "turn it into a number: Number(x).";
  if (typeof x === "boolean") return "give 1 or 0, or a tensor: tensor(true).";
  return "give a tensor, such as tensor([1, 2]).";
}

/**
 * The error of `a > 1`, `a + b` and similar: JavaScript asks for a number and would continue with
 * NaN.
 */
export const noOperator = (what: string, a: string): ConfigError =>
  new ConfigError({
    subject: "Tensor",
    problem: `${what} is not a number: +, −, <, > and == do not work on it.`,
    fix: `call methods: ${a}.add(b), ${a}.greater(1), ${a}.equal(b); ${a}.item() is the number of a single element, String(…) the text.`,
  });

/** The nodes of a list of tensors. @throws {ShapeError} if there are none. */
export function nodesOf(subject: string, tensors: unknown): Node[] {
  if (!Array.isArray(tensors))
    throw new DTypeError({
      subject,
      problem: `takes an array of tensors, got ${describe(tensors)}.`,
      fix: `put them into brackets: ${subject}([a, b]).`,
    });
  if (tensors.length === 0)
    throw new ShapeError({
      subject,
      problem: "there are no tensors, and so no shape and dtype.",
      fix: "give a tensor or more.",
    });
  return Array.from(tensors, (x) => nodeOf(subject, x)); // holes are undefined
}

/** Options with an axis, or just the axis. */
export function withAxis<O extends { readonly axis?: unknown }>(
  subject: string,
  given: O | Axes | undefined,
  names: OptionNames<O>,
): O {
  if (typeof given === "number" || Array.isArray(given)) return { axis: given } as unknown as O;
  checkOptions(subject, given as O | undefined, names);
  return (given ?? {}) as O;
}

/** @throws {ConfigError} unless `x` is a number, and finite unless `anyNumber`. */
export function checkNumber(subject: string, name: string, x: unknown, anyNumber = false): void {
  if (typeof x === "number" && (anyNumber || Number.isFinite(x))) return;
  const isTensor = (x as { node?: unknown } | null | undefined)?.node instanceof Node;
  throw new ConfigError({
    subject,
    problem: `${name} is ${describe(x)}, which is no ${anyNumber ? "" : "finite "}number.`,
    fix: isTensor
      ? "give a number that is known when the graph is made, not a tensor."
      : `give ${name} as a number.`,
  });
}

/** @throws {ConfigError} unless `x` is a whole number from `least` to `most`. */
export function checkWhole(
  subject: string,
  name: string,
  x: unknown,
  least = 0,
  most = Number.MAX_SAFE_INTEGER,
): void {
  if (Number.isSafeInteger(x) && (x as number) >= least && (x as number) <= most) return;
  throw new ConfigError({
    subject,
    problem: `${name} is ${describe(x)}, which is not a whole number ${most < Number.MAX_SAFE_INTEGER ? `from ${least} to ${most}` : `of ${least} or more`}.`,
    fix: `give ${name} as one.`,
  });
}

/** @throws {ShapeError} unless `x` is an array. */
export function checkList(subject: string, name: string, x: unknown, such: string): void {
  if (Array.isArray(x)) return;
  throw new ShapeError({
    subject,
    problem: `${name} is ${describe(x)}, not an array.`,
    fix: `give an array such as ${such}.`,
  });
}

/** `shape` for the elements of `from`, with −1 replaced by the remaining size. */
export function resolveShape(from: Shape, shape: Shape): Shape {
  checkList("reshape", "the shape", shape, "[2, 3]");
  const open = shape.filter((d) => d === -1).length;
  if (open > 1)
    throw new ShapeError({
      subject: "reshape",
      problem: `${show(shape)} leaves ${open} sizes open.`,
      fix: "give all sizes but one; −1 stands for what is left.",
    });
  const known = shape.reduce((n, d) => (d === -1 ? n : n * d), 1);
  const left = sizeOf(from) / (known || 1);
  const resolved = Array.from(shape, (d) => (d === -1 && Number.isInteger(left) ? left : d));
  if (!resolved.includes(-1)) checkShape("reshape", resolved);
  if (sizeOf(resolved) !== sizeOf(from))
    throw new ShapeError({
      subject: "reshape",
      problem: `${show(from)} has ${sizeOf(from)} elements, ${show(shape)} ${open > 0 ? `needs a multiple of ${known}` : `needs ${known}`}.`,
      fix: "give a shape with as many elements.",
    });
  return resolved;
}

type Widths = readonly (readonly [number, number])[];

/** @throws {ShapeError} unless `widths` has `[before, after]` for every axis, integers ≥ 0. */
export function checkWidths(widths: Widths, shape: Shape): void {
  checkList("pad", "the widths", widths, "[[1, 1], [0, 2]]");
  const isPair = (w: unknown) => Array.isArray(w) && w.length === 2;
  if (widths.length !== shape.length || !Array.from(widths).every(isPair))
    throw new ShapeError({
      subject: "pad",
      problem: `widths ${JSON.stringify(widths)} for ${shape.length} axes of ${show(shape)}.`,
      fix: "give [before, after] for every axis.",
    });
  if (widths.flat().every((w) => Number.isInteger(w) && w >= 0)) return;
  throw new ShapeError({
    subject: "pad",
    problem: `widths ${JSON.stringify(widths)} are not all whole numbers of 0 or more.`,
    fix: "cut with slice; pad only adds.",
  });
}
