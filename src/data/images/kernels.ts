import { ConfigError, nearest } from "../../base/index.ts";
import { type Tensor, tensor } from "../../tensor/index.ts";

/** A small image kernel and its effect. */
export interface ImageKernel {
  readonly name: string;
  readonly about: string;
  /** Rows, as usually printed. */
  readonly rows: readonly (readonly number[])[];
  /** The kernel to use instead, if this one does not do what its common name says. */
  readonly instead?: string;
}

const ninth = 1 / 9;
const eighth = 1 / 8;

/**
 * The kernels of introductions to image processing. Those with Σ k = 1 preserve brightness; those
 * with Σ k = 0 respond to edges, with both signs. Two are often printed wrongly and are listed
 * under names of their own, to show what they do:
 *
 * - `twice-identity`, printed as "sharpen": with 2 in the middle and zeros around it it only
 *   doubles the brightness. Sharpening subtracts the blurred image: 2·identity − box, `unsharp`.
 * - `blur-unscaled`, printed as "blur": its weights sum to 8, so nearly every pixel of the result
 *   is above white. Divided by 8 it is `blur`.
 *
 * Kernels that are not symmetric depend on the direction: {@link convolve} flips them, {@link
 * correlate} applies them as printed. `shift` as printed moves the image one pixel to the right
 * under correlation and to the left under convolution.
 *
 * @see Gonzalez & Woods 2018, "Digital image processing", §3.4–3.6
 * @example
 * imageKernels.map(({ name }) => name).slice(0, 3); // ["identity", "shift", "blur"]
 */
export const imageKernels: readonly ImageKernel[] = [
  {
    name: "identity",
    about: "leaves the image as it is",
    rows: [
      [0, 0, 0],
      [0, 1, 0],
      [0, 0, 0],
    ],
  },
  {
    name: "shift",
    about: "moves the image by one pixel along its rows",
    rows: [
      [0, 0, 0],
      [1, 0, 0],
      [0, 0, 0],
    ],
  },
  {
    name: "blur",
    about: "the mean with the four neighbors, the middle four times",
    rows: [
      [0, eighth, 0],
      [eighth, 4 * eighth, eighth],
      [0, eighth, 0],
    ],
  },
  {
    name: "box",
    about: "the mean of nine pixels",
    rows: [
      [ninth, ninth, ninth],
      [ninth, ninth, ninth],
      [ninth, ninth, ninth],
    ],
  },
  {
    name: "sharpen",
    about: "identity and Laplacian: what differs from its neighbors, differs more",
    rows: [
      [0, -1, 0],
      [-1, 5, -1],
      [0, -1, 0],
    ],
  },
  {
    name: "unsharp",
    about: "twice the identity less the box: sharpens by what blurring takes away",
    rows: [
      [-ninth, -ninth, -ninth],
      [-ninth, 2 - ninth, -ninth],
      [-ninth, -ninth, -ninth],
    ],
  },
  {
    name: "edge",
    about: "the negative Laplacian: edges in every direction",
    rows: [
      [0, -1, 0],
      [-1, 4, -1],
      [0, -1, 0],
    ],
  },
  {
    name: "sobel",
    about: "vertical edges, smoothed along them by 1 2 1",
    rows: [
      [1, 0, -1],
      [2, 0, -2],
      [1, 0, -1],
    ],
  },
  {
    name: "sobel-horizontal",
    about: "horizontal edges, smoothed along them by 1 2 1",
    rows: [
      [1, 2, 1],
      [0, 0, 0],
      [-1, -2, -1],
    ],
  },
  {
    name: "prewitt",
    about: "vertical edges, smoothed along them by 1 1 1",
    rows: [
      [1, 0, -1],
      [1, 0, -1],
      [1, 0, -1],
    ],
  },
  {
    name: "prewitt-horizontal",
    about: "horizontal edges, smoothed along them by 1 1 1",
    rows: [
      [1, 1, 1],
      [0, 0, 0],
      [-1, -1, -1],
    ],
  },
  {
    name: "twice-identity",
    about: 'printed as "sharpen", but only doubles the brightness',
    rows: [
      [0, 0, 0],
      [0, 2, 0],
      [0, 0, 0],
    ],
    instead: "unsharp",
  },
  {
    name: "blur-unscaled",
    about: 'printed as "blur", but its weights sum to 8: beyond white',
    rows: [
      [0, 1, 0],
      [1, 4, 1],
      [0, 1, 0],
    ],
    instead: "blur",
  },
];

/**
 * A kernel by its name, as a tensor for {@link convolve} and {@link correlate}.
 *
 * @returns `[3, 3]` float32.
 * @throws {ConfigError} for an unknown name.
 * @example
 * imageKernel("edge").toArray(); // [[0, -1, 0], [-1, 4, -1], [0, -1, 0]]
 */
export const imageKernel = (name: string): Tensor =>
  tensor(findKernel(name).rows.map((row) => [...row]));

/**
 * A kernel with its name and effect.
 *
 * @throws {ConfigError} for an unknown name.
 * @example
 * findKernel("twice-identity").instead; // "unsharp"
 */
export function findKernel(name: string): ImageKernel {
  const found = imageKernels.find((kernel) => kernel.name === name);
  if (found) return found;
  const names = imageKernels.map((kernel) => kernel.name);
  const near = nearest(name, names);
  throw new ConfigError({
    subject: "kernel",
    problem: `no kernel ${JSON.stringify(name)} among ${names.join(", ")}.`,
    fix: near
      ? `did you mean ${near}?`
      : 'name one of these, or give its rows, such as "0 -1 0; -1 5 -1; 0 -1 0".',
  });
}
