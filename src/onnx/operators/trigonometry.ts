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

/** ½ log1p(2|x|/(1 − |x|)) with the sign of x: below 0 the argument of log1p would cancel. */
function atanh(x: Tensor): Tensor {
  const isBelow = x.less(0);
  const size = where(isBelow, x.neg(), x); // whose slope at 0 is 1, and that of |x| is 0
  return size
    .mul(2)
    .div(size.neg().add(1))
    .log1p()
    .mul(where(isBelow, -0.5, 0.5));
}

/** sign x · log(|x| (1 + √(1 + x⁻²))), where nothing overflows; within 1 by artanh(x/√(x² + 1)), which is exact near 0. */
function asinh(x: Tensor): Tensor {
  const isFar = x.abs().greater(1);
  const [far, near] = [where(isFar, x, 1), where(isFar, 0, x)];
  const size = far.abs();
  const factor = size.pow(-1).square().add(1).sqrt().add(1);
  return where(
    isFar,
    size.log().add(factor.log()).mul(far.sign()),
    atanh(near.div(near.square().add(1).sqrt())),
  );
}

/** log(x (1 + √(1 − x⁻²))), where nothing overflows; below 2 log(x + √(x² − 1)), exact near 1. */
function acosh(x: Tensor): Tensor {
  const isFar = x.greater(2);
  const [far, near] = [where(isFar, x, 2), where(isFar, 1, x)];
  const root = far.pow(-1).square().neg().add(1).sqrt();
  const beyond = near.sub(1);
  return where(
    isFar,
    far.log().add(root.log1p()),
    beyond.add(beyond.mul(near.add(1)).sqrt()).log1p(),
  );
}

/** ½ eˣ, up to where that overflows itself. */
function halfExp(x: Tensor): Tensor {
  const half = x.mul(0.5).exp();
  return half.mul(0.5).mul(half);
}

/** ½ (eˣ − e⁻ˣ), within 1 by expm1, which is exact near 0. */
function sinh(x: Tensor): Tensor {
  const isFar = x.abs().greater(1);
  const [far, near] = [where(isFar, x, 1), where(isFar, 0, x)];
  return where(
    isFar,
    halfExp(far).sub(halfExp(far.neg())),
    near.expm1().sub(near.neg().expm1()).mul(0.5),
  );
}

export const trigonometricOperators: readonly Operator[] = [
  unary("Tan", (x) => x.sin().div(x.cos())),
  unary("Asin", asin),
  unary("Acos", acos),
  unary("Atan", atan),
  unary("Sinh", sinh),
  unary("Cosh", (x) => halfExp(x).add(halfExp(x.neg()))),
  unary("Asinh", asinh),
  unary("Acosh", acosh),
  unary("Atanh", atanh),
];
