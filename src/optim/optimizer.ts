import { ConfigError, DTypeError, ShapeError, sameShape, show } from "../base/index.ts";
import { type AnyModule, Module, type Parameter, select } from "../nn/index.ts";
import { dataNode } from "../ops/index.ts";
import { isTracing, realizeSync, Tensor, tensor, Variable } from "../tensor/index.ts";
import type { Rule, Tensors } from "./rule.ts";

export interface OptimizerOptions {
  /** The learning rate where a call of `update` gives none. */
  readonly lr?: number | undefined;
  /** Parameters with a pace or a rule of their own, by a pattern of paths as `select` takes it. */
  readonly groups?: Readonly<Record<string, ParameterGroup>> | undefined;
}

/** What differs for some parameters. To keep parameters as they are, freeze them. */
export interface ParameterGroup {
  /** Times the learning rate, so that schedules hold for all; a parameter in several groups gets the product. */
  readonly lrScale?: number | undefined;
  /** Instead of the optimiser's: with another decay, say. Its clipping sees this group alone. */
  readonly rule?: Rule | undefined;
}

/** How one parameter moves. */
interface Manner {
  readonly rule: Rule;
  readonly lrScale: number;
}

/**
 * Moves parameters along their gradients by a rule, and keeps what the rule remembers. Within a
 * compiled function all of it happens in place, in the same program as the gradients.
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
  /** Steps done so far, int32. */
  readonly #step: Variable;
  /** A variable, so that a compiled step sees it change. */
  readonly #lr: Variable;
  readonly #manners: Readonly<Record<string, Manner>>;
  /** Per parameter, the rule's state by name. */
  readonly #state: Readonly<Record<string, Readonly<Record<string, Variable>>>>;

  /**
   * @param target a model, or some of its parameters with their paths.
   * @throws {ConfigError} if a group matches nothing, or two groups give one parameter a rule.
   */
  constructor(
    target: AnyModule | Readonly<Record<string, Parameter>>,
    rule: Rule,
    { lr = 1e-3, groups = {} }: OptimizerOptions = {},
  ) {
    this.rule = rule;
    this.#lr = new Variable(tensor(lr, "float64"));
    this.#parameters = target instanceof Module ? target.parameters() : target;
    this.#step = new Variable(tensor(0, "int32"));
    this.#manners = mannersOf(this.#parameters, rule, groups);
    this.#state = mapValues(this.#parameters, (p, path) =>
      mapValues(this.#manners[path]!.rule.init(p.value), (initial) => new Variable(initial)),
    );
  }

  /** The learning rate where a call of `update` gives none; a compiled step follows its changes. */
  get lr(): number {
    return this.#lr.value.item();
  }
  set lr(lr: number) {
    this.#lr.value = tensor(lr, "float64");
  }

  /** Everything to save for an exact resume: "step", "lr", and names like "layers.0.weight.m". */
  state(): Record<string, Variable> {
    const all: Record<string, Variable> = { step: this.#step, lr: this.#lr };
    for (const [path, state] of Object.entries(this.#state))
      for (const [name, variable] of Object.entries(state)) all[`${path}.${name}`] = variable;
    return all;
  }

  /**
   * One step. Frozen parameters stay; gradients of parameters that are not this optimiser's are
   * left to others. The count of steps is common to all parameters, frozen ones included.
   *
   * @param gradients by path, as `valueAndGrad` gives them.
   * @param options `lr` is the learning rate of this step: a number, or a scalar tensor.
   * @throws {ConfigError} if a trainable parameter has no gradient.
   */
  update(gradients: Tensors, options: { readonly lr?: Tensor | number | undefined } = {}): void {
    const step = this.#step.value.add(1);
    const t = step.cast("float64");
    const lr = options.lr ?? this.#lr.value;
    const ready = this.#prepared(this.#own(gradients));
    const writes: [Variable, Tensor][] = [[this.#step, step]];
    for (const [path, gradient] of Object.entries(ready)) {
      const parameter = this.#parameters[path]!;
      const variables = this.#state[path]!;
      const theta = parameter.value;
      const before = mapValues(variables, (variable) => variable.value);
      const { rule, lrScale } = this.#manners[path]!;
      const { delta, state } = rule.update(gradient, before, { t, lr: times(lr, lrScale) }, theta);
      // a float64 scalar such as t widens a parameter that is a scalar itself: cast back
      writes.push([parameter, theta.add(delta.cast(theta.dtype))]);
      for (const [name, variable] of Object.entries(variables))
        writes.push([variable, state[name]!.cast(variable.dtype)]);
    }
    write(writes);
  }

  /** The gradients after what each rule does first to all that are its own. */
  #prepared(gradients: Tensors): Tensors {
    const rules = new Set(Object.values(this.#manners).map(({ rule }) => rule));
    const parts = [...rules].map((rule) => {
      const paths = Object.keys(gradients).filter((path) => this.#manners[path]!.rule === rule);
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

function mannersOf(
  parameters: Readonly<Record<string, Parameter>>,
  rule: Rule,
  groups: Readonly<Record<string, ParameterGroup>>,
): Record<string, Manner> {
  const manners: Record<string, Manner> = {};
  for (const path of Object.keys(parameters)) manners[path] = { rule, lrScale: 1 };
  const owner: Record<string, string> = {};
  for (const [pattern, group] of Object.entries(groups))
    for (const path of Object.keys(select(parameters, pattern))) {
      if (group.rule && owner[path] !== undefined)
        throw new ConfigError({
          subject: "Optimizer",
          problem: `"${path}" gets a rule from the groups "${owner[path]}" and "${pattern}".`,
          fix: "let at most one group with a rule match a parameter.",
        });
      if (group.rule) owner[path] = pattern;
      const before = manners[path]!;
      manners[path] = {
        rule: group.rule ?? before.rule,
        lrScale: before.lrScale * (group.lrScale ?? 1),
      };
    }
  return manners;
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

/**
 * Writes all variables at once. Outside of a trace the values are computed first, in one program,
 * and kept without the graph that led to them, so that a loop's memory stays flat.
 */
function write(writes: readonly [Variable, Tensor][]): void {
  if (!isTracing()) realizeSync(writes.map(([, value]) => value.node));
  for (const [variable, value] of writes)
    variable.value = isTracing() ? value : new Tensor(dataNode(value.node.storage!, value.shape));
}

const mapValues = <A, B>(
  record: Readonly<Record<string, A>>,
  f: (x: A, key: string) => B,
): Readonly<Record<string, B>> =>
  Object.fromEntries(Object.entries(record).map(([key, x]) => [key, f(x, key)]));
