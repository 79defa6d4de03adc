/** Modules in parallel; for modules one after another see {@link Sequential}. */
import { ConfigError, checkOptions, ShapeError, sameShape, show } from "../../base/index.ts";
import { concat, type Tensor } from "../../tensor/index.ts";
import { Module } from "../module.ts";
import { Identity } from "./activation.ts";

/**
 * A residual connection: the body's output is added to the input, so that the identity is easy to
 * learn and gradients pass unchanged:
 *
 *   y = f(x) + s(x),   s(x) = x unless a shortcut is given
 *
 * @throws {ShapeError} if body and shortcut give different shapes: the sum does not broadcast.
 * @see He et al. 2016, "Deep residual learning", §3.2
 * @example
 * new Residual(new ReLU()).forward(tensor([-1, 2])).toArray(); // [-1, 4]
 * const halved = new Residual(new Conv2d(4, 8, 3, { stride: 2, padding: 1 }), new Conv2d(4, 8, 1, { stride: 2 }));
 * halved.forward(zeros([1, 4, 6, 6])).shape; // [1, 8, 3, 3]
 */
export class Residual extends Module {
  readonly body: Module;
  readonly shortcut: Module;

  constructor(body: Module, shortcut: Module = new Identity()) {
    super();
    this.body = body;
    this.shortcut = shortcut;
  }

  forward(x: Tensor): Tensor {
    const [y, s] = [this.body.forward(x), this.shortcut.forward(x)];
    if (!sameShape(y.shape, s.shape))
      throw new ShapeError({
        subject: "Residual",
        problem: `the body gives ${show(y.shape)}, the shortcut ${show(s.shape)}.`,
        fix: "give a shortcut that changes shapes as the body does, such as a convolution of size 1.",
      });
    return y.add(s);
  }
}

/**
 * Branches with the same input; their outputs are concatenated along an axis, by default the
 * channels.
 *
 *   y = [f₁(x), …, fₙ(x)]
 *
 * @throws {ShapeError} if outputs differ on another axis.
 * @see Szegedy et al. 2015, "Going deeper with convolutions", §4
 * @example
 * new Parallel([new Identity(), new ReLU()]).forward(tensor([[-1, 2]])).toArray(); // [[-1, 2, 0, 2]]
 */
export class Parallel extends Module {
  readonly branches: readonly Module[];
  readonly axis: number;

  constructor(branches: readonly Module[], options: { readonly axis?: number } = {}) {
    super();
    checkOptions("Parallel", options, { axis: "number" });
    const { axis = 1 } = options;
    if (branches.length === 0)
      throw new ConfigError({
        subject: "Parallel",
        problem: "there is no branch.",
        fix: "give one module or more.",
      });
    this.branches = branches;
    this.axis = axis;
  }

  forward(x: Tensor): Tensor {
    return concat(
      this.branches.map((branch) => branch.forward(x)),
      { axis: this.axis },
    );
  }
}
