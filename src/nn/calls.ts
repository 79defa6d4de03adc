/** Who is calling whom: the modules whose `forward` runs now, for error messages and summaries. */
import { callSite, GradusError, InternalError } from "../base/index.ts";
import type { AnyModule } from "./module.ts";

/** Modules whose `forward` is running, the outermost first. */
const active: AnyModule[] = [];
/** Errors that already say in which layer they arose. */
const located = new WeakSet<object>();

/** Hears of every module whose `forward` has returned, inner ones first. */
export type CallListener = (module: AnyModule, output: unknown, inputs: readonly unknown[]) => void;
let listener: CallListener | null = null;

/** Runs `f` while `heard` is told of every call of a module. */
export function listenToCalls<T>(heard: CallListener, f: () => T): T {
  const before = listener;
  listener = heard;
  try {
    return f();
  } finally {
    listener = before;
  }
}

const watched = new WeakSet<object>();

/**
 * Wraps the `forward` of a class, once per class, so that every call knows where in the model it is,
 * whoever makes it. `base` is the prototype of `Module`, where the search ends.
 */
export function watchForward(prototype: AnyModule, base: object): void {
  for (let p = prototype; p !== base && !watched.has(p); p = Object.getPrototypeOf(p)) {
    watched.add(p);
    if (!Object.hasOwn(p, "forward")) continue;
    const { forward } = p;
    p.forward = function (this: AnyModule, ...inputs: never[]) {
      return callIn(this, inputs, () => forward.apply(this, inputs));
    };
  }
}

function callIn(module: AnyModule, inputs: readonly unknown[], f: () => unknown): unknown {
  if (active.at(-1) === module) return f(); // super.forward
  active.push(module);
  try {
    const output = f();
    listener?.(module, output, inputs);
    return output;
  } catch (error) {
    throw withLocation(error, active[0]!, module);
  } finally {
    active.pop();
  }
}

/** The same error, saying in which layer it arose; the original is its cause. */
function withLocation(error: unknown, root: AnyModule, module: AnyModule): unknown {
  if (!(error instanceof GradusError) || error instanceof InternalError || located.has(error))
    return error;
  const path = Object.entries(root.modules()).find(([, m]) => m === module)?.[0];
  const built = callSite(module.built.stack);
  const where = [
    path ? `${path} (${module})` : `${module}`,
    ...(built ? [`built at ${built}`] : []),
    ...(error.where && error.where !== built ? [`called at ${error.where}`] : []),
  ].join(", ");
  const { subject, problem, fix } = error;
  const kind = error.constructor as typeof GradusError;
  const copy = Object.assign(new kind({ subject, problem, where, fix }), { cause: error });
  located.add(copy);
  return copy;
}
