import { ConfigError, DTypeError, ShapeError, sameShape, show } from "../base/index.ts";
import { type Tensor, Variable } from "../tensor/index.ts";
import { checkParameter } from "./calls.ts";

/**
 * A variable that learns. While a transform differentiates its model, it reads as the tensor that
 * the transform watches.
 * @example
 * new Parameter(tensor([1, 2])).trainable; // true
 */
export class Parameter extends Variable {
  /** False when frozen: no gradient is taken and no optimizer changes it. */
  trainable = true;
  #bound: Tensor | null = null;

  override get value(): Tensor {
    checkParameter(this);
    return this.#bound ?? super.value;
  }

  override set value(value: Tensor) {
    if (this.#bound)
      throw new ConfigError({
        subject: "Parameter",
        problem: "it was assigned within the function that is being differentiated.",
        fix: "assign it after valueAndGrad has returned.",
      });
    super.value = value;
  }

  /** Reads as `value` until the returned function is called. */
  bind(value: Tensor): () => void {
    if (!sameShape(value.shape, this.shape))
      throw new ShapeError({
        subject: "Parameter",
        problem: `holds ${show(this.shape)}, got ${show(value.shape)}.`,
        fix: "give a tensor of the parameter's shape.",
      });
    if (value.dtype !== this.dtype)
      throw new DTypeError({
        subject: "Parameter",
        problem: `holds ${this.dtype}, got ${value.dtype}.`,
        fix: `cast it: value.cast("${this.dtype}").`,
      });
    const before = this.#bound;
    this.#bound = value;
    return () => {
      this.#bound = before;
    };
  }
}

/** The current value of each parameter, under the same paths. */
export const valuesOf = (parameters: Readonly<Record<string, Parameter>>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(parameters).map(([path, p]) => [path, p.value]));
