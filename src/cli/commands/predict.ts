import { ConfigError, formatJson } from "../../base/index.ts";
import { extent } from "../../base/vectors.ts";
import { classesOf, makeVocabulary, type Preparation } from "../../data/index.ts";
import { Autoencoder } from "../../models/index.ts";
import { binary, classification, predict } from "../../train/index.ts";
import { bar } from "../../train/progress.ts";
import { shownClass } from "../pages/class-names.ts";
import { csvText } from "../pages/csv-text.ts";
import { largest, probabilityRows } from "../pages/report/data.ts";
import { continueText } from "../run/continue-text.ts";
import { outputsOf } from "../run/learner-outputs.ts";
import { type AnyLearner, openLearner, type StoredLearner } from "../run/learner-run.ts";
import { predictCodes } from "../run/predict-codes.ts";
import { judgedModel, openRun, type StoredRun } from "../run/stored-run.ts";
import { wholeNumber } from "../settings/options.ts";
import { asksForClass } from "../settings/pretexts.ts";
import { type Example, type Examples, readExamples } from "../sources/examples.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { Define } from "./define.ts";

interface Options {
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly length?: number;
  readonly picture?: string;
  readonly seed: number;
}

/**
 * A network's prediction for an example; none for a row with a missing value that is not filled.
 */
interface Prediction extends Example {
  /** A class, or a number. */
  readonly prediction: string | number | null;
  /** Probability of each class, in the order of the classes. */
  readonly probabilities?: readonly number[];
  /** For a text: its continuation. */
  readonly continuation?: string;
}

const examples = `
Examples:
  gradus predict runs/digits-conv seven.png
  gradus predict runs/flowers photos/ more.jpg --csv > predictions.csv
  gradus predict runs/penguins rows.csv --json
  cat rows.csv | gradus predict runs/penguins -
  gradus predict runs/plays prompt.txt --length 200
  gradus predict runs/digits-conv-autoencoder photos/ --csv --picture back.png`;

export const define: Define = (command, terminal) => {
  command
    .argument("<run>", "the folder of a run, such as runs/digits-conv")
    .argument(
      "<inputs...>",
      "what it was trained on: pictures, recordings, texts, folders of them, or tables; - for standard input",
    )
    .option("--json", "one JSON object instead of text")
    .option(
      "--csv",
      "a table of predictions instead of text, as rows have where no terminal shows them",
    )
    .option(
      "--length <n>",
      "go on with a text by so many characters",
      wholeNumber("--length", 1, 200),
    )
    .option("--picture <file>", "of an autoencoder: examples and reconstructions, as PNG")
    .option("--seed <n>", "decides which characters are drawn", wholeNumber("--seed", 0, 0), 0)
    .addHelpText("after", examples)
    .action(async (path: string, inputs: string[], options: Options) => {
      const learned = await openLearner(path);
      const run = learned ? undefined : await openRun(path);
      const { preparation } = (learned ?? run!).config.data;
      checkLength(options, preparation, path);
      checkAnswers(run, path);
      if (run?.model instanceof Autoencoder)
        return predictCodes({ ...run, model: run.model }, inputs, options, terminal);
      checkPicture(options, path);
      const { dtype, predictor } = learned ? learnerPredictor(learned) : networkPredictor(run!);
      const predictions: Prediction[] = [];
      for (const input of inputs) {
        const read = await readExamples(preparation, input, { dtype });
        for (const note of read.notes) terminal.error(`note: ${note}`);
        const found = await predictor(read, options);
        for (const prediction of found) predictions.push(prediction);
      }
      if (options.json) terminal.out(asJson(path, preparation, predictions));
      else if (options.csv || (isOfRows(preparation) && !terminal.live))
        terminal.out(asCsv(preparation, predictions));
      else print(preparation, predictions, terminal);
    });
};

/** The predictions of a run, and the dtype of its inputs. */
interface Predictor {
  readonly dtype: "float32" | "float64";
  readonly predictor: (read: Examples, options: Options) => Promise<readonly Prediction[]>;
}

function learnerPredictor({ config, learner }: StoredLearner): Predictor {
  const { preparation } = config.data;
  return {
    dtype: "float64",
    predictor: async (read) => learnerPredictions(learner, preparation, read),
  };
}

function networkPredictor({ config, model }: StoredRun): Predictor {
  const { preparation } = config.data;
  const judged = judgedModel(model, config);
  return {
    dtype: "float32",
    async predictor(read, options) {
      const found = await predictAll(judged, preparation, read);
      return continued(model, preparation, read, found, options);
    },
  };
}

function learnerPredictions(
  learner: AnyLearner,
  preparation: Preparation,
  { examples, inputs, complete }: Examples,
): Prediction[] {
  const predictions = examples.map((example): Prediction => ({ ...example, prediction: null }));
  if (complete.length === 0) return predictions;
  const { numbers, chosen, probabilities } = outputsOf(learner, inputs, preparation);
  const names = learner.name === "KMeans" ? undefined : classesOf(preparation);
  complete.forEach((n, k) => {
    const named = numbers ? numbers[k]! : names ? names[chosen![k]!]! : chosen![k]!;
    predictions[n] = {
      ...{ ...examples[n]!, prediction: named },
      ...(probabilities && { probabilities: probabilities[k]! }),
    };
  });
  return predictions;
}

async function predictAll(
  model: Parameters<typeof predict>[0],
  { target }: Preparation,
  { examples, inputs, complete }: Examples,
): Promise<Prediction[]> {
  const outputs = complete.length === 0 ? undefined : await predict(model, inputs);
  const nothing = examples.map((example): Prediction => ({ ...example, prediction: null }));
  if (!outputs) return nothing;
  if (target.task === "regression") {
    const values = outputs.dataSync();
    complete.forEach((n, k) => {
      nothing[n] = { ...examples[n]!, prediction: values[k]! };
    });
    return nothing;
  }
  const objective = target.classes.length === 1 ? binary : classification;
  probabilityRows(objective.read(outputs).toHost()).forEach((probabilities, k) => {
    const n = complete[k]!;
    const prediction = target.classes[largest(probabilities)] ?? null;
    nothing[n] = { ...examples[n]!, prediction, probabilities };
  });
  return nothing;
}

/** Predictions for texts, with continuations if requested. */
async function continued(
  model: Parameters<typeof predict>[0],
  { inputs }: Preparation,
  read: Examples,
  predictions: readonly Prediction[],
  { length, seed }: Options,
): Promise<readonly Prediction[]> {
  if (length === undefined || inputs.kind !== "text") return predictions;
  const [, context] = read.inputs.shape as [number, number];
  const result: Prediction[] = [];
  for (const [n, prediction] of predictions.entries()) {
    const data = read.inputs.data.slice(n * context, (n + 1) * context);
    const last = { dtype: "int32", shape: [1, context], data } as const;
    const codes = await continueText(model, last, length, seed);
    result.push({ ...prediction, continuation: makeVocabulary(inputs.characters).decode(codes) });
  }
  return result;
}

/** @throws {ConfigError} for `--length` without text. */
function checkLength({ length }: Options, { inputs }: Preparation, run: string): void {
  if (length === undefined || inputs.kind === "text") return;
  throw new ConfigError({
    subject: "--length",
    problem: `it goes on with texts, and ${run} was trained on none.`,
    fix: "leave it out.",
  });
}

/** @throws {ConfigError} for a run whose pretext task has no answer that can be written down. */
function checkAnswers(run: StoredRun | undefined, path: string): void {
  const { pretext } = run?.config.settings.data ?? {};
  if (pretext === undefined || asksForClass(pretext)) return;
  throw new ConfigError({
    subject: path,
    problem: `it was trained on the pretext task ${pretext}, which asks for no class and no number.`,
    fix: `go on from it: gradus train --from ${path}; report shows what it learned.`,
  });
}

/** @throws {ConfigError} for `--picture` without an autoencoder. */
function checkPicture({ picture }: Options, run: string): void {
  if (picture === undefined) return;
  throw new ConfigError({
    subject: "--picture",
    problem: `it shows reconstructions, and ${run} holds no autoencoder.`,
    fix: "leave it out.",
  });
}

const isOfRows = ({ inputs }: Preparation): boolean => ["table", "arrays"].includes(inputs.kind);

function asJson(run: string, preparation: Preparation, predictions: readonly Prediction[]): string {
  const names = classesOf(preparation);
  const list = predictions.map(({ probabilities, ...rest }) => ({
    ...rest,
    ...(probabilities && {
      probabilities: Object.fromEntries(names.map((name, k) => [name, probabilities[k]])),
    }),
  }));
  return formatJson({ event: "predict", run, predictions: list });
}

/** A line per example: its source, the prediction, and the probability of each class. */
function asCsv(preparation: Preparation, predictions: readonly Prediction[]): string {
  const hasProbabilities = predictions.some(({ probabilities }) => probabilities);
  const names = hasProbabilities ? classesOf(preparation) : [];
  const hasRows = predictions.some(({ row }) => row !== undefined);
  const header = ["source", ...(hasRows ? ["row"] : []), "prediction", ...names];
  const lines = predictions.map(({ source, row, prediction, probabilities }) => [
    source,
    ...(hasRows ? [row ?? ""] : []),
    prediction ?? "",
    ...names.map((_, k) => probabilities?.[k] ?? ""),
  ]);
  return csvText(header, lines);
}

const shownPrediction = (prediction: Prediction["prediction"]): string =>
  typeof prediction === "string" ? shownClass(prediction) : String(prediction ?? "–");

/** For one example all classes, ranked; for several a line each. */
function print(
  preparation: Preparation,
  predictions: readonly Prediction[],
  terminal: Terminal,
): void {
  const names = classesOf(preparation).map(shownClass);
  const [only] = predictions;
  const texts = predictions.filter(({ continuation }) => continuation !== undefined);
  if (texts.length > 0) {
    for (const { source, continuation } of texts)
      terminal.out(texts.length > 1 ? `${source}\n${continuation}\n` : continuation!);
    return;
  }
  if (predictions.length === 1 && only?.probabilities) {
    const ranked = only.probabilities
      .map((p, k) => ({ p, name: names[k] ?? String(k) }))
      .sort((a, b) => b.p - a.p);
    const width = Math.max(...ranked.map(({ name }) => name.length));
    for (const { p, name } of ranked)
      terminal.out(
        `${name.padEnd(width)} ${(100 * p).toFixed(2).padStart(6)} % ${bar(p, terminal)}`.trimEnd(),
      );
    return;
  }
  const label = ({ source, row }: Example) =>
    row === undefined
      ? source
      : predictions.every((each) => each.source === source)
        ? `row ${row}`
        : `${source} row ${row}`;
  const labels = predictions.map(label);
  const [width, wide] = [
    extent(labels.map((text) => text.length))[1],
    extent(predictions.map(({ prediction }) => shownPrediction(prediction).length))[1],
  ];
  predictions.forEach(({ prediction, probabilities }, n) => {
    const sure = probabilities
      ? ` ${(100 * Math.max(...probabilities)).toFixed(2).padStart(6)} %`
      : "";
    terminal.out(
      `${labels[n]!.padEnd(width)}  ${shownPrediction(prediction).padEnd(wide)}${sure}`.trimEnd(),
    );
  });
}
