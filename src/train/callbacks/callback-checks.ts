/** Checks that callbacks have methods that would be called. */
import { ConfigError, describe, nearest } from "../../base/index.ts";
import type { Callback } from "../training.ts";

const hooks: { readonly [K in keyof Required<Callback>]: true } = {
  ...{ check: true, onTrainBegin: true, onEpochBegin: true, onBatchEnd: true, onEpochEnd: true },
  ...{ onTrainEnd: true, afterTrain: true, onError: true, saves: true, optional: true },
  ...{ state: true, restore: true, quantities: true },
};
const methods = Object.keys(hooks).filter((name) => /^(on|after)/.test(name));

/**
 * Callbacks in the order in which they are notified: first those that monitor and control, then
 * those that write checkpoints, last those that write optional files.
 *
 * @throws {ConfigError} for an object without callback methods.
 */
export function callbacksOf(given: Callback | readonly Callback[] = []): Callback[] {
  const all = Array.isArray(given) ? (given as readonly Callback[]) : [given as Callback];
  all.forEach(checkCallback);
  const rank = ({ saves, optional }: Callback) => (optional ? 2 : saves ? 1 : 0);
  return [...all].sort((a, b) => rank(a) - rank(b));
}

function checkCallback(callback: Callback, n: number): void {
  const say = (problem: string, fix: string) =>
    new ConfigError({ subject: "fit", problem: `callback ${n} ${problem}`, fix });
  if (typeof callback === "function") {
    const { name, prototype } = callback as unknown as { name: string; prototype?: object };
    throw prototype && namesOf(prototype).some((key) => key in hooks)
      ? say(`is the class ${name}, not an instance of it.`, `make one: new ${name}(…).`)
      : say("is a function.", "say when to call it, such as { onEpochEnd: (epoch, logs) => … }.");
  }
  if (typeof callback !== "object" || callback === null)
    throw say(`is ${describe(callback)}.`, `give an object with methods of ${methods.join(", ")}.`);
  for (const name of namesOf(callback)) {
    if (name in hooks || !/^(on|after)/i.test(name)) continue;
    const near = nearest(name, methods);
    if (near) throw say(`has a method "${name}", which nothing calls.`, `did you mean "${near}"?`);
  }
  if (methods.some((name) => name in callback)) return;
  throw say("has no method that is called.", `give it one of ${methods.join(", ")}.`);
}

/** The names of an object's fields and methods, own and inherited. */
function namesOf(x: object): string[] {
  const names: string[] = [];
  for (let o = x; o && o !== Object.prototype; o = Object.getPrototypeOf(o))
    names.push(...Object.getOwnPropertyNames(o));
  return names;
}
