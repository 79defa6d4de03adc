/** Laws for the first values of parameters. */
import { type FloatDType, RandomStream, type Shape, sizeOf } from "../base/index.ts";
import {
  full,
  normal as standardNormal,
  type Tensor,
  tensor,
  uniform as unit,
} from "../tensor/index.ts";

/** What a law may want to know. */
export interface InitOptions {
  /** Where the random numbers come from; by default the next seed, see {@link seeded}. */
  readonly seed?: number | undefined;
  readonly dtype?: FloatDType | undefined;
  /** Inputs of one unit; by default from the shape, see {@link fans}. */
  readonly fanIn?: number | undefined;
  /** Units that one input reaches. */
  readonly fanOut?: number | undefined;
}

/** A law: a shape in, first values out. A seed gives the same values on every engine, normal laws to rounding. */
export type Initializer = (shape: Shape, options?: InitOptions) => Tensor;

const stream = 0x696e6974; // keeps these seeds apart from other uses of the same number
let seeds = new RandomStream(0, stream);

/** A fresh seed, from the innermost {@link seeded} or else from the process's own sequence. */
export const nextSeed = (): number => seeds.bits() | 0;

/**
 * Runs `build` with the seeds that follow from `seed`: models built in it start from the same
 * parameters, and drop the same units, each time.
 *
 * @param seed if undefined, `build` just runs.
 * @example
 * const first = seeded(7, () => new Linear(2, 2));
 * const second = seeded(7, () => new Linear(2, 2));
 * first.weight.value.equal(second.weight.value).all().item(); // 1
 */
export function seeded<T>(seed: number | undefined, build: () => T): T {
  if (seed === undefined) return build();
  const before = seeds;
  seeds = new RandomStream(seed, stream);
  try {
    return build();
  } finally {
    seeds = before;
  }
}

/**
 * Inputs of one unit and units that one input reaches, for a weight `[out, in, …kernel]`.
 *
 * @example
 * fans([16, 8, 5, 5]); // { fanIn: 200, fanOut: 400 }
 */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  const [out = 1, inputs = out] = shape;
  const kernel = sizeOf(shape.slice(2));
  return { fanIn: inputs * kernel, fanOut: out * kernel };
}

/** The key is a tensor, so that weights of one shape share one program. */
const draw = { normal: standardNormal, uniform: unit };
const random = (law: keyof typeof draw, shape: Shape, { seed, dtype }: InitOptions): Tensor =>
  draw[law](shape, { key: tensor([seed ?? nextSeed(), 0], "int32"), ...(dtype && { dtype }) });

/** The value everywhere. */
export const constant =
  (value: number): Initializer =>
  (shape, { dtype } = {}) =>
    full(shape, value, { dtype });

/**
 * 0 everywhere: for biases. Hidden units whose weights start alike stay alike for ever, for they get
 * the same gradient: never use it for the weights of a hidden layer.
 */
export const zeros: Initializer = constant(0);

/** Uniform in [low, high). */
export const uniform =
  (low: number, high: number): Initializer =>
  (shape, options = {}) =>
    random("uniform", shape, options)
      .sub(0.5) // exact, so that a law around 0 rounds once and is the same on every engine
      .mul(high - low)
      .add((low + high) / 2);

/** Normal with this mean and standard deviation. */
export const normal =
  (mean: number, std: number): Initializer =>
  (shape, options = {}) =>
    random("normal", shape, options).mul(std).add(mean);

/** A law of mean 0 whose variance follows from the fans: N(0, σ²), or U(−√3 σ, √3 σ). */
const scaled =
  (law: keyof typeof draw, variance: (fanIn: number, fanOut: number) => number): Initializer =>
  (shape, options = {}) => {
    const { fanIn, fanOut } = { ...fans(shape), ...defined(options) };
    const std = Math.sqrt(variance(fanIn, fanOut));
    const bound = Math.sqrt(3) * std;
    return law === "normal"
      ? normal(0, std)(shape, options)
      : uniform(-bound, bound)(shape, options);
  };

const defined = ({ fanIn, fanOut }: InitOptions) => ({
  ...(fanIn !== undefined && { fanIn }),
  ...(fanOut !== undefined && { fanOut }),
});

const glorot = (fanIn: number, fanOut: number) => 2 / (fanIn + fanOut);
const he = (fanIn: number) => 2 / fanIn;
const lecun = (fanIn: number) => 1 / fanIn;

/** Variance 2/(n_in + n_out), which keeps both activations and gradients. @see Glorot & Bengio 2010 */
export const glorotUniform: Initializer = scaled("uniform", glorot);
/** Variance 2/(n_in + n_out), normal. @see Glorot & Bengio 2010 */
export const glorotNormal: Initializer = scaled("normal", glorot);
/** Variance 2/n_in: half of the ReLUs are off. The default of weights. @see He et al. 2015 */
export const heUniform: Initializer = scaled("uniform", he);
/** Variance 2/n_in, normal. @see He et al. 2015 */
export const heNormal: Initializer = scaled("normal", he);
/** Variance 1/n_in, uniform. @see LeCun et al. 1998, "Efficient backprop", §4.6 */
export const lecunUniform: Initializer = scaled("uniform", lecun);
/** Variance 1/n_in, normal: some courses call this form Xavier. @see LeCun et al. 1998 */
export const lecunNormal: Initializer = scaled("normal", lecun);
/** U(−1/√n_in, 1/√n_in), variance 1/(3 n_in): PyTorch's default for weights and biases. */
export const torchUniform: Initializer = scaled("uniform", (fanIn) => 1 / (3 * fanIn));
