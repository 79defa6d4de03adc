import { ConfigError, nearest } from "../base/index.ts";
import { Generator, isVariable, type Tensor, type Variable } from "../tensor/index.ts";
import { watchForward } from "./calls.ts";
import { Parameter } from "./parameter.ts";
import type { Reach } from "./reach.ts";
import { isTitleWanted, titleOf } from "./title.ts";

/** A module with any inputs and outputs. */
export type AnyModule = Module<never[], unknown>;

/**
 * A function with parameters. A subclass keeps parameters and sub-modules in its fields, or in
 * arrays, plain objects and Maps there, and computes in `forward`; fields and keys give the paths,
 * as in "layers.0.weight".
 *
 * Parts elsewhere (in a Set, a private `#field`, a closure, an object of another class) would
 * neither learn nor follow `eval()`: using them in `forward` is an error, unless they are frozen
 * and in evaluation mode. Errors in `forward` name the layer by its path and the line that built
 * it.
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
  /**
   * True in training mode, in which dropout drops. A compiled function keeps the mode in which it
   * was traced.
   */
  training = true;
  /**
   * Its stack contains the line that built this module; V8 formats a stack only when it is read.
   */
  readonly built: Error;

  constructor() {
    this.built = new Error("built");
    Object.defineProperty(this, "built", { enumerable: false });
    watchForward(new.target.prototype as unknown as AnyModule, Module.prototype);
  }

  /** Computes the module's outputs. */
  abstract forward(...inputs: Inputs): Output;

  /** Parameters by path, in the order of the fields; a shared one appears once. */
  parameters(): Record<string, Parameter> {
    const parameters: Record<string, Parameter> = {};
    for (const [path, x] of Object.entries(this.state()))
      if (x instanceof Parameter) parameters[path] = x;
    return parameters;
  }

  /** All of its state: parameters, and other variables such as the state of random generators. */
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

  /** Sets training mode, here and in all modules inside. */
  train(training = true): this {
    for (const module of Object.values(this.modules())) module.training = training;
    return this;
  }
  /** Sets evaluation mode, here and in all modules inside: dropout is off. */
  eval(): this {
    return this.train(false);
  }

  /**
   * Freezes parameters: all, or those whose path matches, where `*` matches anything and a module's
   * path matches everything inside it. Call it before a training step is compiled.
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
  /** Undoes {@link freeze}, for all parameters or the matching ones. */
  unfreeze(pattern = "*"): this {
    for (const [, parameter] of matching("unfreeze", this, pattern)) parameter.trainable = true;
    return this;
  }

  /**
   * Multiply-adds for one output of this shape (without the batch axis); modules with parameters
   * override it.
   */
  connections(_output: readonly number[]): number {
    return 0;
  }

  /**
   * Which inputs of this shape (without the batch axis) the units of the output see, for
   * `receptiveField`; null if it follows from the modules called in `forward`. Layers that mix
   * neighbours override it.
   */
  reach(_input: readonly number[]): Reach | null {
    return null;
  }

  /**
   * The class, and a line for each module inside, by its path. Layers override it with their class
   * and sizes, as errors show them: `Linear 512 → 10`.
   * @example
   * String(new Sequential(new Linear(2, 3), new ReLU())); // "Sequential\n  layers.0: Linear 2 → 3\n  layers.1: ReLU"
   */
  toString(): string {
    const kind = this.constructor.name || "Module"; // a class may have no name
    return isTitleWanted() ? kind : [kind, ...linesOf(this)].join("\n");
  }
  /** The output of Node's `console.log`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

/** A line for each module inside, indented below its parent. */
function linesOf(root: AnyModule): string[] {
  const { "": _root, ...modules } = root.modules();
  const outer: string[] = [];
  return Object.entries(modules).map(([path, module]) => {
    while (outer.length > 0 && !path.startsWith(`${outer.at(-1)}.`)) outer.pop();
    const name = path.slice(outer.length > 0 ? outer.at(-1)!.length + 1 : 0);
    outer.push(path);
    return `${"  ".repeat(outer.length)}${name}: ${titleOf(module)}`;
  });
}

/** The parameters that learn. */
export const trainable = (parameters: Record<string, Parameter>): Record<string, Parameter> =>
  Object.fromEntries(Object.entries(parameters).filter(([, p]) => p.trainable));

/** Runs `f` with the model in evaluation mode, then restores every module's mode. */
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

/** The parts of a model. */
const isPart = (x: object): x is AnyModule | Generator | Variable =>
  x instanceof Module || x instanceof Generator || isVariable(x);

/** Visits modules, variables and generators once each, from the root down. */
function walk(root: object, visit: (path: string, x: object) => void): void {
  const seen = new Set<object>();
  const paths = new Set<string>();
  const go = (x: object, path: string): void => {
    if (seen.has(x)) return;
    seen.add(x);
    if (isPart(x)) {
      checkPath(root, path, paths);
      visit(path, x);
    }
    for (const [key, item] of partsIn(x, root, path)) go(item, join(path, key));
  };
  go(root, "");
}

/** The parameters of a module itself, without those of the modules in it. */
export function ownParameters(module: AnyModule): Parameter[] {
  const own = new Set<Parameter>();
  const seen = new Set<object>();
  const go = (x: object): void => {
    if (seen.has(x)) return;
    seen.add(x);
    if (x instanceof Parameter) own.add(x);
    else if (x === module || !(x instanceof Module)) for (const [, y] of partsIn(x)) go(y);
  };
  go(module);
  return [...own];
}

/** Replaces a module in every place where the model holds it. */
export function replacePart(model: AnyModule, old: AnyModule, by: AnyModule): void {
  const seen = new Set<object>();
  const go = (x: object): void => {
    if (seen.has(x)) return;
    seen.add(x);
    for (const [key, item] of partsIn(x))
      if (item !== old) go(item);
      else if (x instanceof Map) x.set([...x].find(([, y]) => y === old)![0], by);
      else (x as Record<string | number, unknown>)[key] = by;
  };
  go(model);
}

/**
 * The objects that may lead to parts of a model: fields, and items of arrays, plain objects and
 * Maps.
 */
function partsIn(x: object, root: object = x, path = ""): [key: string | number, item: object][] {
  if (isVariable(x)) return [];
  if (x instanceof Set) checkSet(x, root, path);
  const items: Iterable<readonly [unknown, unknown]> = Array.isArray(x)
    ? x.entries()
    : x instanceof Map
      ? x.entries()
      : isPart(x) || isPlain(x)
        ? Object.entries(x)
        : [];
  const found: [string | number, object][] = [];
  let at = 0;
  for (const [key, item] of items) {
    const isName = typeof key === "string" || typeof key === "number";
    if (typeof item === "object" && item !== null) found.push([isName ? key : at, item]);
    at++;
  }
  return found;
}

const isPlain = (x: object): boolean => {
  const prototype = Object.getPrototypeOf(x);
  return prototype === Object.prototype || prototype === null;
};

/** A Set has no keys to make paths of. */
function checkSet(set: ReadonlySet<unknown>, root: object, path: string): void {
  const part = [...set].find((x): x is object => typeof x === "object" && x !== null && isPart(x));
  if (!part) return;
  const kind = part instanceof Module ? titleOf(part) : part.constructor.name;
  throw new ConfigError({
    subject: titleOf(root),
    problem: `"${path}" is a Set with a module or parameter in it (${kind}), which has no path there.`,
    fix: "keep it in an array, a plain object or a Map.",
  });
}

function checkPath(root: object, path: string, paths: Set<string>): void {
  if (paths.has(path))
    throw new ConfigError({
      subject: titleOf(root),
      problem: `two parts have the path "${path}".`,
      fix: "give keys that differ as text, and have no dots in them.",
    });
  paths.add(path);
}

const join = (path: string, key: string | number): string => (path ? `${path}.${key}` : `${key}`);

/** A model, or some of its parameters by path. */
type Parameters = AnyModule | Readonly<Record<string, Parameter>>;

/**
 * Some parameters of a model: those whose path matches, where `*` matches anything and a module's
 * path matches everything inside it. For penalties and the param groups of an optimizer.
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
    problem: `no parameter${from instanceof Module ? ` of ${titleOf(from)}` : ""} matches "${pattern}".`,
    fix: near
      ? `did you mean "${near}"?`
      : `the paths are ${parameters.map(([path]) => path).join(", ")}.`,
  });
}
