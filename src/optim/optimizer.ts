import {
  ConfigError,
  checkOptions,
  DTypeError,
  describe,
  ShapeError,
  sameShape,
  show,
} from "../base/index.ts";
import { type AnyModule, Module, type Parameter, select } from "../nn/index.ts";
import {
  checkedValues,
  isTensor,
  type Tensor,
  tensor,
  Variable,
  where,
  zerosLike,
} from "../tensor/index.ts";
import { globalNorm } from "./rules/chain.ts";
import { type RuleLike, ruleOf } from "./rules/named.ts";
import type { Rule, Tensors } from "./rules/rule.ts";
import { mapValues, write } from "./write.ts";

/** The learning rate, param groups and gradient accumulation of an {@link Optimizer}. */
export interface OptimizerOptions {
  /** The default learning rate of `update`. */
  readonly lr?: number | undefined;
  /**
   * Param groups: parameters with their own learning rate or rule, by a path pattern as in
   * `select`.
   */
  readonly groups?: Readonly<Record<string, ParamGroup>> | undefined;
  /**
   * Gradient accumulation: this many calls of `update` make one step along the mean of their
   * gradients, for batches that do not fit in memory. Default 1. (`fit` has its own option, which
   * splits batches into parts that may differ in size.)
   */
  readonly accumulate?: number | undefined;
  /**
   * What to do when gradients contain ∞ or NaN: "error" throws and changes nothing; "skip" leaves
   * parameters, state and the step count unchanged. By default the step is taken, as in PyTorch.
   */
  readonly nonFinite?: NonFinite | undefined;
}
/** What to do with a step whose gradients are not finite. */
export type NonFinite = "error" | "skip";

/** The settings of a param group. To keep parameters unchanged, freeze them. */
export interface ParamGroup {
  /**
   * Multiplies the learning rate, so that schedules apply to all; a parameter in several groups
   * gets the product.
   */
  readonly lrScale?: number | undefined;
  /**
   * Replaces the optimizer's rule, for example with another weight decay. Its clipping considers
   * this group only.
   */
  readonly rule?: Rule | undefined;
}

type Write = readonly [Variable, Tensor];

/** The group settings of one parameter. */
type OwnGroup = { readonly [K in keyof ParamGroup]-?: NonNullable<ParamGroup[K]> };

/**
 * Updates parameters by their gradients and a rule, and keeps the rule's state. In a compiled
 * function everything happens in place, in the same program as the gradients.
 *
 * @example
 * const model = new Linear(1, 1, { bias: false });
 * model.weight.value = tensor([[3]]);
 * const optimizer = new Optimizer(model, sgd(), { lr: 0.25 });
 * const gradients = valueAndGrad(model, (x: Tensor) => model.forward(x).square().sum());
 * optimizer.update(gradients(tensor([[1]])).grads);
 * model.weight.value.item(); // 1.5
 * new Optimizer(new Sequential(new Linear(4, 3), new Linear(3, 1)), adamW(), {
 *   groups: { "layers.0": { lrScale: 0.1 }, "*.bias": { rule: adamW({ weightDecay: 0 }) } },
 * }).lr; // 0.001
 */
export class Optimizer {
  readonly rule: Rule;
  readonly #parameters: Readonly<Record<string, Parameter>>;
  /** Steps taken so far, int32. */
  readonly #step: Variable;
  /** A variable, so that a compiled step sees changes. */
  readonly #lr: Variable;
  readonly #groups: Readonly<Record<string, OwnGroup>>;
  /** Per parameter, the rule's state by name. */
  readonly #state: Readonly<Record<string, Readonly<Record<string, Variable>>>>;
  readonly #accumulate: number;
  readonly #nonFinite: NonFinite | undefined;
  /** Accumulated gradients: their number, int32, and their sums by path. */
  readonly #pending: {
    readonly count: Variable;
    readonly sums: Readonly<Record<string, Variable>>;
  };

  /**
   * @param target a model, or some of its parameters with their paths.
   * @throws {ConfigError} if there is no parameter, a group matches nothing, or two groups give one parameter a rule.
   */
  constructor(
    target: AnyModule | Readonly<Record<string, Parameter>>,
    rule: RuleLike,
    options: OptimizerOptions = {},
  ) {
    checkOptions("Optimizer", options, {
      lr: true,
      groups: true,
      accumulate: true,
      nonFinite: true,
    });
    const { lr = 1e-3, groups = {}, accumulate = 1, nonFinite } = options;
    checkNonFinite(nonFinite);
    this.#nonFinite = nonFinite;
    this.rule = ruleOf("Optimizer", rule);
    checkLr(lr);
    this.#lr = new Variable(tensor(lr, "float64"));
    this.#parameters = target instanceof Module ? target.parameters() : target;
    checkSome("Optimizer", target, this.#parameters);
    this.#step = new Variable(tensor(0, "int32"));
    this.#groups = groupsOf(this.#parameters, this.rule, groups);
    this.#state = mapValues(this.#parameters, (p, path) =>
      mapValues(this.#groups[path]!.rule.init(p.value), (initial) => new Variable(initial)),
    );
    checkAccumulate(accumulate);
    this.#accumulate = accumulate;
    this.#pending = {
      count: new Variable(tensor(0, "int32")),
      sums: accumulate > 1 ? mapValues(this.#parameters, zeroVariable) : {},
    };
  }

  /** Its parameters, by path. */
  get parameters(): Readonly<Record<string, Parameter>> {
    return this.#parameters;
  }

  /** The default learning rate of `update`; compiled steps follow its changes. */
  get lr(): number {
    return this.#lr.value.item();
  }
  set lr(lr: number) {
    checkLr(lr);
    this.#lr.value = tensor(lr, "float64");
  }

  /**
   * Everything to save for an exact resume: "step", "lr", and names like "layers.0.weight.m"; with
   * accumulation also "accumulated" and names like "layers.0.weight.sum of gradients".
   */
  state(): Record<string, Variable> {
    const all: Record<string, Variable> = { step: this.#step, lr: this.#lr };
    for (const [path, state] of Object.entries(this.#state))
      for (const [name, variable] of Object.entries(state)) all[`${path}.${name}`] = variable;
    if (this.#accumulate > 1) all.accumulated = this.#pending.count;
    for (const [path, sum] of Object.entries(this.#pending.sums)) all[`${path}.${sumName}`] = sum;
    return all;
  }

  /**
   * One step, or part of one if gradients accumulate. Frozen parameters do not change; gradients of
   * other optimizers' parameters are ignored. All parameters share one step count, frozen ones
   * included.
   *
   * @param gradients by path, as returned by `valueAndGrad`.
   * @param options `lr` is the learning rate of this step: a number, or a scalar tensor.
   * @throws {ConfigError} if a trainable parameter has no gradient, or all are frozen.
   */
  update(gradients: Tensors, options: { readonly lr?: Tensor | number | undefined } = {}): void {
    checkLearning("Optimizer", this.#parameters);
    if (options.lr !== undefined && !isTensor(options.lr)) checkLr(options.lr);
    const own = this.#own(gradients);
    write(this.#accumulate === 1 ? this.#stepWrites(own, options) : this.#lateWrites(own, options));
  }

  /** The values that one step along these gradients writes. */
  #stepWrites(gradients: Tensors, options: { readonly lr?: Tensor | number | undefined }): Write[] {
    const step = this.#step.value.add(1);
    const t = step.cast("float64");
    const lr = options.lr ?? this.#lr.value;
    const ready = this.#prepared(gradients);
    const writes: Write[] = [[this.#step, step]];
    for (const [path, gradient] of Object.entries(ready)) {
      const parameter = this.#parameters[path]!;
      const variables = this.#state[path]!;
      const theta = parameter.value;
      const before = mapValues(variables, (variable) => variable.value);
      const { rule, lrScale } = this.#groups[path]!;
      const { delta, state } = rule.update(gradient, before, { t, lr: times(lr, lrScale) }, theta);
      // a float64 scalar such as t widens a scalar parameter: cast back
      writes.push([parameter, theta.add(delta.cast(theta.dtype))]);
      for (const [name, variable] of Object.entries(variables))
        writes.push([variable, state[name]!.cast(variable.dtype)]);
    }
    return this.#guarded(gradients, writes);
  }

  /** The same writes if the gradients are finite; else none, or an error. */
  #guarded(gradients: Tensors, writes: Write[]): Write[] {
    if (!this.#nonFinite) return writes;
    const norm = globalNorm(gradients);
    const finite = norm.isFinite();
    if (this.#nonFinite === "skip")
      return writes.map(([x, value]): Write => [x, where(finite, value, x.value)]);
    const blame = {
      subject: "Optimizer",
      wanted: "a finite norm of the gradients",
      fix: 'look at the inputs and the learning rate, clip the gradients, or skip such steps: nonFinite: "skip".',
    };
    return writes.map(([x, value]): Write => {
      return x === this.#step ? [x, checkedValues(value, finite, blame, norm)] : [x, value];
    });
  }

  /**
   * The writes of a call when several calls make a step. A program has no branches: the step is
   * computed in every call, and selected in the last.
   */
  #lateWrites(gradients: Tensors, options: { readonly lr?: Tensor | number | undefined }): Write[] {
    const { count, sums } = this.#pending;
    const many = this.#accumulate;
    const now = count.value.add(1);
    const isLast = now.equal(many);
    const total = mapValues(gradients, (g, path) => sums[path]!.value.add(g));
    const step = this.#stepWrites(
      mapValues(total, (sum) => sum.div(many)),
      options,
    );
    return [
      [count, where(isLast, zerosLike(now), now)],
      ...Object.entries(total).map(
        ([path, sum]): Write => [sums[path]!, where(isLast, zerosLike(sum), sum)],
      ),
      ...step.map(([x, value]): Write => [x, where(isLast, value, x.value)]),
    ];
  }

  /** The gradients after each rule's transformations of all its gradients together. */
  #prepared(gradients: Tensors): Tensors {
    const rules = new Set(Object.values(this.#groups).map(({ rule }) => rule));
    const parts = [...rules].map((rule) => {
      const paths = Object.keys(gradients).filter((path) => this.#groups[path]!.rule === rule);
      const own = Object.fromEntries(paths.map((path) => [path, gradients[path]!]));
      return rule.before?.(own, this.#parameters) ?? own;
    });
    return Object.assign({}, ...parts);
  }

  /** The gradients of the trainable parameters, checked. */
  #own(gradients: Tensors): Tensors {
    const own: Record<string, Tensor> = {};
    for (const [path, parameter] of Object.entries(this.#parameters)) {
      if (!parameter.trainable) continue;
      const gradient = gradients[path];
      if (!gradient)
        throw new ConfigError({
          subject: "Optimizer",
          problem: `no gradient for "${path}".`,
          fix: "give the gradients of all its trainable parameters, or freeze this one.",
        });
      check(path, gradient, parameter);
      own[path] = gradient;
    }
    return own;
  }
}

const sumName = "sum of gradients";
const zeroVariable = ({ value }: Variable): Variable => new Variable(zerosLike(value));

/** @throws {ConfigError} for an invalid learning rate. */
function checkLr(lr: unknown): void {
  if (typeof lr === "number" && lr >= 0 && lr < Number.POSITIVE_INFINITY) return;
  throw new ConfigError({
    subject: "Optimizer",
    problem: `lr is ${typeof lr === "function" ? "a function" : describe(lr)}.`,
    fix:
      typeof lr === "function"
        ? "give a schedule to fit, or its value to each update: optimizer.update(grads, { lr: schedule(step) })."
        : "give a finite number of 0 or more, such as lr: 0.001.",
  });
}

/** @throws {ConfigError} if there is no parameter at all. */
function checkSome(subject: string, target: object, parameters: object): void {
  if (Object.keys(parameters).length > 0) return;
  throw new ConfigError({
    subject,
    problem: `${target instanceof Module ? target.constructor.name : "the record"} has no parameter to learn.`,
    fix: "keep parameters and layers in fields of the model, or in arrays, plain objects or Maps there.",
  });
}

/** @throws {ConfigError} if all parameters are frozen. */
export function checkLearning(
  subject: string,
  parameters: Readonly<Record<string, Parameter>>,
): void {
  const all = Object.values(parameters);
  if (all.some((p) => p.trainable)) return;
  throw new ConfigError({
    subject,
    problem: `all parameters (${all.length}) are frozen: nothing would learn.`,
    fix: 'unfreeze some, such as model.unfreeze("*.bias").',
  });
}

function checkAccumulate(accumulate: number): void {
  if (Number.isSafeInteger(accumulate) && accumulate >= 1) return;
  throw new ConfigError({
    subject: "Optimizer",
    problem: `accumulate is ${accumulate}, not a whole number of 1 or more.`,
    fix: "give the number of updates that make one step, such as accumulate: 4.",
  });
}

function checkNonFinite(nonFinite: unknown): void {
  if (nonFinite === undefined || nonFinite === "error" || nonFinite === "skip") return;
  throw new ConfigError({
    subject: "Optimizer",
    problem: `nonFinite is ${describe(nonFinite)}.`,
    fix: 'use "error" or "skip", or leave it out.',
  });
}

function groupsOf(
  parameters: Readonly<Record<string, Parameter>>,
  rule: Rule,
  groups: Readonly<Record<string, ParamGroup>>,
): Record<string, OwnGroup> {
  const own: Record<string, OwnGroup> = {};
  for (const path of Object.keys(parameters)) own[path] = { rule, lrScale: 1 };
  const owner: Record<string, string> = {};
  for (const [pattern, group] of Object.entries(groups)) {
    checkOptions(`group "${pattern}"`, group, { lrScale: true, rule: true });
    for (const path of Object.keys(select(parameters, pattern))) {
      if (group.rule && owner[path] !== undefined)
        throw new ConfigError({
          subject: "Optimizer",
          problem: `"${path}" gets a rule from the groups "${owner[path]}" and "${pattern}".`,
          fix: "let at most one group with a rule match a parameter.",
        });
      if (group.rule) owner[path] = pattern;
      const before = own[path]!;
      own[path] = {
        rule: group.rule ?? before.rule,
        lrScale: before.lrScale * (group.lrScale ?? 1),
      };
    }
  }
  return own;
}

const times = (lr: Tensor | number, scale: number): Tensor | number =>
  typeof lr === "number" ? lr * scale : scale === 1 ? lr : lr.mul(scale);

function check(path: string, gradient: Tensor, { shape, dtype }: Parameter): void {
  if (!sameShape(gradient.shape, shape))
    throw new ShapeError({
      subject: "Optimizer",
      problem: `the gradient of "${path}" is ${show(gradient.shape)}, the parameter ${show(shape)}.`,
      fix: "give the gradient of this parameter.",
    });
  if (gradient.dtype !== dtype)
    throw new DTypeError({
      subject: "Optimizer",
      problem: `the gradient of "${path}" is ${gradient.dtype}, the parameter ${dtype}.`,
      fix: `cast it: gradient.cast("${dtype}").`,
    });
}
