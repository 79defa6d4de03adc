/** Update rules on a quadratic ravine, and on a constant gradient. */
import { compile, type Tensor, tensor, Variable } from "gradus";
import { adam, type Rule, type RuleState } from "gradus/optim";

/** The goal: this fraction of the initial distance. */
export const goal = 0.02;

/** ½ (κ a² + b²) in coordinates (a, b) rotated by an angle against the parameters. */
export const ravine = (kappa: number, turn: number): number[][] => {
  const [c, s] = [Math.cos(turn), Math.sin(turn)];
  return [
    [kappa * c * c + s * s, (kappa - 1) * c * s],
    [(kappa - 1) * c * s, kappa * s * s + c * c],
  ];
};

/** Steps of a rule down L = ½ θᵀAθ; yields the points θ₀, θ₁, …. */
function* descend(
  rule: Rule,
  lr: number,
  matrix: number[][],
  start: number[],
): Generator<number[]> {
  const a = tensor(matrix, "float64");
  const theta = new Variable(tensor(start, "float64"));
  const initial = rule.init(theta.value);
  const state = Object.entries(initial).map(([name, x]) => [name, new Variable(x)] as const);
  const step = compile((t: Tensor) => {
    const before = Object.fromEntries(state.map(([name, x]) => [name, x.value]));
    const gradient = a.matmul(theta.value);
    const { delta, state: after } = rule.update(gradient, before, { t, lr }, theta.value);
    for (const [name, x] of state) x.value = after[name]!;
    theta.value = theta.value.add(delta);
    return theta.value;
  });
  for (let t = 1; ; t++) {
    yield Array.from(step.sync(tensor(t, "float64")).dataSync());
  }
}

/** A point of the ravine, in terms of the parameters. */
export const placed = ([a, b]: readonly number[], turn: number): number[] => {
  const [c, s] = [Math.cos(turn), Math.sin(turn)];
  return [c * a! - s * b!, s * a! + c * b!];
};

/** The step after which the distance stays below the goal, as far as computed. */
export function stepsDown(
  rule: Rule,
  lr: number,
  matrix: number[][],
  start: number[],
  most: number,
) {
  let last = 0;
  let t = 0;
  for (const point of descend(rule, lr, matrix, start)) {
    t++;
    if (Math.hypot(...point) > goal * Math.hypot(...start)) last = t;
    if (t >= most || t > 2 * last + 200) return last + 1;
  }
  return t;
}

/** Adam (β₁ = 0.9, β₂ = 0.999) without bias correction. */
export const uncorrected: Rule<RuleState> = {
  ...adam(),
  name: "adam without bias correction",
  update(g, { m, v }, { lr }) {
    const state = {
      m: m!.mul(0.9).add(g.mul(0.1)),
      v: v!.mul(0.999).add(g.square().mul(0.001)),
    };
    return { delta: state.m.div(state.v.sqrt().add(1e-8)).mul(lr).neg(), state };
  },
};

/** ‖Δθ‖/lr of the first steps under a constant gradient of 1. */
export function firstSteps(rule: Rule<RuleState>, count: number): number[] {
  const one = tensor(1, "float64");
  let state = rule.init(one);
  return Array.from({ length: count }, (_, k) => {
    const hyper = { t: tensor(k + 1, "float64"), lr: 1 };
    const next = rule.update(one, state, hyper, one);
    state = Object.fromEntries(Object.entries(next.state).map(([k, x]) => [k, x.evalSync()]));
    return -next.delta.item();
  });
}
