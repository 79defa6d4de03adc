/** Activations as functions; each is a method of tensors, and a layer in `layers/activation.ts`. */

import { nodeOf } from "../tensor/arguments.ts";
import type { GeluForm, Tensor } from "../tensor/index.ts";

/** @throws {DTypeError} unless `x` is a tensor. */
function checked(name: string, x: Tensor): Tensor {
  nodeOf(name, x);
  return x;
}

/**
 * max(x, 0); the derivative at 0 is 0.
 *
 * @see Glorot, Bordes & Bengio 2011, "Deep sparse rectifier neural networks"
 * @example
 * relu(tensor([-1, 2])).toArray(); // [0, 2]
 */
export const relu = (x: Tensor): Tensor => checked("relu", x).relu();

/**
 * x where x > 0, slope · x elsewhere; the derivative at 0 is the slope.
 *
 * @see Maas, Hannun & Ng 2013, "Rectifier nonlinearities improve neural network acoustic models"
 * @example
 * leakyRelu(tensor([-10, 2]), 0.1).toArray(); // [-1, 2]
 */
export const leakyRelu = (x: Tensor, slope = 0.01): Tensor =>
  checked("leakyRelu", x).leakyRelu(slope);

/**
 * Exponential linear unit: x where x > 0, α (eˣ − 1) elsewhere.
 *
 * @see Clevert et al. 2015
 * @example
 * elu(tensor([2, 0])).toArray(); // [2, 0]
 */
export const elu = (x: Tensor, alpha = 1): Tensor => checked("elu", x).elu(alpha);

/**
 * x Φ(x), with Φ the distribution function of the standard normal distribution:
 *
 *   "erf"    ½ x (1 + erf(x/√2)), the definition
 *   "tanh"   ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))), within 5·10⁻⁴ of it; GPT-2's
 *
 * @see Hendrycks & Gimpel 2016, §2
 * @example
 * gelu(tensor([0, 100])).toArray(); // [0, 100]
 * gelu(tensor([0, 100]), "tanh").toArray(); // [0, 100]
 */
export const gelu = (x: Tensor, form: GeluForm = "erf"): Tensor => checked("gelu", x).gelu(form);

/**
 * x σ(x), also called swish.
 *
 * @see Elfwing et al. 2017
 * @example
 * silu(tensor([0])).toArray(); // [0]
 */
export const silu = (x: Tensor): Tensor => checked("silu", x).silu();

/**
 * log(1 + eˣ), without overflow.
 *
 * @example
 * softplus(tensor([0, 100])).toArray(); // [0.6931…, 100]
 */
export const softplus = (x: Tensor): Tensor => checked("softplus", x).softplus();

/**
 * σ(x) = 1/(1 + e⁻ˣ), without overflow.
 *
 * @example
 * sigmoid(tensor([0, 1000])).toArray(); // [0.5, 1]
 */
export const sigmoid = (x: Tensor): Tensor => checked("sigmoid", x).sigmoid();

/**
 * tanh x
 *
 * @example
 * tanh(tensor([0, 100])).toArray(); // [0, 1]
 */
export const tanh = (x: Tensor): Tensor => checked("tanh", x).tanh();

/**
 * eˣ / Σ eˣ along an axis, by default the last, without overflow.
 *
 * @example
 * softmax(tensor([[0, 0], [1000, 0]])).toArray(); // [[0.5, 0.5], [1, 0]]
 */
export const softmax = (x: Tensor, axis = -1): Tensor => checked("softmax", x).softmax(axis);

/**
 * x − log Σ eˣ along an axis, by default the last: finite where log(softmax x) is −∞.
 *
 * @example
 * logSoftmax(tensor([1000, 0])).toArray(); // [0, -1000]
 */
export const logSoftmax = (x: Tensor, axis = -1): Tensor =>
  checked("logSoftmax", x).logSoftmax(axis);

/**
 * −1, 0 or 1 as x is below, at or above 0; the derivative is 0 everywhere.
 *
 * @example
 * sign(tensor([-3, 0, 2])).toArray(); // [-1, 0, 1]
 */
export const sign = (x: Tensor): Tensor => checked("sign", x).sign();

/**
 * 1 where x ≥ 0, 0 elsewhere, as the first neurons had it. The derivative is 0 everywhere, at the jump
 * by convention: nothing learns through it.
 *
 * @see McCulloch & Pitts 1943
 * @example
 * step(tensor([-1, 0, 2])).toArray(); // [0, 1, 1]
 */
export const step = (x: Tensor): Tensor => checked("step", x).step();

/**
 * A piecewise linear tanh: x clipped to −1 … 1. The derivative is 1 between them and 0 at and
 * beyond both.
 *
 * @see Collobert 2004
 * @example
 * hardTanh(tensor([-3, 0.5, 3])).toArray(); // [-1, 0.5, 1]
 */
export const hardTanh = (x: Tensor): Tensor => checked("hardTanh", x).hardTanh();

/**
 * A piecewise linear σ: x/6 + ½ clipped to 0 … 1. The derivative is 1/6 for |x| < 3, 0 elsewhere.
 *
 * @see Howard et al. 2019, "Searching for MobileNetV3", §5.2
 * @example
 * hardSigmoid(tensor([-3, 0, 1.5, 4])).toArray(); // [0, 0.5, 0.75, 1]
 */
export const hardSigmoid = (x: Tensor): Tensor => checked("hardSigmoid", x).hardSigmoid();
