/** Trigonometric and hyperbolic functions and their inverses, of what tensors have. */
import { type Tensor, where } from "../../tensor/index.ts";
import { asFloat, type Operator } from "../call.ts";

const unary = (name: string, f: (x: Tensor) => Tensor): Operator => ({
  name,
  run: (call) => f(asFloat(call.t(0))),
});

/**
 * arctan x: beyond 1 by π/2 − arctan 1/x, then halved twice by arctan x = 2 arctan(x/(1 + √(1 + x²))),
 * so that the series x − x³/3 + … of |x| ≤ tan π/16 is exact to float64 after eleven terms.
 */
function atan(x: Tensor): Tensor {
  const isFar = x.abs().greater(1);
  const near = where(isFar, where(isFar, x, 1).pow(-1), x);
  const half = (t: Tensor) => t.div(t.square().add(1).sqrt().add(1));
  const t = half(half(near));
  const square = t.square();
  let sum = square.mul(0);
  for (let k = 10; k >= 1; k--) sum = sum.add((k % 2 ? -1 : 1) / (2 * k + 1)).mul(square);
  const angle = t.add(t.mul(sum)).mul(4);
  return where(
    isFar,
    x
      .sign()
      .mul(Math.PI / 2)
      .sub(angle),
    angle,
  );
}

/** Through the tangent, without the cancellation of 1 − x². */
const asin = (x: Tensor): Tensor => atan(x.div(x.neg().add(1).mul(x.add(1)).sqrt()));
const acos = (x: Tensor): Tensor => atan(x.neg().add(1).div(x.add(1)).sqrt()).mul(2);

const atanh = (x: Tensor): Tensor => x.mul(2).div(x.neg().add(1)).log1p().mul(0.5);

/** sign x · log(|x| + √(x² + 1)); within 1 by artanh(x/√(x² + 1)), which is exact near 0. */
function asinh(x: Tensor): Tensor {
  const isFar = x.abs().greater(1);
  const [far, near] = [where(isFar, x, 1), where(isFar, 0, x)];
  const root = (t: Tensor) => t.square().add(1).sqrt();
  return where(isFar, far.abs().add(root(far)).log().mul(far.sign()), atanh(near.div(root(near))));
}

/** log(x + √(x² − 1)), exact near 1. */
function acosh(x: Tensor): Tensor {
  const beyond = x.sub(1);
  return beyond.add(beyond.mul(x.add(1)).sqrt()).log1p();
}

export const trigonometricOperators: readonly Operator[] = [
  unary("Tan", (x) => x.sin().div(x.cos())),
  unary("Asin", asin),
  unary("Acos", acos),
  unary("Atan", atan),
  unary("Sinh", (x) => x.expm1().sub(x.neg().expm1()).mul(0.5)),
  unary("Cosh", (x) => x.exp().add(x.neg().exp()).mul(0.5)),
  unary("Asinh", asinh),
  unary("Acosh", acosh),
  unary("Atanh", atanh),
];
