/** What transformers share: heads, and checks of sizes and sequences. */
import { ConfigError, ShapeError, show } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";

/** The options of every transformer here. */
export const optionNames = {
  vocabulary: "count",
  context: "count",
  layers: "count",
  heads: "count",
  size: "count",
  dropout: "number",
  seed: "number",
  dtype: true,
} as const;

/** `[N, L, size]` → `[N, heads, L, size / heads]` */
export function heads(x: Tensor, count: number): Tensor {
  const [n, length, size] = x.shape as [number, number, number];
  return x.reshape([n, length, count, size / count]).transpose([0, 2, 1, 3]);
}

/** `[N, heads, L, d]` → `[N, L, heads · d]` */
export function joined(x: Tensor): Tensor {
  const [n, count, length, size] = x.shape as [number, number, number, number];
  return x.transpose([0, 2, 1, 3]).reshape([n, length, count * size]);
}

/** @throws {ConfigError} if the heads do not divide the size. */
export function checkHeads(name: string, { size, heads }: { size: number; heads: number }): void {
  if (size % heads === 0) return;
  throw new ConfigError({
    subject: name,
    problem: `a size of ${size} does not divide into ${heads} heads.`,
    fix: "make the size a multiple of the heads.",
  });
}

/** @throws {ShapeError} for anything but sequences of at most `context` tokens. */
export function checkLength(name: string, tokens: Tensor, context: number): void {
  if (tokens.rank === 2 && tokens.shape[1]! <= context) return;
  throw new ShapeError({
    subject: name,
    problem: `takes tokens [N, length] with a length of at most ${context}, got ${show(tokens.shape)}.`,
    fix: "cut the sequences, or make the model for longer ones.",
  });
}
