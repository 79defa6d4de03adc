/** docs/performance.md, from the saved results. */
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { loadWorkload, workloadNames } from "../workloads/index.mjs";
import { learnerMisses, learnerSection } from "./learners.mjs";
import { figure, mebibytes, speedOf } from "./print.mjs";

/** @typedef {import("./print.mjs").FullResult} FullResult */
/**
 * @typedef {object} Saved one file of bench/results
 * @property {string} date
 * @property {string} revision
 * @property {ReturnType<typeof import("./machine.mjs").machine>} machine
 * @property {number} load
 * @property {number} windows
 * @property {number} seconds
 * @property {FullResult[]} results
 */

const results = new URL("../results/", import.meta.url);
const page = new URL("../../docs/performance.md", import.meta.url);

/** @type {readonly string[]} */
const names = workloadNames;

/** @returns {Saved[]} in the order of the workloads, then of threads */
function readResults() {
  const files = fs.existsSync(results) ? fs.readdirSync(results) : [];
  /** @param {string} file */
  const rank = (file) => names.indexOf(file.split(".")[0] ?? "");
  return files
    .filter((file) => file.endsWith(".json") && rank(file) >= 0)
    .sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))
    .map((file) => JSON.parse(fs.readFileSync(new URL(file, results), "utf8")));
}

/** @param {readonly string[]} cells */
const row = (cells) => `| ${cells.join(" | ")} |`;

/** Whether gradus ran as WebAssembly. @param {FullResult} result */
const inWasm = ({ gradus }) => (gradus.versions.engine ?? "").startsWith("wasm");

/** @param {FullResult} result */
function resultRow(result) {
  const { name, threads, peer, ratio, quartiles, gradus, other, agree, failure } = result;
  const speed = speedOf(result);
  const cases = [...(name ? [name] : []), ...(inWasm(result) ? ["WebAssembly"] : [])];
  const head = [cases.join(", ") || "–", String(threads)];
  const mine = [speed(gradus), mebibytes(gradus.peakBytes)];
  if (!other || ratio === null || !quartiles)
    return row([...head, ...mine, peer ? `${peer}: ${failure ?? "–"}` : "–", "–", "–", "–"]);
  const times = `${ratio >= 1 ? "**" : ""}${figure(ratio)}${ratio >= 1 ? "**" : ""}`;
  return row([
    ...head,
    ...mine,
    `${peer}, ${other.variant}`,
    speed(other),
    mebibytes(other.peakBytes),
    `${times} (${quartiles.map(figure).join("–")})${agree ? "" : ", VALUES DIFFER"}`,
  ]);
}

/** More processes than this, besides ours, are worth a word. */
const busy = 4;

/** @param {Saved} saved */
const whenOf = ({ date, revision, load }) =>
  `${date} at ${revision}${load > busy ? ` on a busy machine (load ${load})` : ""}`;

/** @param {string} name @param {readonly Saved[]} all @returns {Promise<string[]>} */
async function section(name, all) {
  const own = all.filter(({ results: [first] }) => first?.workload === name);
  if (own.length === 0) return [];
  const { title, target, wasmTarget } = await loadWorkload(name);
  const ofWasm = wasmTarget === undefined ? "" : `, as WebAssembly ${wasmTarget} times jax-js`;
  const wanted = target === undefined ? "" : ` Our aim is ${target} times the best peer${ofWasm}.`;
  const dates = [...new Set(own.map(whenOf))].join(", ");
  return [
    `## ${name}: ${title}`,
    "",
    `Measured ${dates}.${wanted}`,
    "",
    row(["case", "threads", "gradus", "memory", "peer", "its speed", "its memory", "ratio"]),
    row(["---", "---:", "---:", "---:", "---", "---:", "---:", "---:"]),
    ...own.flatMap((file) => file.results.map(resultRow)),
    "",
  ];
}

/** Where a peer is faster. @param {readonly Saved[]} all */
function losses(all) {
  const lost = all
    .flatMap((file) => file.results)
    .filter(({ ratio }) => ratio !== null && ratio < 1)
    .map((result) => {
      const { workload, name, peer, threads, ratio } = result;
      const what = `${workload}${name ? ` ${name}` : ""}${inWasm(result) ? ", WebAssembly" : ""}`;
      return `- ${what}, ${threads} ${threads === 1 ? "thread" : "threads"}: ${figure(ratio ?? 0)} of ${peer}`;
    })
    .concat(learnerMisses());
  return ["## Where we lose", "", ...(lost.length > 0 ? lost : ["Nowhere in this table."]), ""];
}

/** Versions of everything that took part. @param {readonly Saved[]} all */
function versions(all) {
  /** @type {Map<string, Set<string>>} */
  const found = new Map();
  for (const { results } of all)
    for (const { gradus, other } of results)
      for (const side of [gradus, other])
        for (const [name, version] of Object.entries(side?.versions ?? {}))
          if (version) found.set(name, (found.get(name) ?? new Set()).add(version));
  return [...found].map(([name, set]) => `${name} ${[...set].join(" / ")}`).join("; ");
}

/** Writes the page and says where. */
export async function writeReport() {
  const all = readResults();
  const [first] = all;
  if (!first) throw new Error("there are no results: run `npm run bench -- --save` first.");
  const { cpu, cores, memoryGiB, system, node } = first.machine;
  const sections = [];
  for (const name of workloadNames) sections.push(...(await section(name, all)));
  const text = [
    "# Performance",
    "",
    "<!-- Written by `npm run bench -- --report` from bench/results; do not edit. -->",
    "",
    "How fast gradus is beside other libraries on the same machine, with the same shapes, initial values and updates, in float32. [bench/README.md](../bench/README.md) says how it is measured and how to repeat it.",
    "",
    `Machine: ${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}; Node ${node}; ${versions(all)}.`,
    "",
    "A speed is the time of one step (or the rate of a product), the median over windows. A ratio is gradus' steps per second over the peer's, the median over pairs of windows that follow each other, with its quartiles; above 1 gradus is faster. Memory is the most that the process held. The first losses of both agree in every row unless it says otherwise.",
    "",
    ...losses(all),
    ...sections,
    ...learnerSection(),
  ].join("\n");
  fs.writeFileSync(page, text);
  return `wrote ${fileURLToPath(page)}`;
}
