import type { Tensor } from "../tensor/index.ts";

/** The losses of a batch: outputs and targets → `[N]`, one per example, or their mean `[]`. */
export type ExampleLosses = (outputs: Tensor, targets: Tensor) => Tensor;

/**
 * A model that defines its own training loss, such as the loss of its outputs plus a penalty on its
 * code. `fit` and `evaluate` of `gradus/train` then use the mean of the losses that `learn`
 * returns.
 *
 * @example
 * class Small extends Linear implements OwnLoss {
 *   readonly objective = "regression";
 *   learn(x: Tensor, targets: Tensor, losses: ExampleLosses) {
 *     const outputs = this.forward(x);
 *     return { outputs, losses: losses(outputs, targets).add(l2(this.parameters(), 0.01)) };
 *   }
 * }
 * hasOwnLoss(new Small(2, 1)); // true
 */
export interface OwnLoss {
  /**
   * The name of the objective of `gradus/train` it is made for: the default where none is given.
   */
  readonly objective: string;
  /**
   * One forward pass, with its losses.
   *
   * @param losses of the objective: one per example if it has them, else their mean.
   * @returns outputs like those of `forward`, for metrics; losses `[N]` or `[]`, whose mean is
   * minimized.
   */
  learn(
    x: Tensor,
    targets: Tensor,
    losses: ExampleLosses,
  ): { readonly outputs: Tensor; readonly losses: Tensor };
}

/** Whether a model defines its own loss: {@link OwnLoss}. */
export const hasOwnLoss = <M extends object>(model: M): model is M & OwnLoss =>
  "learn" in model && typeof model.learn === "function";
