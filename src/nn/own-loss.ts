import type { Tensor } from "../tensor/index.ts";

/** The losses of a batch: outputs and targets → `[N]`, one per example, or their mean `[]`. */
export type ExampleLosses = (outputs: Tensor, targets: Tensor) => Tensor;

/**
 * A model that says itself what it learns, such as a penalty on its code beside the loss of its outputs. `fit`
 * and `evaluate` of `gradus/train` then take the mean of the losses that `learn` gives.
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
  /** The objective of `gradus/train` that it is made for: taken where no other is asked for. */
  readonly objective: string;
  /**
   * One forward pass, and what it costs.
   *
   * @param losses of the objective: for each example where it knows them, else their mean.
   * @returns outputs as `forward` gives them, for metrics; losses `[N]` or `[]`, whose mean is minimised.
   */
  learn(
    x: Tensor,
    targets: Tensor,
    losses: ExampleLosses,
  ): { readonly outputs: Tensor; readonly losses: Tensor };
}

/** Whether a model says itself what it learns: {@link OwnLoss}. */
export const hasOwnLoss = <M extends object>(model: M): model is M & OwnLoss =>
  "learn" in model && typeof model.learn === "function";
