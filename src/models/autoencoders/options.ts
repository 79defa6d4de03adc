import {
  ConfigError,
  checkOptions,
  type FloatDType,
  type OptionNames,
  type Shape,
  show,
  sizeOf,
} from "../../base/index.ts";
import { Linear, type Module, ReLU, Reshape } from "../../nn/index.ts";
import type { Likelihood } from "./autoencoder.ts";

/** Options of every autoencoder by name; plain data. */
export interface AutoencoderOptions {
  /** The shape of one example, without the batch axis. */
  readonly inputShape: Shape;
  /** K, the size of the code. */
  readonly code?: number | undefined;
  /** Default "gaussian", any numbers; "bernoulli" for intensities from 0 to 1. */
  readonly likelihood?: Likelihood | undefined;
  /** Default "float32". */
  readonly dtype?: FloatDType | undefined;
  readonly seed?: number | undefined;
}

/** An autoencoder of dense layers. */
export interface DenseAutoencoderOptions extends AutoencoderOptions {
  /** Units of the encoder's hidden layers; the decoder has them in reverse order. */
  readonly hidden?: readonly number[] | undefined;
}

const names: OptionNames<AutoencoderOptions> = {
  ...{ inputShape: true, code: "count", likelihood: true, dtype: true, seed: "number" },
};

/** @throws {ConfigError} for options other than those of every autoencoder and `more`. */
export function checkAutoencoder<O extends AutoencoderOptions>(
  name: string,
  options: O,
  more: OptionNames<Omit<O, keyof AutoencoderOptions>>,
): void {
  checkOptions<object>(name, options ?? null, { ...names, ...more });
  const { inputShape } = options;
  if (Array.isArray(inputShape) && sizeOf(inputShape) > 0) return;
  throw new ConfigError({
    subject: name,
    problem: "inputShape, the shape of one example, is missing or empty.",
    fix: "give it without the axis of the batch, such as inputShape: [1, 28, 28].",
  });
}

/**
 * The size of a bottleneck. @throws {ConfigError} for a code that is not smaller than its input.
 */
export function narrowCode(name: string, { inputShape, code }: AutoencoderOptions): number {
  const size = sizeOf(inputShape);
  if (code === undefined) return Math.min(32, Math.max(1, size >> 1));
  if (code < size) return code;
  throw new ConfigError({
    subject: name,
    problem: `a code of ${code} is no bottleneck for examples of ${size} numbers (${show(inputShape)}): all could be copied.`,
    fix: `give a code below ${size}, or a penalty in its place: the sparse and the contractive autoencoder take any.`,
  });
}

/** Dense layers of these widths with ReLUs between them. */
export const dense = (widths: readonly number[], dtype: FloatDType | undefined): Module[] =>
  widths
    .slice(1)
    .flatMap((to, i) => [...(i > 0 ? [new ReLU()] : []), new Linear(widths[i]!, to, { dtype })]);

/** The output of a decoder, in the shape of an example. */
export const asExample = ({ inputShape }: AutoencoderOptions): Module => new Reshape(inputShape);
