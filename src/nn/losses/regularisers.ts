/** Penalties on parameters, to be added to a loss; {@link select} chooses the parameters. */
import { full, type Tensor } from "../../tensor/index.ts";
import type { Parameter } from "../parameter.ts";

/** Parameters by path, as `model.parameters()` and {@link select} give them. */
type Parameters = Readonly<Record<string, Parameter>>;

const total = (parameters: Parameters, f: (theta: Tensor) => Tensor): Tensor =>
  Object.values(parameters)
    .map((p) => f(p.value))
    .reduce<Tensor | null>((sum, x) => sum?.add(x) ?? x, null) ?? full([], 0);

/**
 * L1 penalty, which makes small parameters exactly 0.
 *
 *   Ω = λ Σ |θ|
 *
 * The derivative at 0 is 0.
 *
 * @returns scalar `[]`.
 * @see Tibshirani 1996, "Regression shrinkage and selection via the lasso"
 * @example
 * l1({ w: new Parameter(tensor([3, -4])) }, 0.5).item(); // 3.5
 */
export const l1 = (parameters: Parameters, lambda: number): Tensor =>
  total(parameters, (theta) => theta.abs().sum()).mul(lambda);

/**
 * L2 penalty, whose gradient is λ θ: with plain gradient descent the same as weight decay.
 *
 *   Ω = ½ λ Σ θ²
 *
 * @returns scalar `[]`.
 * @see Hoerl & Kennard 1970, "Ridge regression"
 * @example
 * l2({ w: new Parameter(tensor([3, -4])) }, 0.5).item(); // 6.25
 * const model = new Sequential(new Linear(4, 3), new Linear(3, 1));
 * const loss = (x: Tensor) => model.forward(x).sum().add(l2(select(model, "*.weight"), 1e-4));
 * loss(zeros([2, 4])).shape; // []
 */
export const l2 = (parameters: Parameters, lambda: number): Tensor =>
  total(parameters, (theta) => theta.square().sum()).mul(0.5 * lambda);

/**
 * Elastic net, both penalties: sparse like L1, but groups of correlated parameters stay together.
 *
 *   Ω = λ₁ Σ |θ| + ½ λ₂ Σ θ²
 *
 * @returns scalar `[]`.
 * @see Zou & Hastie 2005
 * @example
 * elasticNet({ w: new Parameter(tensor([3, -4])) }, { l1: 1, l2: 2 }).item(); // 32
 */
export const elasticNet = (
  parameters: Parameters,
  lambda: { readonly l1: number; readonly l2: number },
): Tensor => l1(parameters, lambda.l1).add(l2(parameters, lambda.l2));
