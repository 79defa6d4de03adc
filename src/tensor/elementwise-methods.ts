/**
 * Elementwise functions of one tensor, as methods: one line each, so that the class reads as a
 * list.
 */
import { checkDType, type DType, isFloat } from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import * as op from "../ops/index.ts";
import type { GeluForm } from "./activations.ts";
import * as activations from "./activations.ts";
import { checkNumber } from "./arguments.ts";
import * as composite from "./composite.ts";

type OfNode<T> = new (node: Node) => T;

/** f of the value, as a tensor of the same class. */
const map = <T extends { readonly node: Node }>(x: T, f: (x: Node) => Node): T =>
  new (x.constructor as OfNode<T>)(f(x.node));

/** Integers and booleans as float32. */
export const floatOf = <T extends { readonly node: Node }>(x: T): T =>
  isFloat(x.node.dtype) ? x : map(x, (node) => op.cast(node, "float32"));

/** Booleans as the integers 0 and 1. */
export const numberOf = <T extends { readonly node: Node }>(x: T): T =>
  x.node.dtype === "bool" ? map(x, (node) => op.cast(node, "int32")) : x;

/** Called for every activation that is applied to a tensor, as a method, a function or a layer. */
export type ActivationListener = (name: string, output: unknown, input: unknown) => void;
let listener: ActivationListener | null = null;

/** Runs `f`, calling `onActivation` after every activation with the name of its method. */
export function listenToActivations<T>(onActivation: ActivationListener, f: () => T): T {
  const before = listener;
  listener = onActivation;
  try {
    return f();
  } finally {
    listener = before;
  }
}

const activation = <T extends { readonly node: Node }>(
  name: string,
  x: T,
  f: (x: Node) => Node,
): T => {
  const y = map(x, f);
  listener?.(name, y, x);
  return y;
};

const rounded = <T extends { readonly node: Node }>(x: T, f: (x: Node) => Node): T =>
  isFloat(x.node.dtype) ? map(x, f) : numberOf(x);

/** The elementwise methods of a tensor, which keep the shape. */
export abstract class ElementwiseMethods {
  /** The graph node; ops and transforms work on it. */
  abstract readonly node: Node;

  /** Whether x is false, or 0. */
  logicalNot(): this {
    return map(this, (x) => op.not(op.cast(x, "bool")));
  }
  /** −x */
  neg(): this {
    return map(numberOf(this), op.neg);
  }
  /** |x|; the derivative at 0 is 0. */
  abs(): this {
    return map(numberOf(this), op.abs);
  }
  /** −1, 0 or 1; the derivative is 0. */
  sign(): this {
    return activation("sign", numberOf(this), op.sign);
  }
  /** x² */
  square(): this {
    return map(numberOf(this), (x) => op.mul(x, x));
  }
  /** √x; NaN below 0. */
  sqrt(): this {
    return map(floatOf(this), op.sqrt);
  }
  /** 1/√x */
  rsqrt(): this {
    return map(floatOf(this), op.rsqrt);
  }
  /** eˣ */
  exp(): this {
    return map(floatOf(this), op.exp);
  }
  /** eˣ − 1, exact to rounding near 0. */
  expm1(): this {
    return map(floatOf(this), op.expm1);
  }
  /** The natural logarithm; −∞ at 0, NaN below. */
  log(): this {
    return map(floatOf(this), op.log);
  }
  /** log(1 + x), exact to rounding near 0. */
  log1p(): this {
    return map(floatOf(this), op.log1p);
  }
  /** sin x, x in radians. */
  sin(): this {
    return map(floatOf(this), op.sin);
  }
  /** cos x, x in radians. */
  cos(): this {
    return map(floatOf(this), op.cos);
  }
  /** tanh x */
  tanh(): this {
    return activation("tanh", floatOf(this), op.tanh);
  }
  /** 1/(1 + e⁻ˣ), without overflow. */
  sigmoid(): this {
    return activation("sigmoid", floatOf(this), op.sigmoid);
  }
  /** log(1 + eˣ), without overflow. */
  softplus(): this {
    return activation("softplus", floatOf(this), op.softplus);
  }
  /** (2/√π) ∫₀ˣ e^(−t²) dt */
  erf(): this {
    return map(floatOf(this), op.erf);
  }
  /** max(x, 0); the derivative at 0 is 0. */
  relu(): this {
    return activation("relu", numberOf(this), op.relu);
  }
  /** x above 0, slope · x below. */
  leakyRelu(slope = 0.01): this {
    checkNumber("leakyRelu", "the slope", slope, true);
    return activation("leakyRelu", floatOf(this), (x) => activations.leakyRelu(x, slope));
  }
  /** Exponential linear unit: x above 0, α (eˣ − 1) below. */
  elu(alpha = 1): this {
    checkNumber("elu", "alpha", alpha, true);
    return activation("elu", floatOf(this), (x) => activations.elu(x, alpha));
  }
  /** x Φ(x), with Φ the standard normal distribution function, or its tanh approximation. */
  gelu(form: GeluForm = "erf"): this {
    return activation("gelu", floatOf(this), (x) => activations.gelu(x, form));
  }
  /** x σ(x), also called swish. */
  silu(): this {
    return activation("silu", floatOf(this), activations.silu);
  }
  /** 1 where x ≥ 0, else 0; the derivative is 0. */
  step(): this {
    return activation("step", this, activations.step);
  }
  /** x clipped to −1 … 1; the derivative is 0 at and beyond both. */
  hardTanh(): this {
    return activation("hardTanh", numberOf(this), activations.hardTanh);
  }
  /** x/6 + ½ clipped to 0 … 1; the derivative is 1/6 for |x| < 3, else 0. */
  hardSigmoid(): this {
    return activation("hardSigmoid", floatOf(this), activations.hardSigmoid);
  }
  /** ⌊x⌋; the derivative is 0. Integers are unchanged. */
  floor(): this {
    return rounded(this, op.floor);
  }
  /** ⌈x⌉; the derivative is 0. Integers are unchanged. */
  ceil(): this {
    return rounded(this, composite.ceil);
  }
  /** To the nearest integer, halves to even. Integers are unchanged. */
  round(): this {
    return rounded(this, composite.round);
  }
  /** Whether each element is NaN, as bool. */
  isNaN(): this {
    return map(this, (x) => op.not(op.equal(x, x)));
  }
  /** Whether each element is neither infinite nor NaN, as bool. */
  isFinite(): this {
    return map(this, (x) =>
      isFloat(x.dtype)
        ? op.less(op.abs(x), Number.POSITIVE_INFINITY)
        : op.constant(1, x.shape, "bool"),
    );
  }
  /** The same values in another dtype; on the way to int32 fractions are truncated toward 0. */
  cast(dtype: DType): this {
    checkDType("cast", dtype);
    return map(this, (x) => op.cast(x, dtype));
  }
  /** The same value, treated as a constant by derivatives. */
  stopGradient(): this {
    return map(this, op.stopGradient);
  }
}
