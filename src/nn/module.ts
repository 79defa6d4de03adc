import { ConfigError, nearest } from "../base/index.ts";
import { Generator, isVariable, type Tensor, type Variable } from "../tensor/index.ts";
import { watchForward } from "./calls.ts";
import { Parameter } from "./parameter.ts";
import type { Reach } from "./receptive-field.ts";

/** A module of whatever inputs and outputs. */
export type AnyModule = Module<never[], unknown>;

/**
 * A function with parameters. A subclass keeps parameters, sub-modules and arrays of them in its
 * fields and says in `forward` what it computes; fields give the paths, as in "layers.0.weight".
 *
 * Errors that arise in `forward` say in which layer, by its path and the line that built it.
 *
 * @example
 * class Scale extends Module {
 *   readonly factor = new Parameter(tensor(2));
 *   forward(x: Tensor): Tensor {
 *     return x.mul(this.factor.value);
 *   }
 * }
 * new Scale().forward(tensor([1, 2])).toArray(); // [2, 4]
 * Object.keys(new Scale().parameters()); // ["factor"]
 */
export abstract class Module<Inputs extends unknown[] = [Tensor], Output = Tensor> {
  /** True in training: dropout drops. A compiled function keeps the mode in which it was traced. */
  training = true;
  /** Its stack leads to the line that built this module; V8 formats a stack only when it is read. */
  readonly built: Error;

  constructor() {
    this.built = new Error("built");
    Object.defineProperty(this, "built", { enumerable: false });
    watchForward(new.target.prototype as unknown as AnyModule, Module.prototype);
  }

  /** What the module computes. */
  abstract forward(...inputs: Inputs): Output;

  /** Parameters by path, in the order of the fields; a shared one appears once. */
  parameters(): Record<string, Parameter> {
    const parameters: Record<string, Parameter> = {};
    for (const [path, x] of Object.entries(this.state()))
      if (x instanceof Parameter) parameters[path] = x;
    return parameters;
  }

  /** All that changes: parameters, and other variables such as the state of random generators. */
  state(): Record<string, Variable> {
    const found: Record<string, Variable> = {};
    walk(this, (path, x) => {
      if (isVariable(x)) found[path] = x;
    });
    return found;
  }

  /** This module under the path "", and all modules inside it. */
  modules(): Record<string, AnyModule> {
    const found: Record<string, AnyModule> = {};
    walk(this, (path, x) => {
      if (x instanceof Module) found[path] = x;
    });
    return found;
  }

  /** Sets the mode, here and inside. */
  train(training = true): this {
    for (const module of Object.values(this.modules())) module.training = training;
    return this;
  }
  /** Sets the mode of evaluation, here and inside: dropout lets everything pass. */
  eval(): this {
    return this.train(false);
  }

  /**
   * Keeps parameters from learning: all, or those whose path matches, where `*` stands for anything
   * and a module's path for all inside it. Call it before a training step is compiled.
   *
   * @throws {ConfigError} if nothing matches.
   * @example
   * const model = new Sequential(new Linear(2, 3), new Linear(3, 1)).freeze("layers.0.*");
   * model.parameters()["layers.0.weight"].trainable; // false
   * model.parameters()["layers.1.weight"].trainable; // true
   */
  freeze(pattern = "*"): this {
    for (const [, parameter] of matching("freeze", this, pattern)) parameter.trainable = false;
    return this;
  }
  /** Undoes {@link freeze}, for all or for what matches. */
  unfreeze(pattern = "*"): this {
    for (const [, parameter] of matching("unfreeze", this, pattern)) parameter.trainable = true;
    return this;
  }

  /**
   * Multiply-adds on the way to one output of this shape (without the batch axis); what has
   * parameters overrides it.
   */
  connections(_output: readonly number[]): number {
    return 0;
  }

  /**
   * How units of the output see those of an input of this shape (without the batch axis), for
   * `receptiveField`; null where that follows from what `forward` composes. What looks at
   * neighbours overrides it.
   */
  reach(_input: readonly number[]): Reach | null {
    return null;
  }

  /** The kind and its sizes, as errors show it: `Linear 512 → 10`. */
  toString(): string {
    return this.constructor.name;
  }
}

/** The parameters that learn. */
export const trainable = (parameters: Record<string, Parameter>): Record<string, Parameter> =>
  Object.fromEntries(Object.entries(parameters).filter(([, p]) => p.trainable));

/** Runs `f` with the model in the mode of evaluation, then puts every module back as it was. */
export function evaluating<T>(model: AnyModule, f: () => T): T {
  const modules = Object.values(model.modules());
  const before = modules.map((module) => module.training);
  model.eval();
  try {
    return f();
  } finally {
    modules.forEach((module, i) => {
      module.training = before[i]!;
    });
  }
}

/** Visits modules, variables and generators once each, from the root down. */
function walk(root: object, visit: (path: string, x: object) => void): void {
  const seen = new Set<object>();
  const go = (x: unknown, path: string): void => {
    if (typeof x !== "object" || x === null || seen.has(x)) return;
    if (Array.isArray(x)) {
      x.forEach((item, i) => {
        go(item, join(path, i));
      });
      return;
    }
    if (!(x instanceof Module || x instanceof Generator || isVariable(x))) return;
    seen.add(x);
    visit(path, x);
    if (!isVariable(x)) for (const [key, field] of Object.entries(x)) go(field, join(path, key));
  };
  go(root, "");
}

const join = (path: string, key: string | number): string => (path ? `${path}.${key}` : `${key}`);

/** A model, or some of its parameters by path. */
type Parameters = AnyModule | Readonly<Record<string, Parameter>>;

/**
 * Some parameters of a model: those whose path matches, where `*` stands for anything and a module's
 * path for all inside it. For penalties and for groups of an optimiser.
 *
 * @throws {ConfigError} if nothing matches.
 * @example
 * Object.keys(select(new Sequential(new Linear(2, 3), new Linear(3, 1)), "*.weight")); // ["layers.0.weight", "layers.1.weight"]
 */
export const select = (from: Parameters, pattern: string): Record<string, Parameter> =>
  Object.fromEntries(matching("select", from, pattern));

function matching(subject: string, from: Parameters, pattern: string): [string, Parameter][] {
  const parameters = Object.entries(from instanceof Module ? from.parameters() : from);
  const source = pattern
    .split("*")
    .map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, "\\$&"))
    .join(".*");
  const matches = new RegExp(`^${source}(\\..*)?$`);
  const found = parameters.filter(([path]) => matches.test(path));
  if (found.length > 0 || pattern === "*") return found;
  const modules = from instanceof Module ? Object.keys(from.modules()) : [];
  const near = nearest(pattern, [...parameters.map(([path]) => path), ...modules]);
  throw new ConfigError({
    subject,
    problem: `no parameter${from instanceof Module ? ` of ${from}` : ""} matches "${pattern}".`,
    fix: near
      ? `did you mean "${near}"?`
      : `the paths are ${parameters.map(([path]) => path).join(", ")}.`,
  });
}
