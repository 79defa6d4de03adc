/**
 * Five small tables, each split anew for every seed, and a perceptron with one hidden layer for all
 * of them. Writes tables, splits and scores to a file, from which sklearn_mlp.py measures
 * scikit-learn's perceptron on the same rows:
 *
 *   node examples/tabular/tabular.mjs DATA && python3 examples/tabular/sklearn_mlp.py runs/tabular.json
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  fitStandardization,
  makeSplit,
  numericFeatures,
  readCsv,
  splitDataset,
  standardize,
  subset,
} from "gradus/data";
import { Dropout, Linear, ReLU, Sequential, seeded } from "gradus/nn";
import { adamW, cosine } from "gradus/optim";
import { evaluate, fit } from "gradus/train";
import { main } from "../support.mjs";

/** @typedef {import("gradus/data").Split} Split @typedef {import("gradus/data").CsvSplit} Table */

/**
 * Where the tables are, and options that cannot be detected. @type {Record<string, [path: string,
 * import("gradus/data").CsvOptions]>}
 */
const tables = {
  iris: ["tabular/iris.csv", {}],
  wine: ["tabular/wine.csv", {}],
  wdbc: ["wdbc/wdbc.data", { target: 1, drop: [0] }],
  penguins: ["tabular/penguins.csv", { target: "species", dropMissing: true }],
  abalone: ["tabular/abalone.csv", { task: "regression" }],
};

/**
 * One set of hyperparameters for classification and one for regression, chosen on seeds 100 to 119.
 */
const settings = {
  classes: { steps: 2000, batchSize: 32, lr: 5e-3, weightDecay: 1, dropout: 0.5 },
  numbers: { steps: 5000, batchSize: 64, lr: 3e-3, weightDecay: 0.1, dropout: 0.2 },
};

/**
 * The numbers of the training and the test rows: 70 and 30 %. @param {number} size @param {number}
 * seed
 */
function rowsOf(size, seed) {
  const numbers = Int32Array.from({ length: size }, (_, n) => n);
  const all = { dtype: /** @type {const} */ ("int32"), shape: [size], data: numbers };
  return splitDataset(makeSplit(all, all), 0.3, seed).map(({ inputs }) => [...inputs.data]);
}

/**
 * Numeric inputs and targets, standardized to mean 0 and variance 1 over the training rows.
 * @param {Table} table @param {readonly Split[]} splits the training rows first
 */
function scaled(table, splits) {
  const [train] = splits;
  if (!train) return [];
  const x = fitStandardization(train.inputs, numericFeatures(table));
  const y = table.classes ? undefined : fitStandardization(train.targets);
  return splits.map((split) => {
    const { inputs } = standardize(split, x);
    if (!y) return { ...split, inputs };
    return {
      ...split,
      inputs,
      targets: standardize({ ...split, inputs: split.targets }, y).inputs,
    };
  });
}

/**
 * The test score of one split: accuracy, or R² of numbers.
 * @param {Table} table @param {readonly Split[]} splits @param {number} seed @param {boolean} quick
 */
async function score(table, [train, test], seed, quick) {
  if (!train || !test) throw new Error("two splits, please");
  const { batchSize, lr, weightDecay, dropout, ...rest } =
    settings[table.classes ? "classes" : "numbers"];
  const outputs = table.classes?.length ?? 1;
  const model = seeded(
    seed,
    () =>
      new Sequential(
        new Linear(table.features.length, 100),
        new ReLU(),
        new Dropout(dropout),
        new Linear(100, outputs),
      ),
  );
  const steps = quick ? 50 : rest.steps;
  await fit(model, train, {
    epochs: Math.ceil(steps / Math.ceil(train.size / batchSize)),
    batchSize,
    optimizer: adamW({ weightDecay }),
    lr: cosine(lr, { steps }),
    seed,
  });
  const metric = table.classes ? "accuracy" : "r2";
  return (await evaluate(model, test, { metrics: [metric] }))[metric] ?? Number.NaN;
}

/** @param {import("../support.mjs").Call} call */
export async function tabular({ data, quick, print }) {
  const seeds = Array.from({ length: quick ? 1 : 20 }, (_, seed) => seed);
  /** @type {Record<string, object>} */
  const results = {};
  /** @type {Record<string, number>} */
  const means = {};
  for (const [name, [path, options]] of Object.entries(tables)) {
    const table = await readCsv(join(data, path), options);
    const runs = [];
    for (const seed of seeds) {
      const [train = [], test = []] = rowsOf(table.size, seed);
      const splits = scaled(table, [subset(table, train), subset(table, test)]);
      runs.push({ test, score: await score(table, splits, seed, quick) });
    }
    const mean = runs.reduce((sum, run) => sum + run.score / runs.length, 0);
    const metric = table.classes ? "accuracy" : "R²";
    print(`${name}: ${table.size} rows, mean ${metric} of ${runs.length} cuts ${mean.toFixed(4)}`);
    means[name] = mean;
    results[name] = {
      classes: table.classes ?? null,
      shape: table.inputs.shape,
      inputs: [...table.inputs.data],
      numeric: numericFeatures(table),
      targets: [...table.targets.data],
      runs,
    };
  }
  await mkdir("runs", { recursive: true });
  await writeFile("runs/tabular.json", JSON.stringify(results));
  print("wrote runs/tabular.json, for sklearn_mlp.py");
  return means;
}

await main(import.meta.url, tabular);
