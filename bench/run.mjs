#!/usr/bin/env node
/**
 * The benches: `npm run bench -- [WORKLOAD…] [options]`; see README.md beside this file.
 */
import fs from "node:fs";
import os from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { machine, peakOf, revision } from "./lib/machine.mjs";
import { measureColdStarts, measureRates, steadyOf, withData } from "./lib/measure.mjs";
import { Peer, peerNames } from "./lib/peer.mjs";
import { profileLines, resultLine } from "./lib/print.mjs";
import { writeReport } from "./lib/report.mjs";
import { titleOf } from "./lib/task.mjs";
import { loadWorkload, workloadNames } from "./workloads/index.mjs";

const usage = `npm run bench -- [WORKLOAD…] [options]

  WORKLOAD          ${workloadNames.join(" ")}; all of them if none is given
  --peers A,B       of ${peerNames.join(", ")}, where the workload can be done in them;
                    "none" for gradus alone
  --engine NAME     gradus' engine, native or wasm (default: the fastest that is there); wasm is
                    measured beside jax-js
  --threads N       threads of every library (default 1)
  --windows N       pairs of windows (default 9)
  --seconds S       seconds per window (default 0.4)
  --limit S         seconds that a peer may take to get ready (default 120)
  --only TEXT       tasks whose title contains TEXT
  --json            one JSON object per task and peer
  --save            write results to bench/results
  --profile         where gradus' time goes, instruction by instruction
  --report          write docs/performance.md from the saved results, and nothing else`;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    peers: { type: "string" },
    engine: { type: "string" },
    threads: { type: "string", default: "1" },
    windows: { type: "string", default: "9" },
    seconds: { type: "string", default: "0.4" },
    limit: { type: "string", default: "120" },
    only: { type: "string", default: "" },
    json: { type: "boolean", default: false },
    save: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    report: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

/** @param {string} text */
const log = (text) => process.stderr.write(`${text}\n`);
/** @param {string} text */
const print = (text) => process.stdout.write(`${text}\n`);

/** @param {"threads" | "windows" | "seconds" | "limit"} name */
function positive(name) {
  const value = Number(options[name]);
  if (!(value > 0)) throw new Error(`--${name} ${options[name]}: give a number above 0.`);
  return value;
}

/** Peers that compute in WebAssembly themselves. */
const inWasm = ["jax-js", "tfjs"];

/**
 * The peers of a workload, and the desired ratio. @param {import("./lib/task.mjs").Workload}
 * workload
 */
function usualOf({ peers, target, wasmTarget }) {
  if (options.engine !== "wasm") return { peers, target };
  if (wasmTarget !== undefined) return { peers: ["jax-js"], target: wasmTarget };
  return { peers: peers.filter((name) => inWasm.includes(name)), target: undefined };
}

/** @param {readonly string[]} usual @returns {string[]} */
function chosenPeers(usual) {
  const chosen = options.peers?.split(",") ?? [...usual];
  const names = chosen.filter((name) => name !== "none" && name !== "");
  const unknown = names.find((name) => !peerNames.includes(name));
  if (unknown) throw new Error(`there is no peer "${unknown}". Peers: ${peerNames.join(", ")}.`);
  return names.filter((name) => usual.includes(name)); // NumPy trains nothing, ONNX Runtime neither
}

/** @param {import("./lib/task.mjs").Task} task @param {import("./lib/measure.mjs").Settings} settings */
const profile = (task, settings) =>
  withData(task, async (data) => {
    const peer = new Peer("gradus", settings.threads);
    try {
      const { threads, limit } = settings;
      await peer.ask({ op: "prepare", task: steadyOf(task), data, threads }, limit);
      return await peer.ask({ op: "profile" });
    } finally {
      peer.end();
    }
  });

/** @param {string} name @param {import("./lib/measure.mjs").Settings} settings */
async function runWorkload(name, settings) {
  const workload = await loadWorkload(name);
  const { title, tasks, measure } = workload;
  const { peers, target: usual } = usualOf(workload);
  if (!options.json) print(`\n${name}: ${title}`);
  const saved = [];
  for (const task of tasks) {
    if (!titleOf(task).includes(options.only)) continue;
    if (options.profile) {
      const times = await profile(task, settings);
      if (options.json) print(JSON.stringify({ workload: name, name: task.name, ...times }));
      else for (const line of profileLines(titleOf(task), times)) print(line);
      continue;
    }
    const measured = measure === "cold start" ? measureColdStarts : measureRates;
    const results = await measured(task, chosenPeers(peers), settings);
    const target = options.engine === "wasm" ? usual : (task.target ?? usual);
    const peak = task.kind === "gemm" ? peakOf(settings.threads) : null;
    for (const result of results) {
      const full = {
        ...result,
        ...(target !== undefined && { target }),
        ...(task.kind === "gemm" && {
          gflop: 2e-9 * (task.size ?? 0) ** 3,
          peak: peak?.[task.dtype ?? "float32"] ?? null,
        }),
      };
      print(options.json ? JSON.stringify(full) : resultLine(full));
      saved.push(full);
    }
  }
  if (options.save && saved.length > 0) save(name, settings, saved);
}

/** @param {string} name @param {import("./lib/measure.mjs").Settings} settings @param {unknown[]} results */
function save(name, { threads, windows, seconds }, results) {
  const date = new Date().toISOString().slice(0, 10);
  const load = Number(os.loadavg()[1]?.toFixed(1));
  const about = { date, revision: revision(), machine: machine(), load, windows, seconds };
  const engine = options.engine === "wasm" ? ".wasm" : "";
  const file = new URL(`results/${name}.t${threads}${engine}.json`, import.meta.url);
  fs.mkdirSync(new URL("results/", import.meta.url), { recursive: true });
  fs.writeFileSync(file, `${JSON.stringify({ ...about, results }, null, 2)}\n`);
  log(`wrote ${fileURLToPath(file)}`);
}

async function main() {
  if (options.help) {
    print(usage);
    return;
  }
  if (options.report) {
    print(await writeReport());
    return;
  }
  if (options.engine) process.env.GRADUS_ENGINE = options.engine; // every process of gradus reads it
  const settings = {
    threads: positive("threads"),
    windows: positive("windows"),
    seconds: positive("seconds"),
    limit: positive("limit"),
    log,
  };
  if (!options.json) {
    const { cpu, cores, memoryGiB, system, node } = machine();
    print(
      `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}; Node ${node}; gradus ${revision()}`,
    );
    print(`${settings.threads} threads; load ${os.loadavg()[0]?.toFixed(1)} before the start`);
  }
  for (const name of positionals.length > 0 ? positionals : workloadNames)
    await runWorkload(name, settings);
}

try {
  await main();
} catch (error) {
  log(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
