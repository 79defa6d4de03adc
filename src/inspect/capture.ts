/** The outputs of a model's layers, from its inputs to its outputs. */
import { ConfigError, checkOptions, nearest } from "../base/index.ts";
import { type AnyModule, evaluating, type Module } from "../nn/index.ts";
import { currentModule, listenToCalls } from "../nn/listen.ts";
import { listenToActivations } from "../tensor/elementwise-methods.ts";
import { isTensor, type Tensor } from "../tensor/index.ts";

/** The output of one call of a layer, or of an activation as a function. */
export interface Activation {
  /**
   * The path of the module; an activation that is called as a function or method has the path of the module that
   * calls it, followed by its name: "block.relu". Later calls under the same path are "…#2", "…#3".
   */
  readonly path: string;
  /** The class of the module, or the name of the function. */
  readonly kind: string;
  readonly output: Tensor;
}

/** Outputs of a model and of its layers, in the order in which they were computed. */
export interface Captured {
  readonly outputs: Tensor;
  readonly activations: readonly Activation[];
}

/** Which layers, and in which mode. */
export interface CaptureOptions {
  /** Paths as in `model.modules()`, or those of functions ("relu"); default: all. */
  readonly paths?: readonly string[] | undefined;
  /** True keeps the model's mode, false (the default) uses evaluation mode. */
  readonly training?: boolean | undefined;
}

/**
 * Runs a model and captures the output of every layer: modules under their paths, and activations
 * that a `forward` calls as functions or methods (`x.relu()`, `gelu(x)`) under the path of the
 * module that calls them.
 *
 * The tensors are part of the same graph as the outputs, and computed when they are read.
 *
 * @param inputs `[N, …]`, the model's inputs.
 * @throws {ConfigError} for a path under which nothing was computed; the message lists the paths.
 * @example
 * const model = new Sequential(new Linear(2, 3, { init: init.constant(1) }), new ReLU());
 * const { activations } = captureActivations(model, tensor([[1, -3]]));
 * activations.map(({ path }) => path); // ["layers.0", "layers.1", ""]
 * activations[0].output.toArray(); // [[-2, -2, -2]]
 */
export function captureActivations(
  model: Module,
  inputs: Tensor,
  options: CaptureOptions = {},
): Captured {
  checkOptions("captureActivations", options, { paths: true, training: "boolean" });
  const { paths, training = false } = options;
  const run = () => captureCalls(model, () => model.forward(inputs));
  const { result, activations: calls } = training ? run() : evaluating(model, run);
  const activations = calls.map(({ path, kind, output }) => ({ path, kind, output }));
  if (paths) for (const path of paths) checkPath("captureActivations", path, activations);
  return {
    outputs: result,
    activations: paths ? activations.filter(({ path }) => paths.includes(path)) : activations,
  };
}

/** The activations under the paths, or of every layer that contains no other. */
export function layerActivations(
  model: Module,
  inputs: Tensor,
  paths: readonly string[] | undefined,
): readonly Activation[] {
  const { activations } = captureActivations(model, inputs, { paths });
  if (paths) return activations;
  const all = activations.map(({ path }) => path);
  return activations.filter(
    ({ path }) => path !== "" && !all.some((inner) => inner.startsWith(`${path}.`)),
  );
}

/** @throws {ConfigError} unless something was computed under the path. */
export function checkPath(subject: string, path: string, activations: readonly Activation[]): void {
  const known = activations.map((activation) => activation.path);
  if (known.includes(path)) return;
  const near = nearest(path, known);
  throw new ConfigError({
    subject,
    problem: `the model computes nothing under the path "${path}".`,
    fix: near
      ? `did you mean "${near}"?`
      : `its paths are ${known.map((p) => `"${p}"`).join(", ")}.`,
  });
}

/** An activation with its origin. */
export interface Call extends Activation {
  /** The first of its inputs. */
  readonly input: unknown;
  /** The module whose output it is; undefined for a function. */
  readonly module: AnyModule | undefined;
  /**
   * The name of the activation that was called, as a function or by a layer that is nothing else.
   */
  readonly activation: string | undefined;
}

/** The output under a path, in evaluation mode. @throws {ConfigError} if there is none. */
export function outputAt(subject: string, model: Module, inputs: Tensor, path: string): Tensor {
  const { activations } = evaluating(model, () => captureCalls(model, () => model.forward(inputs)));
  checkPath(subject, path, activations);
  return activations.find((found) => found.path === path)!.output;
}

/** @throws {ConfigError} unless the output `[N, units, …]` has this unit. */
export function checkUnit(subject: string, unit: number, output: Tensor): void {
  const units = output.shape[1] ?? 0;
  if (Number.isInteger(unit) && unit >= 0 && unit < units) return;
  throw new ConfigError({
    subject,
    problem: `unit ${unit} of a layer with ${units || "no"} units.`,
    fix: units > 0 ? `choose one from 0 to ${units - 1}.` : "choose another layer.",
  });
}

/** Runs `f`, and reports every output of a module or activation on the way. */
export function captureCalls<T>(model: AnyModule, f: () => T): { result: T; activations: Call[] } {
  const paths = new Map(Object.entries(model.modules()).map(([path, module]) => [module, path]));
  const found: (Call & { readonly caller?: AnyModule | undefined })[] = [];
  const onModule = (module: AnyModule, output: unknown, [input]: readonly unknown[]) => {
    if (!isTensor(output)) return;
    // the layer ReLU is relu() and nothing else: one activation, not two
    const last = found.at(-1);
    const isAll = last?.caller === module && last.output.node === output.node;
    const activation = isAll && last.input === input ? found.pop()!.activation : undefined;
    const path = paths.get(module) ?? "";
    found.push({ path, kind: module.constructor.name, output, input, module, activation });
  };
  const onActivation = (name: string, output: unknown, input: unknown) => {
    if (!isTensor(output)) return;
    const caller = currentModule();
    const path = [caller && paths.get(caller), name].filter(Boolean).join(".");
    found.push({ path, kind: name, output, input, module: undefined, activation: name, caller });
  };
  const result = listenToActivations(onActivation, () => listenToCalls(onModule, f));
  const calls = new Map<string, number>();
  const activations = found.map(({ caller: _caller, ...call }) => {
    const times = (calls.get(call.path) ?? 0) + 1;
    calls.set(call.path, times);
    return times > 1 ? { ...call, path: `${call.path}#${times}` } : call;
  });
  return { result, activations };
}
