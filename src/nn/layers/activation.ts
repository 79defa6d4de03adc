/** Elementwise nonlinearities, and softmax, as layers; the functions are in `activations.ts`. */
import { checkOptions, type FloatDType, ShapeError, show } from "../../base/index.ts";
import { full, type GeluForm, type Tensor, where } from "../../tensor/index.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";
import type { Reach } from "../reach.ts";
import { checkCounts } from "./linear.ts";

/** The initial slope of {@link PReLU}. */
export interface PReLUOptions {
  /** The initial slopes, default 0.25. */
  readonly slope?: number | undefined;
  readonly dtype?: FloatDType | undefined;
}

/** x itself. */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

/** max(x, 0); the derivative at 0 is 0. */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return x.relu();
  }
}

/**
 * x where x > 0, slope · x elsewhere, so that no unit dies; the derivative at 0 is the slope. The
 * default 0.01 is that of the paper and of PyTorch; courses also teach 0.1.
 *
 * @see Maas, Hannun & Ng 2013, "Rectifier nonlinearities improve neural network acoustic models"
 * @example
 * new LeakyReLU(0.1).forward(tensor([-10, 2])).toArray(); // [-1, 2]
 */
export class LeakyReLU extends Module {
  readonly slope: number;
  constructor(slope = 0.01) {
    super();
    this.slope = slope;
  }
  forward(x: Tensor): Tensor {
    return x.leakyRelu(this.slope);
  }
}

/**
 * A leaky ReLU that learns its slopes, one for all channels or one for each:
 *
 *   y = x where x > 0, a_c x elsewhere
 *
 * The slopes start at 0.25; weight decay would pull them to 0, an ordinary ReLU.
 *
 * @throws {ShapeError} if the input has another number of channels on axis 1.
 * @see He et al. 2015, "Delving deep into rectifiers", §2.1
 * @example
 * new PReLU().forward(tensor([[-4, 2]])).toArray(); // [[-1, 2]]
 * new PReLU(3).weight.shape; // [3]
 */
export class PReLU extends Module {
  readonly weight: Parameter; // a [C] or [1]

  /** @param channels 1 for one slope shared by all. */
  constructor(channels = 1, options: PReLUOptions = {}) {
    super();
    checkOptions("PReLU", options, { slope: "number", dtype: true });
    const { slope = 0.25, dtype } = options;
    checkCounts("PReLU", { channels });
    this.weight = new Parameter(full([channels], slope, { dtype }));
  }

  /** `[N, C, …]` → the same shape */
  forward(x: Tensor): Tensor {
    const [channels] = this.weight.shape as [number];
    if (channels !== 1 && x.shape[1] !== channels)
      throw new ShapeError({
        subject: "PReLU",
        problem: `takes [N, ${channels}, …], got ${show(x.shape)}.`,
        fix: "give this layer as many slopes as its input has channels, or 1.",
      });
    const slopes = this.weight.value.reshape([channels, ...x.shape.slice(2).map(() => 1)]);
    return where(x.greater(0), x, x.mul(slopes));
  }

  override toString(): string {
    return `PReLU ${this.weight.shape[0]}`;
  }
}

/** The layer of {@link Tensor.elu}. */
export class ELU extends Module {
  readonly alpha: number;
  constructor(alpha = 1) {
    super();
    this.alpha = alpha;
  }
  forward(x: Tensor): Tensor {
    return x.elu(this.alpha);
  }
}

/** The layer of {@link Tensor.gelu}. */
export class GELU extends Module {
  readonly form: GeluForm;
  constructor(form: GeluForm = "erf") {
    super();
    this.form = form;
  }
  forward(x: Tensor): Tensor {
    return x.gelu(this.form);
  }
}

/** The layer of {@link Tensor.silu}. */
export class SiLU extends Module {
  forward(x: Tensor): Tensor {
    return x.silu();
  }
}

/** log(1 + eˣ), without overflow. */
export class Softplus extends Module {
  forward(x: Tensor): Tensor {
    return x.softplus();
  }
}

/** σ(x) = 1/(1 + e⁻ˣ). For a loss, rather take logits: {@link binaryCrossEntropyWithLogits}. */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return x.sigmoid();
  }
}

/** tanh x */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return x.tanh();
  }
}

/** The layer of {@link Tensor.step}. */
export class Step extends Module {
  forward(x: Tensor): Tensor {
    return x.step();
  }
}

/** −1, 0 or 1 as x is below, at or above 0; the derivative is 0 everywhere. */
export class Sign extends Module {
  forward(x: Tensor): Tensor {
    return x.sign();
  }
}

/** The layer of {@link Tensor.hardTanh}. */
export class HardTanh extends Module {
  forward(x: Tensor): Tensor {
    return x.hardTanh();
  }
}

/** The layer of {@link Tensor.hardSigmoid}. */
export class HardSigmoid extends Module {
  forward(x: Tensor): Tensor {
    return x.hardSigmoid();
  }
}

/** Shared by activations over an axis: channels of one position, or all features of a row. */
const reachOver = (axis: number, input: readonly number[]): Reach | null =>
  input.length === 1 ? "all" : axis === 1 || axis === -input.length ? "each" : null;

/** eˣ / Σ eˣ over an axis, by default the last. For a loss, rather take logits: {@link crossEntropy}. */
export class Softmax extends Module {
  readonly axis: number;
  constructor(axis = -1) {
    super();
    this.axis = axis;
  }
  forward(x: Tensor): Tensor {
    return x.softmax(this.axis);
  }
  override reach(input: readonly number[]): Reach | null {
    return reachOver(this.axis, input);
  }
}

/** x − log Σ eˣ over an axis, by default the last: finite where log(softmax) is −∞. */
export class LogSoftmax extends Module {
  readonly axis: number;
  constructor(axis = -1) {
    super();
    this.axis = axis;
  }
  forward(x: Tensor): Tensor {
    return x.logSoftmax(this.axis);
  }
  override reach(input: readonly number[]): Reach | null {
    return reachOver(this.axis, input);
  }
}
