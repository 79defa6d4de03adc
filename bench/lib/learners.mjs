/** The classic learners in docs/performance.md, from bench/results/learners.json. */
import fs from "node:fs";

const file = new URL("../results/learners.json", import.meta.url);

const figure = (/** @type {number} */ x) => (Math.abs(x) >= 1000 ? x.toFixed(0) : x.toPrecision(4));
const mebibytes = (/** @type {number} */ bytes) => (bytes / 2 ** 20).toFixed(0);
const ratio = (/** @type {number} */ x, /** @type {number} */ aim) =>
  x >= aim ? `**${x.toFixed(2)}**` : x.toFixed(2);

/** Of scikit-learn's t-SNE another ratio is aimed at than of openTSNE's. @param {any} result */
const aimOf = ({ name, library, aim }) => (name === "tsne" && library === "scikit-learn" ? 5 : aim);

/** A row of the table. @param {any} r */
export const learnerRow = (r) =>
  `| ${r.name}, ${r.rows} rows | ${r.seconds.toFixed(1)} s, ${r.cpuSeconds.toFixed(1)} s, ${mebibytes(r.peakBytes)} MiB ` +
  `| ${r.library} ${r.version} | ${r.theirSeconds.toFixed(1)} s, ${r.theirCpuSeconds.toFixed(1)} s, ${mebibytes(r.theirPeakBytes)} MiB ` +
  `| ${ratio(r.ratio, aimOf(r))} | ${ratio(r.cpuRatio, aimOf(r))} | ${aimOf(r)} | ${r.measure}: ${figure(r.quality)}, ${figure(r.theirQuality)} |`;

/** @returns {any[]} */
const readResults = () =>
  fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")).results : [];

/** Learners that miss their aim by time or by processor time, as lines of a list. @returns {string[]} */
export const learnerMisses = () =>
  readResults()
    .filter((r) => Math.min(r.ratio, r.cpuRatio) < aimOf(r))
    .map(
      (r) =>
        `- learner ${r.name}, 2 threads: ${r.ratio.toFixed(2)} of ${r.library} by time, ${r.cpuRatio.toFixed(2)} by processor time (aim ${aimOf(r)})`,
    );

/** Lines of the page; none where nothing was measured. @returns {string[]} */
export function learnerSection() {
  const results = readResults();
  if (results.length === 0) return [];
  const when = [...new Set(results.map((r) => `${r.date} at ${r.revision}`))].join(", ");
  return [
    "## Classic learners: whole fits on MNIST, two threads",
    "",
    `Measured ${when}, by \`PYTHON=… node bench/learners.mjs --data mnist --save\`, on a machine that others used at the same time (load ${Math.min(...results.map((r) => r.load))} to ${Math.max(...results.map((r) => r.load))}). Ratios are theirs over ours, of seconds and of processor seconds; the latter are disturbed less. [bench/README.md](../bench/README.md#learners) says where the time of those goes that miss their aim.`,
    "",
    "| learner | gradus: time, processor time, memory | peer | its time, processor time, memory | ratio of times | of processor times | aim | quality: ours, theirs |",
    "| --- | --- | --- | --- | ---: | ---: | ---: | --- |",
    ...results.map(learnerRow),
    "",
  ];
}
