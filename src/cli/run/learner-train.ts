/** `gradus train` with a learner. */
import { ConfigError, formatJson } from "../../base/index.ts";
import { duration } from "../../train/progress.ts";
import { writeLearnerReport } from "../pages/learner/report.ts";
import type { Given, GivenLearner } from "../settings/settings.ts";
import { shownPath } from "../sources/data-file.ts";
import { describe } from "../sources/readers/parts.ts";
import { styled, type Terminal } from "../terminal/terminal.ts";
import { learnerSteps, percent } from "../terminal/train-report.ts";
import { fitLearner, learnerPlan, measureOn } from "./learner-run.ts";

interface Options {
  readonly run?: string;
  readonly resume?: string;
  readonly json?: boolean;
  readonly devRun?: boolean;
}

export async function trainLearner(
  given: Given & { readonly model: GivenLearner },
  options: Options,
  terminal: Terminal,
): Promise<void> {
  if (options.resume !== undefined) throw noResuming(given.model.name);
  const began = performance.now();
  const plan = await learnerPlan(given, { devRun: options.devRun ?? false });
  const { config, source } = plan;
  const { train, validation, test } = source;
  const line = (name: string, text: string) =>
    terminal.out(`${styled(terminal, "bold", name.padEnd(6))} ${text}`);
  if (!options.json) {
    line(
      "data",
      `${shownPath(config.data.source)}: ${train.size} to train, ${validation.size} to validate, ${test.size} to test; ${describe(config.data.preparation)}`,
    );
    for (const note of source.notes) line("", note);
    for (const warning of source.warnings) terminal.error(`warning: ${warning}`);
    line("model", modelLine(config.model));
  }
  const { folder, learner, logs, seconds } = await fitLearner(plan, options);
  try {
    const measured = learner.name === "KMeans" ? logs : measureOn(learner, test, config);
    const page = folder && (await writeLearnerReport(folder, config, learner, source));
    const run = folder?.path;
    if (options.json) {
      terminal.out(
        formatJson({
          ...{ event: "end", run: run ?? null, ...config, notes: source.notes },
          examples: { train: train.size, validation: validation.size, test: test.size },
          ...{ logs, test: measured, seconds, page: page ?? null },
        }),
      );
      return;
    }
    line(
      "fitted",
      `in ${duration(seconds)}, all in ${duration((performance.now() - began) / 1000)}`,
    );
    line("test", styled(terminal, "green", percent(measured)));
    if (page) line("report", page);
    line("run", run ?? "a dev run: all parts work, nothing is saved");
    if (run) terminal.out(learnerSteps(run, config.data.preparation.inputs.kind));
  } finally {
    await folder?.unlock();
  }
}

/** `svc, C 10, kernel rbf`: a learner and its settings. */
const modelLine = ({ name, options }: { name: string; options: object }): string =>
  [
    name,
    ...Object.entries(options).map(
      ([option, value]) => `${option} ${Array.isArray(value) ? value.join(" ") : value}`,
    ),
  ].join(", ");

const noResuming = (name: string): ConfigError =>
  new ConfigError({
    subject: "--resume",
    problem: `${name} is a learner, which is fitted as a whole; there is nothing to go on with.`,
    fix: "leave out --resume, or --model.",
  });
