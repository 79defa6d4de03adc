/** The claims of the theory as programs: one file each, loaded when it is run. */
import type { Experiment } from "./shared/experiment.ts";

export type { Experiment, Measured, Outcome, Setup } from "./shared/experiment.ts";
export { Missing } from "./shared/experiment.ts";

const load: Readonly<Record<string, () => Promise<{ readonly default: Experiment }>>> = {
  E1: () => import("./e01-xor.ts"),
  E2: () => import("./e02-universal-approximation.ts"),
  E3: () => import("./e03-perceptron.ts"),
  E4: () => import("./e04-convexity.ts"),
  E5: () => import("./e05-single-neuron.ts"),
  E6: () => import("./e06-planted-truth.ts"),
  E7: () => import("./e07-linear-nets.ts"),
  E8: () => import("./e08-linear-autoencoder.ts"),
  E9: () => import("./e09-local-convexity.ts"),
  E10: () => import("./e10-relu-tanh.ts"),
  E11: () => import("./e11-regularisation.ts"),
  E12: () => import("./e12-step-sizes.ts"),
  E13: () => import("./e13-initialisation.ts"),
  E14: () => import("./e14-ravine.ts"),
  E15: () => import("./e15-random-features.ts"),
  E16: () => import("./e16-transfer.ts"),
  E17: () => import("./e17-generative-discriminative.ts"),
  E18: () => import("./e18-permutations.ts"),
  E19: () => import("./e19-saddle.ts"),
  E20: () => import("./e20-plateaus.ts"),
  E21: () => import("./e21-translation.ts"),
  E22: () => import("./e22-complex-step.ts"),
  E23: () => import("./e23-gradient-cost.ts"),
  E24: () => import("./e24-autoencoder.ts"),
  E25: () => import("./e25-speech-and-text.ts"),
  E26: () => import("./e26-deep-linear-nets.ts"),
  E27: () => import("./e27-likeness.ts"),
};

/** E1, E2, … in order. */
export const experimentIds: readonly string[] = Object.keys(load).sort(
  (a, b) => Number(a.slice(1)) - Number(b.slice(1)),
);

/** The experiment of an id that {@link experimentIds} lists. */
export async function loadExperiment(id: string): Promise<Experiment> {
  if (!Object.hasOwn(load, id)) throw new RangeError(`internal: there is no experiment ${id}.`);
  return (await load[id]!()).default;
}
