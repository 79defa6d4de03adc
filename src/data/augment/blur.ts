import type { ImageShape } from "./warp.ts";

/** Weights of a Gaussian at −r…r, r = ⌈3 σ⌉, up to a factor. */
const gaussian = (sigma: number): Float64Array => {
  const reach = Math.ceil(3 * sigma);
  return Float64Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)),
  );
};

/** Blurs an image in place, rows and then columns; what lies outside has no weight. `spare` is as large. */
export function blur(image: Float32Array, spare: Float32Array, shape: ImageShape, sigma: number) {
  const [, height, width] = shape;
  const weights = gaussian(sigma);
  along(image, spare, weights, { length: width, step: 1, lines: (n) => n * width });
  const plane = height * width;
  along(spare, image, weights, {
    ...{ length: height, step: width },
    lines: (n) => Math.floor(n / width) * plane + (n % width),
  });
}

/** Lines of pixels: how many each has, how far apart they are, and where line n begins. */
interface Lines {
  readonly length: number;
  readonly step: number;
  readonly lines: (n: number) => number;
}

function along(from: Float32Array, to: Float32Array, weights: Float64Array, at: Lines): void {
  const { length, step, lines } = at;
  const reach = weights.length >> 1;
  for (let n = 0; n < from.length / length; n++) {
    const start = lines(n);
    for (let i = 0; i < length; i++) {
      let [sum, total] = [0, 0];
      for (let k = Math.max(0, i - reach); k <= Math.min(length - 1, i + reach); k++) {
        const weight = weights[k - i + reach]!;
        sum += weight * from[start + k * step]!;
        total += weight;
      }
      to[start + i * step] = sum / total;
    }
  }
}
