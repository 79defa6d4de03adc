/**
 * Epochs to a goal for ReLU and tanh: the images, the initialization of nets, and the ratio (E10).
 */
import { digits, makeSplit, readImageFolder, type Split, subset } from "gradus/data";
import { init } from "gradus/nn";
import { dataFolder, type Setup } from "./experiment.ts";
import { type Activation, crossing, errorsOf } from "./four-layer-net.ts";
import { mean, standardError } from "./statistics.ts";

export const goal = 0.25;
const limit = 150; // epochs

/** How a net starts: pixels 0 … range with their mean subtracted, and an initializer of weights. */
export interface Recipe {
  readonly name: string;
  readonly range: number;
  readonly initializer: init.Initializer;
  readonly rates: Readonly<Record<Activation, readonly number[]>>;
}

/** What is trained, and how often. */
export interface Size {
  /** From CIFAR-10, the same number of each class; from the embedded digits if `digits` is set. */
  readonly images: number;
  readonly digits: boolean;
  readonly channels: number;
  readonly batchSize: number;
  readonly repeats: Readonly<Record<Activation, number>>;
  readonly recipes: readonly Recipe[];
}

const paper = { name: "the paper's start", range: 255, initializer: init.normal(0, 0.01) };

export const full: Size = {
  images: 5000, // a tenth
  digits: false,
  channels: 16,
  batchSize: 100,
  repeats: { ReLU: 3, tanh: 3 },
  recipes: [
    { ...paper, rates: { ReLU: [0.0005, 0.001, 0.002], tanh: [0.01, 0.02, 0.03] } },
    {
      name: "variance 1/n_in",
      range: 4,
      initializer: init.lecunNormal,
      rates: { ReLU: [0.003, 0.005, 0.01], tanh: [0.02, 0.03, 0.05] },
    },
  ],
};

/**
 * On so few digits tanh prefers rates up to 0.1 and wins there: the quick version compares at one
 * rate.
 */
export const quick: Size = {
  images: 300,
  digits: true,
  channels: 8,
  batchSize: 25,
  repeats: { ReLU: 6, tanh: 3 },
  recipes: [{ ...paper, rates: { ReLU: [0.002], tanh: [0.002] } }],
};

export async function images({ images: count, digits: few }: Size, setup: Setup): Promise<Split> {
  if (few) return digits({ train: count, test: 0, seed: setup.seed }).train;
  setup.progress("reading CIFAR-10");
  const { train } = await readImageFolder(`${dataFolder(setup, "cifar10")}/cifar10-jpg.tar.gz`);
  const each = train.size / 10; // the classes lie one after another
  return subset(
    train,
    Int32Array.from({ length: count }, (_, i) => (i % 10) * each + Math.floor(i / 10)),
  );
}

/** Images with 0 … 1 scaled to 0 … range, minus the mean of all pixels. */
function scaled({ inputs, targets }: Split, range: number): Split {
  const average = mean(
    Array.from({ length: 10_000 }, (_, i) => inputs.data[(i * 7919) % inputs.data.length]!),
  );
  const data = Float32Array.from(inputs.data, (x) => (x - average) * range);
  return makeSplit({ ...inputs, data }, targets);
}

/** The epochs of all seeds at the learning rate that is best for the first of them. */
async function best(
  data: Split,
  recipe: Recipe,
  activation: Activation,
  { repeats, channels, batchSize }: Size,
  { seed, progress }: Setup,
) {
  const fixed = { activation, initializer: recipe.initializer, goal, channels, batchSize };
  let chosen: { lr: number; errors: number[]; epochs: number } | undefined;
  for (const lr of recipe.rates[activation]) {
    progress(`${recipe.name}, ${activation}, learning rate ${lr}`);
    const most = Math.min(limit, Math.ceil((chosen?.epochs ?? limit) + 1)); // none slower
    const errors = await errorsOf(data, { ...fixed, lr, seed: 100 * seed, most });
    const epochs = crossing(errors, goal);
    if (!chosen || epochs < chosen.epochs) chosen = { lr, errors, epochs };
  }
  const { lr, errors, epochs } = chosen!;
  const all = [epochs];
  const count = repeats[activation];
  const runs = activation === "ReLU" ? 2 * count : count; // the second half is the control
  for (let r = 1; r < runs; r++) {
    progress(`${recipe.name}, ${activation}, seed ${r}`);
    const options = { ...fixed, lr, seed: 100 * seed + r, most: limit };
    all.push(crossing(await errorsOf(data, options), goal));
  }
  return { lr, errors, epochs: all.slice(0, count), again: all.slice(count) };
}

/** Mean of a over mean of b, with its standard error. */
function ratio(a: readonly number[], b: readonly number[]) {
  const value = mean(a) / mean(b);
  return {
    value,
    error: value * Math.hypot(standardError(a) / mean(a), standardError(b) / mean(b)),
  };
}

/** Both activations with a recipe's start; `self` is ReLU against ReLU from other seeds. */
export async function compare(raw: Split, recipe: Recipe, size: Size, setup: Setup) {
  const data = scaled(raw, recipe.range);
  const relu = await best(data, recipe, "ReLU", size, setup);
  const tanh = await best(data, recipe, "tanh", size, setup);
  return {
    recipe,
    relu,
    tanh,
    ratio: ratio(tanh.epochs, relu.epochs),
    self: ratio(relu.again, relu.epochs),
  };
}
