import path from "node:path";
import { ConfigError } from "../../base/index.ts";
import type { Preparation } from "../../data/index.ts";
import type { ModelName } from "../../models/index.ts";
import type { Source } from "../sources/data-source.ts";
import {
  isLearner,
  type LearnerName,
  learners,
  noOption,
  optionsOf,
  settingOf,
} from "./learners.ts";
import { networks } from "./networks.ts";
import { optimizers } from "./rules.ts";
import type { Given, GivenLearner, LearnerSettings, Settings } from "./settings.ts";

export const defaultSource = "digits";
const defaults = { optimizer: "adam", schedule: "cosine", warmup: 0, seed: 0 } as const;
/** Sets of images and texts are large, tables and toy sets small: more epochs, in smaller steps. */
export const imageDefaults = { model: "conv", epochs: 5, batchSize: 64 } as const;
export const textDefaults = { model: "char-mlp", epochs: 5, batchSize: 128 } as const;
export const otherDefaults = { model: "mlp", epochs: 50, batchSize: 16 } as const;

/** Fills in missing settings of a network; the defaults depend on the data. */
export function resolve(given: Given, { source, preparation }: Source["config"]): Settings {
  const { model: usual, ...forShape } = defaultsFor(preparation);
  const training = { ...defaults, ...forShape, ...defined(given.training ?? {}) };
  const { from, ...transfer } = given.transfer ?? {};
  if (from === undefined && Object.keys(defined(transfer)).length > 0) throw noSource();
  const model = networkModel(given.model ?? {}, usual, from);
  const { lr, decay } = optimizers[training.optimizer];
  return {
    data: { ...defined(given.data ?? {}), source },
    model,
    training: { lr, weightDecay: decay, ...training },
    ...(from !== undefined && { transfer: { from: path.resolve(from), ...defined(transfer) } }),
  };
}

const defaultsFor = ({ inputs, inputShape }: Preparation) =>
  inputs.kind === "text" ? textDefaults : inputShape.length === 3 ? imageDefaults : otherDefaults;

/**
 * The settings of a network. @param from the run to start from, whose network exists already.
 * @throws {ConfigError} for a learner, or an option that the network does not have.
 */
function networkModel(
  given: NonNullable<Given["model"]>,
  usual: ModelName,
  from: string | undefined,
): Settings["model"] {
  const { name = usual, ...rest } = given;
  if (isLearner(name))
    throw new ConfigError({
      subject: "--model",
      problem: `"${name}" is a learner, and this needs a network.`,
      fix: "name a network, such as --model mlp; `gradus models` lists all.",
    });
  const options = defined(rest);
  const asked = Object.keys(options);
  if (from !== undefined && asked.length > 0) throw isMade(asked[0]!, from);
  const stranger = asked.find((option) => !networks[name].options.includes(option));
  if (stranger !== undefined) throw noOption(settingOf(stranger), name, networks[name].options);
  return { name, ...options };
}

const isMade = (option: string, from: string): ConfigError =>
  new ConfigError({
    subject: `model.${option}`,
    problem: `the network of ${from} is made already, and is taken as it is.`,
    fix: "leave it out, or train from scratch without --from.",
  });

/**
 * The settings of a learner, and its options.
 *
 * @throws {ConfigError} for a setting that it does not have, or a learner that does not suit the
 * task of the data.
 */
export function resolveLearner(given: Given, source: string): LearnerSettings {
  const { name, ...model } = defined(given.model ?? {}) as GivenLearner;
  const training = defined(given.training ?? {});
  if (given.transfer)
    throw new ConfigError({
      subject: "transfer",
      problem: `${name} is a learner, which cannot start from another run.`,
      fix: "leave out --from, --freeze and --unfreeze, or name a network with --model.",
    });
  const strangers = ["augment", "pretext"] as const;
  const strangeData = strangers.find((option) => given.data?.[option] !== undefined);
  if (strangeData)
    throw new ConfigError({
      subject: `data.${strangeData}`,
      problem: `${name} sees each example once, as it is.`,
      fix: "leave it out, or name a network with --model.",
    });
  const own = optionsOf(name, model.estimator);
  const asked = [
    ...Object.keys(model).map((option) => `model.${option}`),
    ...Object.keys(training).map((option) => `training.${option}`),
  ];
  const strange = asked.find((setting) => !own.some((option) => settingOf(option) === setting));
  if (strange !== undefined) throw noOption(strange, name, own);
  if (learners[name].options.includes("estimator") && model.estimator === undefined)
    throw new ConfigError({
      subject: "model.estimator",
      problem: `${name} makes several of a learner of two classes, and none is named.`,
      fix: "name it, such as model.estimator=perceptron.",
    });
  return {
    data: { ...defined(given.data ?? {}), source },
    model: { name, ...model },
    training,
  };
}

/** The options of a learner's class, from the settings. */
export const learnerOptions = ({
  model: { name: _, estimator: __, ...own },
  training,
}: LearnerSettings): object => ({ ...own, ...training });

/** The data of a learner, as far as they affect the preparation: counts are not standardized. */
export function learnerData(name: LearnerName, data: Given["data"] = {}): Given["data"] {
  const isOfCounts = "isOfCounts" in learners[name];
  return { ...(isOfCounts && { standardize: false }), ...defined(data) };
}

const noSource = (): ConfigError =>
  new ConfigError({
    subject: "transfer",
    problem: "it says how to go on from a trained network, but not from which.",
    fix: "name a run with --from.",
  });

/** Removes names whose value is undefined. */
function defined<T extends object>(x: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(x).filter(([, value]) => value !== undefined)) as never;
}
