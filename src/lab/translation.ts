import { ShapeError, show } from "../base/index.ts";
import type { Tensor } from "../tensor/index.ts";

/** Whole pixels down and to the right. */
export type Shift = readonly [down: number, right: number];

/**
 * The equivariance error of a map of images under translation: the relative distance
 *
 *   ‖f(S_d x) − S_d′ f(x)‖ / ‖f(x)‖
 *
 * where S_d shifts the last two axes by d pixels and brings in zeros. 0 is equivariance:
 * convolutions are equivariant as long as nothing is shifted over the border. With a stride s,
 * shifts by multiples of s become d′ = d / s.
 *
 * @param f maps images `[…, H, W]` to images.
 * @param outputBy d′. Default d.
 * @throws {ShapeError} if an image has fewer than two axes.
 * @see Goodfellow, Bengio & Courville 2016, §9.2
 * @example
 * const x = tensor([0, 1, 2, 0, 0, 0]).reshape([1, 6]);
 * equivarianceError((image) => correlate(image, tensor([1, -1]), "same"), x, [0, 2]); // 0
 */
export function equivarianceError(
  f: (x: Tensor) => Tensor,
  x: Tensor,
  by: Shift,
  outputBy: Shift = by,
): number {
  const y = f(x);
  return distance(f(shifted(x, by)), shifted(y, outputBy));
}

/**
 * The invariance error: how much a map's result changes when images are shifted: ‖f(S_d x) − f(x)‖
 * / ‖f(x)‖. 0 is invariance. Pooling is nearly invariant to shifts smaller than its windows; global
 * pooling is fully invariant.
 *
 * @see equivarianceError
 * @example
 * const x = tensor([0, 3, 0, 0, 0, 0, 0, 0]).reshape([1, 1, 2, 4]);
 * invarianceError((image) => maxPool(image, { size: 2 }), x, [1, 0]); // 0
 * invarianceError((image) => maxPool(image, { size: 2 }), x, [0, 1]); // 1.4142135
 */
export function invarianceError(f: (x: Tensor) => Tensor, x: Tensor, by: Shift): number {
  return distance(f(shifted(x, by)), f(x));
}

/** ‖a − b‖ / ‖b‖; 0 for two zeros. */
function distance(a: Tensor, b: Tensor): number {
  const far = a.sub(b).square().sum().sqrt().item();
  return far === 0 ? 0 : far / b.square().sum().sqrt().item();
}

function shifted(x: Tensor, by: Shift): Tensor {
  if (x.rank < 2)
    throw new ShapeError({
      subject: "shift",
      problem: `${show(x.shape)} has no rows and columns to move along.`,
      fix: "give images […, H, W], and a function that returns such.",
    });
  const outer = x.shape.slice(0, -2);
  const size = x.shape.slice(-2);
  const keep = by.map((d, i): [number, number] => [
    Math.min(size[i]!, Math.max(0, -d)),
    Math.max(0, Math.min(size[i]!, size[i]! - d)),
  ]);
  const widths = by.map((d, i): [number, number] => [
    Math.min(size[i]!, Math.max(0, d)),
    Math.min(size[i]!, Math.max(0, -d)),
  ]);
  return x
    .slice(...outer.map(() => null), ...keep)
    .pad([...outer.map((): [number, number] => [0, 0]), ...widths]);
}
