import { ConfigError, DTypeError, type HostArray, ShapeError, show } from "../../base/index.ts";

/** N images with their sizes. */
export interface Images {
  readonly count: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

/** @throws {ShapeError} for what are no images. @throws {DTypeError} for other numbers than float32. */
export function imagesOf(subject: string, { dtype, shape, data }: HostArray): Images {
  if (shape.length !== 4)
    throw new ShapeError({
      subject,
      problem: `inputs are ${show(shape)}, not images [N, C, H, W].`,
      fix: "give images, or a task for other data: maskedTokens, nextStep.",
    });
  if (dtype !== "float32")
    throw new DTypeError({
      subject,
      problem: `images are ${dtype}, not float32.`,
      fix: "convert the inputs to float32.",
    });
  const [count, channels, height, width] = shape as readonly [number, number, number, number];
  return { count, channels, height, width, data: data as Float32Array };
}

/** @throws {ConfigError} if an image cannot be cut into squares of this side. */
export function checkPatch(subject: string, patch: number, { height, width }: Images): void {
  const divides = Number.isSafeInteger(patch) && patch >= 1;
  if (divides && height % patch === 0 && width % patch === 0) return;
  throw new ConfigError({
    subject,
    problem: `images of ${height}×${width} cannot be cut into patches of ${patch}×${patch}.`,
    fix: "give patch a number that divides both sides.",
  });
}
