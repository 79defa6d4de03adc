import { ConfigError, formatJson } from "../../base/index.ts";
import { writeFileAtomic } from "../../formats/index.ts";
import {
  fit,
  type Json,
  type SearchOptions,
  type Space,
  search,
  TerminateOnDivergence,
  type Trial,
} from "../../train/index.ts";
import { duration } from "../../train/progress.ts";
import { modelAndConfig, settingsAndData } from "../run/start.ts";
import { callbacksOf, fitOptions } from "../run/train-run.ts";
import { oneOf, wholeNumber } from "../settings/options.ts";
import { readSpace } from "../settings/search-space.ts";
import { type Assignment, type Given, readSettings, type Settings } from "../settings/settings.ts";
import { fromFolder, readSettingsFile, splitWords } from "../settings/settings-file.ts";
import { loadSource, type Source } from "../sources/data-source.ts";
import { fingerprint } from "../sources/fingerprint.ts";
import { styled, type Terminal } from "../terminal/terminal.ts";
import type { Define } from "./define.ts";

const methods = ["random", "grid", "halving"] as const;

interface Options {
  readonly over: string[];
  readonly method: (typeof methods)[number];
  readonly trials: number;
  readonly minEpochs: number;
  readonly seed: number;
  readonly monitor: string;
  readonly out: string;
  readonly json?: boolean;
}

const examples = `
Examples:
  gradus search data=moons --over 'lr=log(1e-3,1)' --over 'hidden=[[8],[16,16]]' --trials 10
  gradus search config.yaml --over 'optimizer=[adam,sgd]' --method grid
  gradus search --over 'lr=log(1e-4,1e-1)' --method halving --min-epochs 1 epochs=9 --trials 9

A search that was broken off goes on where it stopped when it is started again.`;

export const define: Define = (command, terminal) => {
  command
    .argument("[settings...]", "a configuration file, and single settings as key=value")
    .option(
      "--over <setting=distribution>",
      "what is tried: log(a,b), uniform(a,b), int(a,b) or [values]",
      collect,
      [],
    )
    .option("--method <name>", methods.join(", "), oneOf("--method", methods), "random")
    .option("--trials <n>", "points that are drawn", wholeNumber("--trials", 1, 20), 20)
    .option(
      "--min-epochs <n>",
      "epochs of the first round of halving",
      wholeNumber("--min-epochs", 1, 1),
      1,
    )
    .option("--seed <n>", "decides the points", wholeNumber("--seed", 0, 1), 0)
    .option("--monitor <name>", "what is compared: val_loss, val_accuracy, …", "val_loss")
    .option("--out <name>", "the table NAME.jsonl and the best settings NAME.yaml", "search")
    .option("--json", "one JSON object per trial instead of text")
    .addHelpText("after", examples)
    .action((words: string[], options: Options) => run(words, options, terminal));
};

const collect = (word: string, words: string[]): string[] => [...words, word];

async function run(words: string[], options: Options, terminal: Terminal): Promise<void> {
  const { file, assignments } = splitWords(words);
  const content = file === undefined ? undefined : await readSettingsFile(file);
  const space = readSpace(options.over);
  const settingsAt = (point: Readonly<Record<string, unknown>>): Given => {
    const chosen = Object.entries(point).map(
      ([path, value]): Assignment => ({ path, value, name: path, text: String(value) }),
    );
    return readSettings(content, [...assignments, ...chosen]);
  };
  const load = remembering(loadSource);
  const { settings, source } = await settingsAndData(readSettings(content, assignments), load);
  const { epochs } = settings.training;
  const began = performance.now();
  let count = 0;
  const { best, trials } = await search(
    space,
    async (point, { trial, budget }) => {
      const spent = Number.isFinite(budget) ? budget : undefined;
      const value = await train(settingsAt(point), spent, options.monitor, load);
      count++;
      printTrial(terminal, options.json, {
        trial,
        budget: spent ?? null,
        parameters: point,
        value,
      });
      return value;
    },
    { ...searchOptions(options, epochs), context: contextOf(settings, source, space, options) },
  );
  if (!best) throw nothing();
  const { stringify } = await import("yaml");
  await writeFileAtomic(
    `${options.out}.yaml`,
    stringify(await fromFolder(".", settingsAt(best.parameters))),
  );
  if (options.json) {
    terminal.out(formatJson({ event: "end", best, trials: trials.length }));
    return;
  }
  const seconds = (performance.now() - began) / 1000;
  terminal.out(`\nbest   ${styled(terminal, "green", line(best))}`);
  terminal.out(`made   ${count} of ${trials.length} trials now, in ${duration(seconds)}`);
  terminal.out(`table  ${options.out}.jsonl`);
  terminal.out(`train  gradus train ${options.out}.yaml`);
}

/** Reads unchanged data once for all trials; if data settings vary, only the latest are kept. */
function remembering(load: typeof loadSource): typeof loadSource {
  let key = "";
  let latest: ReturnType<typeof loadSource> | undefined;
  return (source, options, stored) => {
    const now = JSON.stringify([source, options, stored]);
    if (now !== key || !latest) latest = load(source, options, stored);
    key = now;
    return latest;
  };
}

/**
 * What a trial's value depends on besides its point: the other settings, the metric, and the data.
 */
function contextOf(settings: Settings, source: Source, space: Space, { monitor }: Options): Json {
  const others = structuredClone(settings) as unknown as Record<string, Record<string, unknown>>;
  for (const path of Object.keys(space)) {
    const [section, name] = path.split(".") as [string, string];
    delete others[section]?.[name];
  }
  return { monitor, ...others, content: fingerprint(source) } as Json;
}

function searchOptions(
  { method, trials, seed, monitor, out, minEpochs }: Options,
  epochs: number,
): SearchOptions {
  return {
    ...{ method, trials, seed, table: `${out}.jsonl` },
    mode: /accuracy|precision|recall|f1|auc|r2/i.test(monitor) ? "max" : "min",
    ...(method === "halving" && { budget: { min: minEpochs, max: epochs } }),
  };
}

/** Trains at one point; the best epoch counts, because the run folder keeps the best weights. */
async function train(
  given: Given,
  epochs: number | undefined,
  monitor: string,
  load: typeof loadSource,
): Promise<number> {
  const whole =
    epochs === undefined ? given : { ...given, training: { ...given.training, epochs } };
  const { config, source, model } = await modelAndConfig(whole, { load });
  const history = await fit(model, source.train, {
    ...fitOptions(config, source, model),
    callbacks: [new TerminateOnDivergence(), ...callbacksOf(config.settings)],
  });
  const best = history.best(monitor);
  if (best) return best.value;
  throw new ConfigError({
    subject: "--monitor",
    problem: `"${monitor}" is not one of ${Object.keys(history.last).join(", ")}.`,
    fix: "name one of them.",
  });
}

function printTrial(terminal: Terminal, json: boolean | undefined, trial: Trial): void {
  terminal.out(
    json
      ? formatJson({ event: "trial", ...trial })
      : `${String(trial.trial).padStart(4)}  ${line(trial)}`,
  );
}

/** `0.0213  lr 0.0031, hidden [16, 16]  (9 epochs)`. */
function line({ value, parameters, budget }: Trial): string {
  const shown = Object.entries(parameters).map(([path, x]) => {
    const text = typeof x === "number" ? Number(x.toPrecision(3)) : JSON.stringify(x);
    return `${path.split(".").at(-1)} ${String(text).replaceAll('"', "")}`;
  });
  const epochs = budget === null ? "" : `  (${budget} ${budget === 1 ? "epoch" : "epochs"})`;
  return `${value === null ? "diverged" : value.toPrecision(5)}  ${shown.join(", ")}${epochs}`;
}

const nothing = (): ConfigError =>
  new ConfigError({
    subject: "search",
    problem: "no trial came to a finite value.",
    fix: "search over smaller learning rates.",
  });
