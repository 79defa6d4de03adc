import type { Parameter } from "../../nn/index.ts";
import type { Tensor } from "../../tensor/index.ts";

/** A rule's state for one parameter: tensors by name. */
export type RuleState = Readonly<Record<string, Tensor>>;

/** Quantities that change from step to step. */
export interface Hyper {
  /** The number of the step, 1, 2, …: a float64 scalar. */
  readonly t: Tensor;
  /** The learning rate. */
  readonly lr: Tensor | number;
}

/** The direction of a rule, and its new state. */
export interface Direction<S> {
  readonly direction: Tensor;
  readonly state: S;
}

/**
 * An update rule: its state for a parameter θ, and the step for a gradient, θ ← θ + δ. A rule sees
 * one parameter at a time and is plain tensor arithmetic.
 */
export interface Rule<S extends RuleState = RuleState> {
  readonly name: string;
  /** The state before the first step. */
  init(parameter: Tensor): S;
  /** One step: the displacement δ and the new state. */
  update(
    gradient: Tensor,
    state: S,
    hyper: Hyper,
    parameter: Tensor,
  ): { readonly delta: Tensor; readonly state: S };
  /** The direction u of a rule whose step is δ = −lr u; {@link chain} can transform it. */
  direction?(gradient: Tensor, state: S, hyper: Hyper, parameter: Tensor): Direction<S>;
  /** Transformations of all gradients together, applied first; set by {@link chain}. */
  readonly before?: GradientTransform["transform"] | undefined;
}

/** The rule whose step is δ = −lr u. */
export const alongDirection = <S extends RuleState>(
  rule: Omit<Rule<S>, "update"> & Required<Pick<Rule<S>, "direction">>,
): Rule<S> => ({
  ...rule,
  update(gradient, before, hyper, theta) {
    const { direction, state } = rule.direction(gradient, before, hyper, theta);
    return { delta: direction.mul(hyper.lr).neg(), state };
  },
});

/** Tensors by the path of a parameter. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** A transformation of all gradients together, before a rule sees them: clipping, decay. */
export interface GradientTransform {
  readonly name: string;
  /** The gradients for the next part of the chain. */
  transform(gradients: Tensors, parameters: Readonly<Record<string, Parameter>>): Tensors;
}

/**
 * A transformation of a rule's direction u, before the learning rate scales it: decoupled weight
 * decay.
 */
export interface DirectionTransform {
  readonly name: string;
  /** The direction for the next part of the chain. */
  after(direction: Tensor, parameter: Tensor): Tensor;
}
