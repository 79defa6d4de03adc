import { ConfigError } from "../base/index.ts";
import { Linear } from "./layers/linear.ts";
import { type AnyModule, replacePart } from "./module.ts";
import { titleOf } from "./title.ts";

/**
 * Gives a trained model a new last layer, for another task: its last `Linear`, in the order of the
 * fields, is replaced by a new one with `outputs` outputs. Freeze the rest by means of the returned
 * path:
 *
 *     const head = replaceHead(model, 5);
 *     model.freeze().unfreeze(head);
 *
 * @returns the path of the new layer.
 * @throws {ConfigError} if there is no `Linear` inside the model, or `outputs` is not an integer
 * above 0.
 * @see Yosinski, Clune, Bengio & Lipson 2014, "How transferable are features in deep neural
 * networks?"
 * @example
 * const model = new Sequential(new Linear(2, 8), new ReLU(), new Linear(8, 10));
 * replaceHead(model, 3); // "layers.2"
 * model.forward(zeros([1, 2])).shape; // [1, 3]
 */
export function replaceHead(model: AnyModule, outputs: number): string {
  if (!Number.isSafeInteger(outputs) || outputs < 1)
    throw new ConfigError({
      subject: "replaceHead",
      problem: `outputs is ${outputs}, not a whole number of 1 or more.`,
      fix: "give the number of classes, or of values to predict.",
    });
  const found = Object.entries(model.modules()).filter(
    (entry): entry is [string, Linear] => entry[0] !== "" && entry[1] instanceof Linear,
  );
  const [path, old] = found.at(-1) ?? [];
  if (path === undefined || !old)
    throw new ConfigError({
      subject: "replaceHead",
      problem: `there is no Linear inside ${titleOf(model)}.`,
      fix: "put the model and a Linear into a Sequential, and train the Linear.",
    });
  const { dtype } = old.weight;
  const head = new Linear(old.inFeatures, outputs, {
    bias: old.bias !== null,
    ...((dtype === "float32" || dtype === "float64") && { dtype }),
  });
  replacePart(model, old, head);
  return path;
}
