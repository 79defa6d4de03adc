/** The stack of running `forward` calls, for error messages and summaries. */
import { ConfigError, callSite, GradusError, InternalError, type Shape } from "../base/index.ts";
import { titleOf } from "./title.ts";

/** The parts of parameters and modules that this file needs; their own files import this one. */
interface Learning {
  readonly trainable: boolean;
  readonly shape: Shape;
}
export interface Callable {
  readonly training: boolean;
  readonly built: { readonly stack?: string };
  modules(): Readonly<Record<string, Callable>>;
  parameters(): Readonly<Record<string, Learning>>;
  state(): Readonly<Record<string, object>>;
  forward(...inputs: never[]): unknown;
}

/** Modules whose `forward` is running, the outermost first. */
const active: Callable[] = [];
/** Errors whose message already names the layer. */
const located = new WeakSet<object>();

/** Called for every module whose `forward` has returned, inner ones first. */
export type Listener = (module: Callable, output: unknown, inputs: readonly unknown[]) => void;
let listener: Listener | null = null;

/** The innermost module whose `forward` is running, if any. */
export const running = (): Callable | undefined => active.at(-1);

/** Runs `f`, with `onCall` after every call of a module; `listenToCalls` is the same for modules. */
export function withListener<T>(onCall: Listener, f: () => T): T {
  const before = listener;
  listener = onCall;
  try {
    return f();
  } finally {
    listener = before;
  }
}

/**
 * Values that layers store for later layers of the same pass, that is, until the outermost
 * `forward` returns.
 */
const left = new Map<Callable, unknown[]>();
let joined = 0;

/** Stores a value of this call for a later layer of the same pass. */
export function leave(module: Callable, what: unknown): void {
  const before = left.get(module);
  if (before) before.push(what);
  else left.set(module, [what]);
}

/** The values that a module has stored in this pass, one per call. */
export const leftBy = (module: Callable): readonly unknown[] => left.get(module) ?? [];

/** Runs `f` as one pass, in which modules share values as the layers of one model do. */
export function inOnePass<T>(f: () => T): T {
  joined++;
  try {
    return f();
  } finally {
    joined--;
    endPass();
  }
}

function endPass(): void {
  if (active.length === 0 && joined === 0 && left.size > 0) left.clear();
}

/** The model in training; every trainable parameter that is used must belong to it. */
let trained: Callable | null = null;

/** Runs `f`; inside, using a trainable parameter that does not belong to the model is an error. */
export function training<T>(model: Callable, f: () => T): T {
  const before = trained;
  trained = model;
  try {
    return f();
  } finally {
    trained = before;
  }
}

/** The model's parts when last walked: a walk for every call would be too expensive. */
const partsOf = new WeakMap<Callable, WeakSet<object>>();

function has(model: Callable, part: object): boolean {
  if (partsOf.get(model)?.has(part)) return true;
  const parts = [...Object.values(model.modules()), ...Object.values(model.state())];
  partsOf.set(model, new WeakSet<object>(parts));
  return partsOf.get(model)!.has(part);
}

/**
 * @throws {ConfigError} if a trainable parameter is used that does not belong to the model in
 * training.
 */
export function checkParameter(parameter: Learning): void {
  const model = trained ?? active[0];
  if (!model || !parameter.trainable || has(model, parameter)) return;
  throw hidden(model, `a trainable parameter of shape [${parameter.shape.join(", ")}]`);
}

/**
 * @throws {ConfigError} if a module is called that the model in training does not contain, and this
 * matters.
 */
function checkModule(module: Callable): void {
  const model = trained ?? active[0];
  if (!model || has(model, module)) return;
  const state = Object.values(module.state());
  const rests = !module.training && Object.values(module.parameters()).every((p) => !p.trainable);
  if (state.length === 0 || rests) return;
  const built = callSite(module.built.stack);
  throw hidden(model, `${titleOf(module)}${built ? `, built at ${built},` : ""}`);
}

const hidden = (model: Callable, what: string): ConfigError =>
  new ConfigError({
    subject: titleOf(model),
    problem: `it uses ${what} which is not among its parts: that would neither learn, nor be saved, nor follow eval().`,
    fix: "keep it in a field of the model, or in an array, plain object or Map there (no Set, #private field, closure or object of another class); what shall stay as it is, freeze() and eval().",
  });

const watched = new WeakSet<object>();

/**
 * Wraps the `forward` of a class, once per class, so that every call is tracked, whoever makes it.
 * `base` is the prototype of `Module`, where the search ends.
 */
export function watchForward(prototype: Callable, base: object): void {
  for (let p = prototype; p !== base && !watched.has(p); p = Object.getPrototypeOf(p)) {
    watched.add(p);
    if (!Object.hasOwn(p, "forward")) continue;
    const { forward } = p;
    p.forward = function (this: Callable, ...inputs: never[]) {
      return callIn(this, inputs, () => forward.apply(this, inputs));
    };
  }
}

function callIn(module: Callable, inputs: readonly unknown[], f: () => unknown): unknown {
  if (active.at(-1) === module) return f(); // super.forward
  checkModule(module);
  active.push(module);
  try {
    const output = f();
    listener?.(module, output, inputs);
    return output;
  } catch (error) {
    throw withLocation(error, active[0]!, module);
  } finally {
    active.pop();
    endPass();
  }
}

/** The same error with the layer in its message; the original is its cause. */
function withLocation(error: unknown, root: Callable, module: Callable): unknown {
  if (!(error instanceof GradusError) || error instanceof InternalError || located.has(error))
    return error;
  const path = Object.entries(root.modules()).find(([, m]) => m === module)?.[0];
  const built = callSite(module.built.stack);
  const where = [
    path ? `${path} (${titleOf(module)})` : titleOf(module),
    ...(built ? [`built at ${built}`] : []),
    ...(error.where && error.where !== built ? [`called at ${error.where}`] : []),
  ].join(", ");
  const { subject, problem, fix } = error;
  const kind = error.constructor as typeof GradusError;
  const copy = Object.assign(new kind({ subject, problem, where, fix }), { cause: error });
  located.add(copy);
  return copy;
}
