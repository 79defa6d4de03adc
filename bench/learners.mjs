#!/usr/bin/env node
/**
 * Whole fits of learners beside scikit-learn, openTSNE and umap-learn, on MNIST, on two threads.
 *
 *   PYTHON=/path/to/python node bench/learners.mjs --data folder/of/idx/files [--rounds 3] [--save] [ridge pca …]
 *
 * Each fit runs in its own process, alternating between ours and theirs; the ratio is the median
 * over rounds of their time over ours. Reading the data is not counted, nor umap-learn's
 * compilation at its first use.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readIdxFolder } from "../dist/data/index.js";
import { hostArray } from "../dist/index.js";
import * as learn from "../dist/learn/index.js";
import { learnerRow } from "./lib/learners.mjs";
import { machine, revision } from "./lib/machine.mjs";
import { median } from "./lib/stats.mjs";

/**
 * @typedef {{ x: import("../dist/index.js").HostArray, y: number[] }} Rows
 * @typedef {Rows & { test: Rows }} Data
 * @typedef {object} Task
 * @property {number} rows
 * @property {number} aim
 * @property {string} measure
 * @property {string[]} [peers]
 * @property {(data: Data) => Promise<number | (() => number)>} run
 */

/**
 * Learners by name: the number of training rows, the desired ratio, and the fit with a measure of
 * its quality.
 */
const tasks = /** @type {Record<string, Task>} */ ({
  softmax: { rows: 20000, aim: 3, measure: "mean loss with penalty", run: fitLogistic(false) },
  logistic: { rows: 20000, aim: 3, measure: "mean loss with penalty", run: fitLogistic(true) },
  ridge: {
    rows: 60000,
    aim: 1.5,
    measure: "R²",
    run: async ({ x, y }) => (await new learn.Ridge().fit(x, y)).score(x, y),
  },
  neighbors: {
    rows: 60000,
    aim: 1.5,
    measure: "accuracy",
    run: async ({ x, y, test }) => {
      const model = await new learn.KNeighborsClassifier().fit(x, y);
      return model.score(test.x, test.y);
    },
  },
  pca: {
    rows: 60000,
    aim: 1.5,
    measure: "explained share",
    run: async ({ x }) => {
      const model = await new learn.PCA({ nComponents: 50 }).fit(x);
      return model.explainedVarianceRatio.sum().item();
    },
  },
  svm: {
    rows: 10000,
    aim: 1.5,
    measure: "support vectors",
    run: async ({ x, y }) => (await new learn.SVC().fit(x, y)).support.length,
  },
  kmeans: {
    rows: 60000,
    aim: 1.5,
    measure: "inertia",
    run: async ({ x }) => (await new learn.KMeans({ nClusters: 10 }).fit(x)).inertia,
  },
  bayes: {
    rows: 60000,
    aim: 2,
    measure: "accuracy",
    run: async ({ x, y, test }) => (await new learn.GaussianNB().fit(x, y)).score(test.x, test.y),
  },
  tsne: {
    rows: 10000,
    aim: 1,
    measure: "KL divergence",
    peers: ["openTSNE", "scikit-learn"],
    run: async ({ x }) => (await new learn.TSNE().fit(x)).klDivergence,
  },
  umap: {
    rows: 10000,
    aim: 2,
    measure: "trustworthiness of 2000",
    peers: ["umap-learn"],
    run: async ({ x }) => {
      const map = await new learn.UMAP().fitTransform(x);
      return () => trust(x, map);
    },
  },
});

/** @param {boolean} isBinary @returns {Task["run"]} */
function fitLogistic(isBinary) {
  return async ({ x, y }) => {
    const labels = isBinary ? y.map((label) => Number(label < 5)) : y;
    const Learner = isBinary ? learn.LogisticRegression : learn.SoftmaxRegression;
    const model = await new Learner({ tolerance: 1e-3, solver: "lbfgs" }).fit(x, labels);
    const square = model.coef.square().sum().item();
    return model.loss + square / (2 * labels.length);
  };
}

/** @param {Rows["x"]} x @param {any} map */
const trust = (x, map) => {
  const some = (/** @type {any} */ t) =>
    hostArray([2000, t.shape[1]], t.dataSync().slice(0, 2000 * t.shape[1]));
  return learn.trustworthiness(some({ shape: x.shape, dataSync: () => x.data }), some(map));
};

/** The first rows of MNIST, from 0 to 1. @param {string} folder @param {number} rows @returns {Promise<Data>} */
async function dataOf(folder, rows) {
  const { train, test } = await readIdxFolder(folder);
  const part = (/** @type {any} */ { inputs, targets }, /** @type {number} */ n) => ({
    x: hostArray([n, 784], Float64Array.from(inputs.data.subarray(0, n * 784))),
    y: Array.from(targets.data.subarray(0, n)),
  });
  return { ...part(train, rows), test: part(test, 2000) };
}

/** @param {string} name @param {string} folder */
async function runOne(name, folder) {
  const { rows, run } = /** @type {Task} */ (tasks[name]);
  const data = await dataOf(folder, rows);
  const [start, cpuStart] = [performance.now(), process.cpuUsage()];
  const result = await run(data);
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpuStart);
  const cpuSeconds = (user + system) / 1e6;
  const quality = typeof result === "function" ? result() : result;
  console.log(JSON.stringify({ seconds, cpuSeconds, quality, peakBytes: peakOf() }));
}

const peakOf = () => process.resourceUsage().maxRSS * 1024;

/** The last line that a process prints, as JSON. @param {string} command @param {string[]} args @returns {any} */
function ask(command, args) {
  const env = {
    ...process.env,
    OMP_NUM_THREADS: "2",
    OPENBLAS_NUM_THREADS: "2",
    GRADUS_THREADS: "2",
  };
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: "utf8", env });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr.slice(-2000)}`);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "null");
}

/** @param {string} name @param {string} folder @param {number} rounds */
function compare(name, folder, rounds) {
  const own = fileURLToPath(import.meta.url);
  const peer = fileURLToPath(new URL("peers/learners.py", import.meta.url));
  const { rows, aim, measure, peers = ["scikit-learn"] } = /** @type {Task} */ (tasks[name]);
  return peers.map((library) => {
    const pairs = Array.from({ length: rounds }, () => ({
      ours: ask(process.execPath, [own, "--data", folder, "--one", name]),
      theirs: ask(process.env.PYTHON ?? "python3", [peer, folder, name, library, String(rows)]),
    }));
    const middle = (/** @type {(pair: any) => number} */ of) => median(pairs.map(of));
    const result = {
      ...{ name, library, rows, aim, measure, rounds },
      version: pairs[0]?.theirs.version,
      ratio: middle(({ ours, theirs }) => theirs.seconds / ours.seconds),
      seconds: middle(({ ours }) => ours.seconds),
      theirSeconds: middle(({ theirs }) => theirs.seconds),
      cpuRatio: middle(({ ours, theirs }) => theirs.cpuSeconds / ours.cpuSeconds),
      cpuSeconds: middle(({ ours }) => ours.cpuSeconds),
      theirCpuSeconds: middle(({ theirs }) => theirs.cpuSeconds),
      quality: pairs[0]?.ours.quality,
      theirQuality: pairs[0]?.theirs.quality,
      peakBytes: middle(({ ours }) => ours.peakBytes),
      theirPeakBytes: middle(({ theirs }) => theirs.peakBytes),
    };
    console.log(learnerRow(result));
    return result;
  });
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string" },
    one: { type: "string" },
    rounds: { type: "string", default: "3" },
    save: { type: "boolean", default: false },
  },
});
if (!values.data) throw new Error("name the folder of MNIST's IDX files: --data folder");
if (values.one) await runOne(values.one, values.data);
else {
  const names = positionals.length > 0 ? positionals : Object.keys(tasks);
  const file = new URL("results/learners.json", import.meta.url);
  for (const name of names) {
    const results = compare(name, values.data, Number(values.rounds));
    if (!values.save) continue;
    const before = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")).results : [];
    const others = before.filter((/** @type {any} */ each) => each.name !== name);
    const date = new Date().toISOString().slice(0, 10);
    const now = results.map((each) => ({
      ...each,
      date,
      revision: revision(),
      load: Math.round(loadavg()[0] ?? 0),
    }));
    const saved = { machine: machine(), results: [...others, ...now] };
    fs.writeFileSync(file, `${JSON.stringify(saved, null, 2)}\n`);
  }
}
