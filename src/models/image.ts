import { ConfigError, type Shape, show } from "../base/index.ts";

/** Options of image classifiers. */
export interface ImageModelOptions {
  /** `[C, H, W]`, the shape of one image; `[H, W]` has one channel. */
  readonly inputShape: Shape;
  readonly classes: number;
  readonly seed?: number | undefined;
}

/**
 * Channels, height and width. @throws {ConfigError} for images smaller than `least`, suggesting a
 * model for those.
 */
export function imageSizes(
  name: string,
  inputShape: Shape,
  least: number,
  other = "mlp",
): [channels: number, height: number, width: number] {
  const [channels, height, width] = inputShape.length === 2 ? [1, ...inputShape] : inputShape;
  if (inputShape.length < 2 || inputShape.length > 3 || Math.min(height!, width!) < least)
    throw new ConfigError({
      subject: name,
      problem: `examples of ${show(inputShape)} are not images [C, H, W] of at least ${least}×${least}.`,
      fix: `use the model "${other}", which takes any shape.`,
    });
  return [channels!, height!, width!];
}
