#!/usr/bin/env node
/**
 * What one gradient costs against the size of the network (mission row D2): nodes, time to build the
 * graph, and time to run it, against depth and against width, with the slopes on a log-log plot.
 * `npm run build && node bench/gradient-cost.mjs`. Linear cost is slope 1.
 */
import os from "node:os";
import { compile, engineInfo, grad, normal, realizeSync } from "../dist/index.js";

const repeats = 40;
const batch = 32;

/**
 * Lower quartile, in milliseconds, of a few calls after a warm-up: garbage-collection pauses affect
 * few calls and are not the question here.
 * @param {() => void} run
 */
function time(run) {
  for (let i = 0; i < 5; i++) run();
  const times = Array.from({ length: repeats }, () => {
    const start = performance.now();
    run();
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[repeats >> 2] ?? 0;
}

/** Least-squares slope of log y against log x. @param {number[]} xs @param {number[]} ys */
function slope(xs, ys) {
  const [u, v] = [xs.map(Math.log), ys.map(Math.log)];
  const mean = (/** @type {number[]} */ a) => a.reduce((s, x) => s + x, 0) / a.length;
  const [mu, mv] = [mean(u), mean(v)];
  const covariance = u.reduce((s, x, i) => s + (x - mu) * ((v[i] ?? 0) - mv), 0);
  return covariance / u.reduce((s, x) => s + (x - mu) ** 2, 0);
}

/** One network: its loss as a function of its weights. @param {number} depth @param {number} width */
function measure(depth, width) {
  const weights = Array.from({ length: depth }, (_, i) =>
    normal([width, width], { key: i }).mul(1 / Math.sqrt(width)),
  );
  const x = normal([batch, width], { key: depth });
  realizeSync([x.node, ...weights.map((w) => w.node)]);
  const loss = (/** @type {import("../dist/index.js").Tensor[]} */ ws) =>
    ws
      .reduce((h, w) => h.matmul(w).tanh(), x)
      .square()
      .sum();
  const gradient = grad(loss);
  /** One line per node, and one for the results. @param {string} graph */
  const nodes = (graph) => graph.split("\n").length - 1;
  const forward = compile(loss);
  const backward = compile(gradient);
  return {
    depth,
    width,
    weights: depth * width * width,
    forwardNodes: nodes(forward.graph(weights)),
    nodes: nodes(backward.graph(weights)),
    buildMs: time(() => gradient(weights)),
    forwardMs: time(() => forward.sync(weights)),
    runMs: time(() => backward.sync(weights)),
  };
}

/** @param {string} title @param {ReturnType<typeof measure>[]} rows @param {(row: ReturnType<typeof measure>) => number} size */
function report(title, rows, size) {
  console.log(`\n${title}`);
  console.table(
    rows.map((r) => ({
      ...r,
      buildMs: +r.buildMs.toFixed(3),
      forwardMs: +r.forwardMs.toFixed(3),
      runMs: +r.runMs.toFixed(3),
      "run / forward": +(r.runMs / r.forwardMs).toFixed(2),
    })),
  );
  const sizes = rows.map(size);
  const print = (/** @type {string} */ what, /** @type {number[]} */ ys) =>
    console.log(`  log-log slope of ${what}: ${slope(sizes, ys).toFixed(3)}`);
  print(
    "nodes",
    rows.map((r) => r.nodes),
  );
  print(
    "build time",
    rows.map((r) => r.buildMs),
  );
  print(
    "run time",
    rows.map((r) => r.runMs),
  );
}

console.log(`${os.cpus()[0]?.model}, Node ${process.version}, gradus engine:`, engineInfo());
const deep = [8, 16, 32, 64, 128, 256].map((depth) => measure(depth, 32));
report("against depth (width 32)", deep, (r) => r.depth);
const [a, b] = [deep[0], deep[1]];
const step = a && b ? (b.nodes - a.nodes) / (b.depth - a.depth) : 0;
const exact = deep.every((r) => a && r.nodes === a.nodes + step * (r.depth - a.depth));
console.log(
  `  nodes = ${a ? a.nodes - step * a.depth : 0} + ${step} · depth${exact ? ", exactly" : ": NOT linear"}`,
);
const wide = [32, 64, 128, 256, 512].map((width) => measure(4, width));
report("against the number of weights (depth 4)", wide, (r) => r.weights);
if (!exact) process.exitCode = 1;
