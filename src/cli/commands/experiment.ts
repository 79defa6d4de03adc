import { ConfigError, FormatError, nearest } from "../../base/index.ts";
import { svgToPng } from "../../draw/index.ts";
import { readBytes, writeFileAtomic } from "../../formats/index.ts";
import {
  type Done,
  indexPage,
  resultPage,
  type Stored,
  storedSchema,
} from "../pages/experiment-pages.ts";
import { makeFolder, removeEmpty } from "../pages/folder.ts";
import type { Experiments } from "../run/experiments.ts";
import { wholeNumber } from "../settings/options.ts";
import { Exit, failed } from "../terminal/errors.ts";
import { styled, type Terminal } from "../terminal/terminal.ts";
import type { Define } from "./define.ts";

interface Options {
  readonly quick?: boolean;
  readonly json?: boolean;
  readonly seed: number;
  readonly data?: string;
  readonly out?: string;
}

/**
 * Where pages are written: those of all claims at full size are documentation, others are trial
 * results.
 */
const documentation = "docs/experiments";
const tries = "runs/experiments";
/** Where real data are looked for by default. */
const dataFolders = ["data", "../shared/data"];

export const define: Define = (command, terminal) => {
  command
    .argument("[id]", "E1 … E27, or `all`; without it, the list of all claims")
    .option("--quick", "a reduced size, seconds instead of minutes")
    .option("--json", "one JSON object per claim instead of text")
    .option("--seed <n>", "decides all random numbers", wholeNumber("--seed", 0, 1), 0)
    .option(
      "--data <folder>",
      "real data sets: a folder that holds mnist/, cifar10/, … (default: data/)",
    )
    .option(
      "--out <folder>",
      `pages and figures (default: ${documentation}/ for all at full size, else ${tries}/)`,
    )
    .action(async (id: string | undefined, options: Options) => {
      const experiments = await loadExperiments();
      if (id === undefined) await list(experiments, terminal);
      else await runAll(experiments, idsOf(experiments, id), id === "all", options, terminal);
    });
};

/** The experiments are users of the public package, and are imported by its public name. */
async function loadExperiments(): Promise<Experiments> {
  const name: string = "gradus/experiments";
  return (await import(name)) as Experiments;
}

function idsOf({ experimentIds }: Experiments, given: string): readonly string[] {
  if (given === "all") return experimentIds;
  const id = given.toUpperCase();
  if (experimentIds.includes(id)) return [id];
  const near = nearest(id, experimentIds);
  throw new ConfigError({
    subject: "experiment",
    problem: `there is no experiment "${given}".`,
    fix: `${near ? `did you mean ${near}? ` : ""}\`gradus experiment\` lists them; \`all\` runs them all.`,
  });
}

async function list({ experimentIds, loadExperiment }: Experiments, terminal: Terminal) {
  for (const id of experimentIds) {
    const { title, source } = await loadExperiment(id);
    terminal.out(
      `${styled(terminal, "bold", id.padEnd(4))} ${title} ${styled(terminal, "dim", `(${source})`)}`,
    );
  }
}

async function runAll(
  experiments: Experiments,
  ids: readonly string[],
  all: boolean,
  options: Options,
  terminal: Terminal,
): Promise<void> {
  const folder = options.out ?? (all && !options.quick ? documentation : tries);
  await makeFolder(folder);
  const done: Done[] = [];
  for (const id of ids) {
    const result = await runOne(experiments, id, folder, options, terminal);
    if (result) done.push(result);
  }
  if (done.length > 0) await writeIndex(folder);
  else await removeEmpty(folder);
  if (!options.json && done.length > 0) terminal.out(`pages  ${folder}/`);
  if (done.some(({ outcome }) => !outcome.holds || !outcome.control)) throw new Exit(failed);
}

/** Runs one experiment and writes its page; undefined if its data are missing. */
async function runOne(
  { loadExperiment, Missing }: Experiments,
  id: string,
  folder: string,
  { quick = false, seed, json = false, data }: Options,
  terminal: Terminal,
): Promise<Done | undefined> {
  const experiment = await loadExperiment(id);
  const began = performance.now();
  const line = json ? undefined : terminal.live?.();
  try {
    const outcome = await experiment.run({
      quick,
      seed,
      data: data ?? (await defaultData()),
      progress: (what) => line?.draw(`${id} … ${what}`),
    });
    line?.draw("");
    const seconds = Math.round((performance.now() - began) / 100) / 10;
    const done = { experiment, outcome, seconds };
    const plots = await writeResults(folder, done, { quick, seed });
    print(done, plots, json, terminal);
    return done;
  } catch (error) {
    line?.draw("");
    if (!(error instanceof Missing)) throw error;
    if (json) terminal.out(JSON.stringify({ id, skipped: error.message }));
    else terminal.out(`${id} skipped: ${error.message}`);
    return undefined;
  }
}

async function defaultData(): Promise<string | undefined> {
  const { stat } = await import("node:fs/promises");
  for (const folder of dataFolders)
    if ((await stat(folder).catch(() => undefined))?.isDirectory()) return folder;
  return undefined;
}

/** The page, the numbers and each figure as SVG and PNG. @returns the paths of the figures. */
async function writeResults(folder: string, done: Done, how: { quick: boolean; seed: number }) {
  const { experiment, outcome, seconds } = done;
  const plots: string[] = [];
  for (const [name, svg] of Object.entries(outcome.charts)) {
    const path = `${folder}/${experiment.id}-${name}`;
    await writeFileAtomic(`${path}.svg`, svg);
    await writeFileAtomic(`${path}.png`, await svgToPng(svg));
    plots.push(`${path}.svg`, `${path}.png`);
  }
  const { id, title } = experiment;
  const { holds, control, summary, figures } = outcome;
  const charts = Object.keys(outcome.charts);
  const numbers = { id, title, ...how, holds, control, summary, figures, charts, seconds };
  await writeFileAtomic(`${folder}/${id}.json`, `${JSON.stringify(numbers, null, 2)}\n`);
  await writeFileAtomic(`${folder}/${id}.md`, resultPage(done, how));
  return plots;
}

/** The index of all results in a folder, of this run and of earlier ones. */
async function writeIndex(folder: string): Promise<void> {
  const { readdir } = await import("node:fs/promises");
  const names = (await readdir(folder)).filter((name) => /^E\d+\.json$/.test(name));
  const results = await Promise.all(names.map((name) => readStored(`${folder}/${name}`)));
  await writeFileAtomic(`${folder}/README.md`, indexPage(results));
}

/** Numbers of an earlier run, as far as the index shows them. */
async function readStored(path: string): Promise<Stored> {
  const text = new TextDecoder().decode(await readBytes(path));
  try {
    return storedSchema.parse(JSON.parse(text));
  } catch {} // not JSON, or something else
  throw new FormatError({
    subject: path,
    problem: "this is not the result of an experiment.",
    fix: "remove it, or run the experiment again.",
  });
}

function print(
  { experiment: { id }, outcome, seconds }: Done,
  plots: readonly string[],
  json: boolean,
  terminal: Terminal,
): void {
  const { holds, control, summary, controlSummary, figures } = outcome;
  if (json) {
    terminal.out(JSON.stringify({ id, holds, control, summary, figures, plots, seconds }));
    return;
  }
  const word = holds ? styled(terminal, "green", "holds") : styled(terminal, "red", "fails");
  terminal.out(`${id} ${word}: ${summary}`);
  const failedAsItMust = control ? "fails, as it must" : styled(terminal, "red", "does not fail");
  terminal.out(
    `   control ${failedAsItMust}: ${controlSummary} ${styled(terminal, "dim", `(${seconds} s)`)}`,
  );
}
