/** Common to all examples: a data folder, `--quick`, and a line of progress per epoch. */
import { pathToFileURL } from "node:url";

/**
 * @typedef {object} Call
 * @property {string} data The folder or archive with the data.
 * @property {boolean} quick Small data and few epochs: seconds, to see that it runs.
 * @property {(text: string) => void} print
 */

/**
 * Runs an example if its file is the main module, as in `node examples/mnist.mjs DATA --quick`.
 *
 * @param {string} url `import.meta.url` of the example.
 * @param {(call: Call) => Promise<unknown>} run
 */
export async function main(url, run) {
  if (!process.argv[1] || pathToFileURL(process.argv[1]).href !== url) return;
  const words = process.argv.slice(2);
  const [data] = words.filter((word) => !word.startsWith("--"));
  const print = console.log;
  if (!data) {
    console.error(`usage: node ${process.argv[1]} DATA [--quick]   (DATA: see docs/results.md)`);
    process.exitCode = 2;
    return;
  }
  const start = performance.now();
  await run({ data, quick: words.includes("--quick"), print });
  const { user, system } = process.cpuUsage();
  const memory = process.resourceUsage().maxRSS / 2 ** 20;
  const seconds = (performance.now() - start) / 1000;
  print(
    `${seconds.toFixed(0)} s, ${((user + system) / 1e6).toFixed(0)} s of processor time, at most ${memory.toFixed(1)} GiB`,
  );
}

/**
 * A callback that prints a line after each epoch.
 *
 * @param {(text: string) => void} print
 * @returns {import("gradus/train").Callback}
 */
export function progress(print) {
  let began = 0;
  return {
    onEpochBegin() {
      began = performance.now();
    },
    onEpochEnd(epoch, { lr: _, ...logs }, { epochs }) {
      const seconds = (performance.now() - began) / 1000;
      const values = Object.entries(logs).map(([name, x]) => `${name} ${x.toFixed(4)}`);
      print(`epoch ${epoch + 1}/${epochs}  ${seconds.toFixed(1)} s  ${values.join("  ")}`);
    },
  };
}

/** @param {number} share */
export const percent = (share) => `${(100 * share).toFixed(2)} %`;
