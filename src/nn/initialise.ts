/** Initializers: the first values of parameters. */
import {
  type FloatDType,
  RandomStream,
  type Shape,
  ShapeError,
  show,
  sizeOf,
} from "../base/index.ts";
import {
  eye,
  full,
  randomKey,
  normal as standardNormal,
  type Tensor,
  tensor,
  uniform as unit,
} from "../tensor/index.ts";

/** The options of an initializer. */
export interface InitOptions {
  /** The source of random numbers; by default the next seed, see {@link seeded}. */
  readonly seed?: number | undefined;
  readonly dtype?: FloatDType | undefined;
  /** The fan-in, inputs of one unit; by default from the shape, see {@link fans}. */
  readonly fanIn?: number | undefined;
  /** The fan-out, the units that one input reaches. */
  readonly fanOut?: number | undefined;
}

/**
 * A function from shape to first values. A seed gives the same values on every engine, normal ones
 * up to rounding.
 */
export type Initializer = (shape: Shape, options?: InitOptions) => Tensor;

const stream = 0x696e6974; // separates these seeds from other uses of the same number
let seeds = new RandomStream(0, stream);

/**
 * Restarts the process-wide sequence of seeds, from which layers and initializers without a seed draw.
 * The sequence of a new process is that of seed 0. Prefer {@link seeded}, whose effect ends with its function.
 *
 * @see `torch.manual_seed`
 * @example
 * manualSeed(7);
 * const one = new Linear(2, 2);
 * manualSeed(7);
 * one.weight.value.equal(new Linear(2, 2).weight.value).all().item(); // 1
 */
export function manualSeed(seed: number): void {
  seeds = new RandomStream(seed, stream);
}

/** A fresh seed, from the innermost {@link seeded} or else from the process-wide sequence. */
export const nextSeed = (): number => seeds.bits();

/**
 * Runs `build` with seeds derived from `seed`: models built in it always start from the same
 * parameters and drop the same units.
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
 * Fan-in and fan-out of a weight `[out, in, …kernel]`.
 * @example
 * fans([16, 8, 5, 5]); // { fanIn: 200, fanOut: 400 }
 */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  const [out = 1, inputs = out] = shape;
  const kernel = sizeOf(shape.slice(2));
  return { fanIn: inputs * kernel, fanOut: out * kernel };
}

/** The key is a tensor, so that weights of one shape share a program. */
const draw = { normal: standardNormal, uniform: unit };
const random = (
  distribution: keyof typeof draw,
  shape: Shape,
  { seed, dtype }: InitOptions,
): Tensor =>
  draw[distribution](shape, {
    key: randomKey(seed === undefined ? nextSeed() : seed),
    ...(dtype && { dtype }),
  });

/** One value everywhere. */
export const constant =
  (value: number): Initializer =>
  (shape, { dtype } = {}) =>
    full(shape, value, { dtype });

/**
 * 0 everywhere: for biases. Never use it, or any constant, for the weights of a hidden layer: units
 * that start equal get equal gradients and stay equal. A single layer, whose loss is convex, may
 * start at 0.
 *
 * @see Goodfellow, Bengio & Courville 2016, §8.4
 */
export const zeros: Initializer = constant(0);

/** Uniform in [low, high). */
export const uniform =
  (low: number, high: number): Initializer =>
  (shape, options = {}) =>
    random("uniform", shape, options)
      .sub(0.5) // exact, so that a distribution around 0 is the same on every engine
      .mul(high - low)
      .add((low + high) / 2);

/** Normal with this mean and standard deviation. */
export const normal =
  (mean: number, std: number): Initializer =>
  (shape, options = {}) =>
    random("normal", shape, options).mul(std).add(mean);

/** Mean 0 and a variance given by the fans: N(0, σ²), or U(−√3 σ, √3 σ). */
const scaled =
  (
    distribution: keyof typeof draw,
    variance: (fanIn: number, fanOut: number) => number,
  ): Initializer =>
  (shape, options = {}) => {
    const { fanIn, fanOut } = { ...fans(shape), ...defined(options) };
    const std = Math.sqrt(variance(fanIn, fanOut));
    const bound = Math.sqrt(3) * std;
    return distribution === "normal"
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

/**
 * Variance 2/(n_in + n_out), which preserves the variance of activations and gradients. @see Glorot
 * & Bengio 2010
 */
export const glorotUniform: Initializer = scaled("uniform", glorot);
/** Variance 2/(n_in + n_out), normal. @see Glorot & Bengio 2010 */
export const glorotNormal: Initializer = scaled("normal", glorot);
/** Variance 2/n_in: half of the ReLUs are off. The default of weights. @see He et al. 2015 */
export const heUniform: Initializer = scaled("uniform", he);
/** Variance 2/n_in, normal. @see He et al. 2015 */
export const heNormal: Initializer = scaled("normal", he);
/** Variance 1/n_in, uniform. @see LeCun et al. 1998, "Efficient backprop", §4.6 */
export const lecunUniform: Initializer = scaled("uniform", lecun);
/**
 * Variance 1/n_in, normal, which preserves the variance of activations only. Courses call it
 * Xavier, after Glorot's first name; Glorot's own form is {@link glorotNormal}. @see LeCun et al.
 * 1998, §4.6
 */
export const lecunNormal: Initializer = scaled("normal", lecun);
/** U(−1/√n_in, 1/√n_in), variance 1/(3 n_in): PyTorch's default for weights and biases. */
export const torchUniform: Initializer = scaled("uniform", (fanIn) => 1 / (3 * fanIn));

/**
 * Ones from each input to the output of the same index, at the kernel's center, 0 elsewhere: a
 * dense layer, or a convolution with padding "same", that copies its input. Inputs beyond the last
 * output are dropped, outputs beyond the last input are 0.
 *
 * @throws {ShapeError} for a shape of fewer than two axes.
 * @see Le, Jaitly & Hinton 2015, "A simple way to initialize recurrent networks of rectified linear
 * units"
 * @example
 * init.identity([2, 3]).toArray(); // [[1, 0, 0], [0, 1, 0]]
 * const layer = new Conv2d(4, 4, 3, { padding: "same", init: init.identity });
 * layer.forward(ones([1, 4, 5, 5])).equal(1).all().item(); // 1
 */
export const identity: Initializer = (shape, { dtype } = {}) => {
  const [out, inputs, kernel] = matrixOf("identity", shape);
  const middle = kernel.reduce((at, f) => at * f + ((f - 1) >> 1), 0);
  return eye(Math.max(out, inputs), dtype && { dtype })
    .slice([0, out], [0, inputs])
    .reshape([out, inputs, 1])
    .pad([
      [0, 0],
      [0, 0],
      [middle, sizeOf(kernel) - 1 - middle],
    ])
    .reshape(shape);
};

/**
 * A random matrix with orthonormal rows, or columns if there are more rows, times a gain; a
 * kernel's positions count as inputs. Square layers preserve the length of signals: W Wᵀ = gain² I.
 * The matrix is uniform among all such (the Haar measure): the Q of a normal matrix, with the signs
 * that make R's diagonal positive.
 *
 * The numbers are computed when the initializer is called, in O(rows² columns).
 *
 * @param gain √2 makes up for ReLUs.
 * @throws {ShapeError} for a shape of fewer than two axes.
 * @see Saxe, McClelland & Ganguli 2014; Mezzadri 2007, "How to generate random matrices", §5
 * @example
 * const w = init.orthogonal()([2, 3]);
 * w.matmul(w.transpose()).sub(eye(2)).abs().less(1e-6).all().item(); // 1
 */
export const orthogonal =
  (gain = 1): Initializer =>
  (shape, options = {}) => {
    const [out, inputs, kernel] = matrixOf("orthogonal", shape);
    const columns = inputs * sizeOf(kernel);
    const [short, long] = [Math.min(out, columns), Math.max(out, columns)];
    const drawn = random("normal", [short, long], { seed: options.seed, dtype: "float64" });
    const rows = orthonormalised(drawn.dataSync() as Float64Array, short, long);
    const q = tensor(rows, "float64").reshape([short, long]);
    return (out <= columns ? q : q.transpose())
      .mul(gain)
      .reshape(shape)
      .cast(options.dtype ?? "float32");
  };

/**
 * Gram-Schmidt rows, each orthogonalised twice against those before it: once is not enough where
 * little is left (Giraud, Langou & Rozložník 2005).
 */
function orthonormalised(data: Float64Array, count: number, length: number): Float64Array {
  const row = (i: number) => data.subarray(i * length, (i + 1) * length);
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, k) => sum + x * b[k]!, 0);
  for (let i = 0; i < count; i++) {
    const own = row(i);
    for (let pass = 0; pass < 2; pass++)
      for (let j = 0; j < i; j++) {
        const before = row(j);
        const along = dot(own, before);
        for (let k = 0; k < length; k++) own[k]! -= along * before[k]!;
      }
    const norm = Math.sqrt(dot(own, own));
    for (let k = 0; k < length; k++) own[k]! /= norm;
  }
  return data;
}

/** A weight's outputs, inputs and kernel. */
function matrixOf(name: string, shape: Shape): [out: number, inputs: number, kernel: Shape] {
  const [out, inputs, ...kernel] = shape;
  if (out !== undefined && inputs !== undefined) return [out, inputs, kernel];
  throw new ShapeError({
    subject: name,
    problem: `${show(shape)} is no weight [out, in, …kernel].`,
    fix: "use another initializer for biases, such as zeros.",
  });
}
