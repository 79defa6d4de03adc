import { formatJson } from "../../base/index.ts";
import { engineInfo } from "../../tensor/index.ts";
import { type Callback, type Logs, type Position, ProgressBar } from "../../train/index.ts";
import { duration, showLogs } from "../../train/progress.ts";
import type { RunConfig } from "../run/run-config.ts";
import { asksForClass, type PretextName } from "../settings/pretexts.ts";
import { shownPath } from "../sources/data-file.ts";
import type { Source } from "../sources/data-source.ts";
import { describe } from "../sources/readers/parts.ts";
import { invocation, word } from "./invocation.ts";
import { styled, type Terminal } from "./terminal.ts";

/** Describes a training before it starts. */
export interface Begin {
  readonly config: RunConfig;
  readonly source: Source;
  readonly parameters: number;
  /** The run's folder; none in a dev run. */
  readonly run: string | undefined;
  /** Where it resumes, if it does. */
  readonly from: Position | undefined;
}

/** Its results. */
export interface End {
  readonly run: string | undefined;
  readonly test: Logs;
  readonly seconds: number;
  /** Why training ended, and the epoch, from 1, whose weights were tested. */
  readonly stopped: string;
  readonly best: number | undefined;
  /** The report, as a page. */
  readonly page: string | undefined;
}

/** Where it was interrupted. */
export interface Break {
  readonly run: string | undefined;
  /** The epoch, from 1, and the batches of it that are done. */
  readonly epoch: number;
  readonly batch: number;
}

/** The output of `gradus train`: for people, or with --json for programs. */
export interface Report {
  readonly callback: Callback;
  begin(begin: Begin): void;
  end(end: End): void;
  interrupted(at: Break): void;
}

export function textReport(terminal: Terminal): Report {
  const line = (name: string, text: string) =>
    terminal.out(`${styled(terminal, "bold", name.padEnd(6))} ${text}`);
  let next = (_run: string) => "";
  return {
    callback: new ProgressBar({ screen: terminal }),
    begin({ config, source, parameters, run, from }) {
      const { data, model } = config;
      const { training } = config.settings;
      const { train, validation, test } = source;
      next = (run) => nextSteps(run, data.preparation.inputs.kind, config.settings.data.pretext);
      line(
        "data",
        `${shownPath(data.source)}: ${train.size} to train, ${validation.size} to validate, ${test.size} to test; ${describe(data.preparation)}`,
      );
      for (const note of source.notes) line("", note);
      for (const warning of source.warnings) terminal.error(`warning: ${warning}`);
      line("model", `${model.name}, ${parameters} parameters`);
      line(
        "train",
        `${training.optimizer}, lr ${training.lr}, batches of ${training.batchSize}, seed ${training.seed}, ${engineInfo().name} engine`,
      );
      if (run)
        line(
          "run",
          run + (from ? `, going on in epoch ${from.epoch + 1} after batch ${from.batch}` : ""),
        );
      terminal.out("");
    },
    end({ run, test, seconds, stopped, best, page }) {
      terminal.out("");
      line("ended", `${stopped}, in ${duration(seconds)}`);
      line(
        "test",
        styled(terminal, "green", percent(test)) + (best ? ` (weights of epoch ${best})` : ""),
      );
      if (page) line("report", page);
      line("run", run ?? "a dev run: all parts work, nothing is saved");
      if (run) terminal.out(next(run));
    },
    interrupted({ run, epoch, batch }) {
      terminal.out(`\nstopped in epoch ${epoch} after batch ${batch}`);
      if (run) terminal.out(`saved in ${run}\nresume: ${invocation()} train --resume ${word(run)}`);
    },
  };
}

/** Test results with the accuracy in percent, as people say it. */
export function percent({ accuracy, ...rest }: Logs): string {
  const first = accuracy === undefined ? [] : [`accuracy ${(100 * accuracy).toFixed(2)} %`];
  return [...first, showLogs(rest).replaceAll(": ", " ")].join(", ");
}

function nextSteps(run: string, kind: string, pretext: PretextName | undefined): string {
  const few = pretext && `  ${invocation()} train --from ${word(run)} --labels 100`;
  const steps = learnerSteps(run, pretext && !asksForClass(pretext) ? "" : kind);
  return [steps, ...(few ? [few] : []), `  ${invocation()} landscape ${word(run)}`].join("\n");
}

/** What can be done with the run of any model, of data of a kind. */
export function learnerSteps(run: string, kind: string): string {
  const example = { images: "image.png", table: "rows.csv", sound: "recording.wav" }[kind];
  const command = invocation();
  return [
    "\ntry next",
    `  ${command} evaluate ${word(run)}`,
    ...(example ? [`  ${command} predict ${word(run)} ${example}`] : []),
    `  ${command} summary ${word(run)}`,
  ].join("\n");
}

export function jsonReport(terminal: Terminal): Report {
  const say = (event: Record<string, unknown>) => terminal.out(formatJson(event));
  let began = 0;
  return {
    callback: {
      onEpochBegin: () => {
        began = performance.now();
      },
      onEpochEnd: (epoch, logs) =>
        say({ event: "epoch", epoch: epoch + 1, ...logs, seconds: secondsSince(began) }),
    },
    begin: ({ config, source, parameters, run = null, from }) =>
      say({
        event: "begin",
        run,
        ...config,
        examples: {
          train: source.train.size,
          validation: source.validation.size,
          test: source.test.size,
        },
        notes: [...source.notes, ...source.warnings],
        parameters,
        ...(source.notes.length > 0 && { notes: source.notes }),
        engine: engineInfo().name,
        from: { epoch: 1 + (from?.epoch ?? 0), batch: from?.batch ?? 0 },
      }),
    end: ({ run = null, test, seconds }) => say({ event: "end", run, test, seconds }),
    interrupted: ({ run = null, epoch, batch }) => say({ event: "interrupted", run, epoch, batch }),
  };
}

/** Seconds since a moment of `performance.now()`, to the millisecond. */
export const secondsSince = (moment: number): number =>
  Math.round(performance.now() - moment) / 1000;
