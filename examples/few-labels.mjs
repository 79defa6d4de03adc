/**
 * What pretext tasks buy: a convolutional net learns from digits without labels (which way up they
 * are; which views are of the same digit), then from a few labelled ones, and is compared with a net
 * that has only these. Writes runs/few-labels.svg and runs/few-labels.json.
 *
 *   node examples/few-labels.mjs DATA/mnist
 */
import { mkdir, writeFile } from "node:fs/promises";
import {
  augment,
  contrastivePairs,
  contrastiveViews,
  readIdxFolder,
  rotation,
  subset,
} from "gradus/data";
import { chart } from "gradus/draw";
import { Contrastive, digitsNet } from "gradus/models";
import { replaceHead, seeded } from "gradus/nn";
import { evaluate, fit } from "gradus/train";
import { main, percent } from "./support.mjs";

/** @typedef {import("gradus/data").Split} Split */
/** @typedef {{ pretext: string, labels: number, seed: number, accuracy: number }} Result */

const inputShape = [1, 28, 28];
const colors = { none: "#6b7280", rotation: "#2563eb", contrastive: "#ea580c" };

/** @param {number} count */
const rows = (count) => Array.from({ length: count }, (_, n) => n);

/** The encoder of each pretext task, trained without labels. @type {Record<keyof typeof colors, (unlabelled: Split, seed: number, epochs: number) => Promise<import("gradus/models").ImageClassifier>>} */
const pretexts = {
  none: async (_, seed) => digitsNet({ inputShape, classes: 10, seed }),
  rotation: async (unlabelled, seed, epochs) => {
    const model = digitsNet({ inputShape, classes: 4, seed });
    await fit(model, rotation(unlabelled), { epochs, batchSize: 128, lr: 1e-3, seed });
    return model;
  },
  contrastive: async (unlabelled, seed, epochs) => {
    const encoder = digitsNet({ inputShape, classes: 64, seed });
    await fit(new Contrastive(encoder), contrastivePairs(unlabelled, { transforms: [] }), {
      ...{ epochs: 2 * epochs, batchSize: 128, lr: 1e-3, seed },
      augment: augment(contrastiveViews({ flip: false })),
    });
    return encoder;
  },
};

/** Of each class as many examples as can be, the first ones after an offset. @param {Split} split @param {number} count @param {number} offset */
function labelled(split, count, offset) {
  const perClass = Math.max(1, Math.round(count / 10));
  const seen = new Array(10).fill(0);
  return subset(
    split,
    rows(split.size - offset)
      .map((row) => row + offset)
      .filter((row) => seen[Number(split.targets.data[row])]++ < perClass),
  );
}

/** @param {import("./support.mjs").Call} call */
export async function fewLabels({ data, quick, print }) {
  const { train, test: held } = await readIdxFolder(data);
  if (!held) throw new Error(`${data} has no test images`);
  const unlabelled = subset(train, rows(quick ? 256 : 10_000));
  const test = quick ? subset(held, rows(200)) : held;
  const [seeds, counts, epochs, steps] = quick
    ? [[1], [10, 100], 1, 20]
    : [[1, 2, 3], [10, 30, 100, 300, 1000], 3, 400];

  /** @type {Result[]} */
  const results = [];
  for (const seed of seeds)
    for (const pretext of /** @type {(keyof typeof colors)[]} */ (Object.keys(colors))) {
      const learned = await pretexts[pretext](unlabelled, seed, epochs);
      const start = Object.entries(learned.parameters()).map(([path, p]) => [path, p.value]);
      for (const labels of counts) {
        // each number of labels starts from what the pretext task has learned
        for (const [path, value] of start) set(learned, String(path), value);
        if (pretext !== "none") seeded(seed, () => replaceHead(learned, 10));
        const few = labelled(train, labels, 10_000 * seed);
        const batchSize = Math.min(32, few.size);
        await fit(learned, few, {
          epochs: Math.ceil(steps / Math.ceil(few.size / batchSize)),
          ...{ batchSize, lr: 1e-3, seed },
        });
        const { accuracy } = await evaluate(learned, test, { metrics: ["accuracy"] });
        results.push({ pretext, labels: few.size, seed, accuracy: Number(accuracy) });
        print(`seed ${seed}  ${pretext}  ${few.size} labels  ${percent(Number(accuracy))}`);
      }
    }
  await mkdir("runs", { recursive: true });
  await writeFile("runs/few-labels.json", `${JSON.stringify(results, null, 1)}\n`);
  await writeFile("runs/few-labels.svg", await figure(results));
  for (const line of table(results)) print(line);
  return results;
}

/** @param {import("gradus/models").ImageClassifier} model @param {string} path @param {any} value */
function set(model, path, value) {
  const parameter = model.parameters()[path];
  if (parameter?.value.shape.join() === value.shape.join())
    /** @type {any} */ (parameter).value = value;
}

/** Mean and range over the seeds, as rows of Markdown. @param {Result[]} results */
function table(results) {
  const counts = [...new Set(results.map(({ labels }) => labels))];
  const cell = (/** @type {string} */ pretext, /** @type {number} */ labels) => {
    const own = results.filter((r) => r.pretext === pretext && r.labels === labels);
    const values = own.map(({ accuracy }) => accuracy);
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    return `${percent(mean)} (${percent(Math.min(...values))} to ${percent(Math.max(...values))})`;
  };
  const names = Object.keys(colors);
  return [
    `| labels | ${names.join(" | ")} |`,
    `| ---: |${names.map(() => " --- |").join("")}`,
    ...counts.map((n) => `| ${n} | ${names.map((name) => cell(name, n)).join(" | ")} |`),
  ];
}

/** @param {Result[]} results */
const figure = (results) =>
  chart((Plot) => ({
    ...{ title: "Accuracy with few labels", width: 560, height: 340, marginLeft: 60 },
    subtitle: "MNIST, test accuracy; a dot per seed, a line through the means",
    legend: colors,
    x: { type: "log", label: "labelled examples" },
    y: { label: "accuracy", grid: true },
    marks: Object.entries(colors).flatMap(([pretext, stroke]) => {
      const own = results.filter((r) => r.pretext === pretext);
      return [
        Plot.dot(own, { x: "labels", y: "accuracy", fill: stroke, r: 2.5 }),
        Plot.line(own, Plot.groupX({ y: "mean" }, { x: "labels", y: "accuracy", stroke })),
      ];
    }),
  }));

await main(import.meta.url, fewLabels);
