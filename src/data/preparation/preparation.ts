import { ConfigError, FormatError, type Shape } from "../../base/index.ts";
import type { Task } from "../dataset.ts";
import type { Decimal } from "../table/numbers.ts";
import type { GivenFormat } from "../table/types.ts";

/** The version of {@link Preparation} that this library writes and reads. */
export const preparationVersion = 1;

/**
 * How raw data become a model's inputs and targets, fitted on training rows: plain data that JSON
 * represents exactly. A run stores its preparation, and everything that later reads data for its
 * network uses it.
 */
export interface Preparation {
  readonly version: typeof preparationVersion;
  /** How the inputs are prepared, by kind. */
  readonly inputs: ArrayInputs | ImageInputs | SoundInputs | TableInputs | TextInputs;
  /** One example as the model sees it, without the batch axis. */
  readonly inputShape: Shape;
  readonly target: Target;
}

/** What is predicted. */
export type Target = ClassTarget | NumberTarget;

/** A class per example. */
export interface ClassTarget {
  readonly task: "classification";
  /** The target column of a table; null if the data are not a table. */
  readonly column: string | null;
  /** Class names in the order of their indices. */
  readonly classes: readonly string[];
}

/** A number per example. */
export interface NumberTarget {
  readonly task: "regression";
  readonly column: string | null;
  /**
   * The mean and deviation by which the training targets were standardized; null if they were not.
   */
  readonly scale: Scale | null;
}

/** Numbers x become (x − mean) / std. */
export interface Scale {
  readonly mean: number;
  readonly std: number;
}

/** Numbers used unchanged, as those of the built-in sets. */
export interface ArrayInputs {
  readonly kind: "arrays";
}

/** Images. */
export interface ImageInputs {
  readonly kind: "images";
  /**
   * How a file of another size is resized to the size of the inputs. `"cover"`: scaled to cover it
   * and center-cropped, as folders of images are. `"contain"`: scaled to fit and centered, for sets
   * of ready arrays such as MNIST.
   */
  readonly fit: "cover" | "contain";
  /**
   * `"light-on-dark"`: no training image is lighter than half at its border, so a file that is,
   * such as ink on paper, is inverted. `"as-is"`: images are unchanged.
   */
  readonly polarity: "light-on-dark" | "as-is";
}

/** Recordings, as images of their mel spectrograms. */
export interface SoundInputs {
  readonly kind: "sound";
  readonly sampleRate: number;
  /** Samples of a recording: longer ones are cut, shorter ones padded with silence. */
  readonly length: number;
  /** Number of mel bands: the height of the images. */
  readonly mels: number;
}

/** Texts, as the numbers of the characters before the one to predict. */
export interface TextInputs {
  readonly kind: "text";
  /** Character k has the number k; the line end is one of them. */
  readonly characters: readonly string[];
}

/** Columns of a table. */
export interface TableInputs {
  readonly kind: "table";
  /** The inputs in order, each found by its name. */
  readonly columns: readonly InputColumn[];
  /** All columns of the training file, in order: used to read a table without names. */
  readonly layout: readonly string[];
  /** Whether these are names from a header; else they are x0, x1, … */
  readonly header: boolean;
  readonly decimal: Decimal;
  /** The explicitly given options of how the training file is written. */
  readonly given: GivenFormat;
}

/** An input column of numbers, or of categories, one input each. */
export type InputColumn = NumberInput | CategoryInput;

/** A numeric input column, standardized to (x − mean) / std. */
export interface NumberInput extends Scale {
  readonly name: string;
  readonly type: "number";
  /** Replaces missing values; null if they are an error. */
  readonly fill: number | null;
}

/** A text input column: an input per category, 1 for the cell's category. */
export interface CategoryInput {
  readonly name: string;
  readonly type: "text";
  readonly categories: readonly string[];
  /** Whether the category `other` stands for all unknown texts; else they are an error. */
  readonly other: boolean;
  readonly fill: string | null;
}

/** The classes of a task; empty for regression. */
export const classesOf = ({ target }: Preparation): readonly string[] =>
  target.task === "classification" ? target.classes : [];

/** The name of each input of a table: a column's name, or `column=category`. */
export const featuresOf = ({ columns }: TableInputs): string[] =>
  columns.flatMap((column) =>
    column.type === "number"
      ? [column.name]
      : column.categories.map((category) => `${column.name}=${category}`),
  );

/**
 * Reads a preparation from JSON, such as `data.preparation` in a run's `config.json`.
 *
 * @param source its name in errors.
 * @throws {FormatError} if its version differs, or a field is invalid.
 * @example
 * const preparation = fitTable(await parseTable("a,b,y\n1,2,u\n3,4,v"));
 * readPreparation(JSON.parse(JSON.stringify(preparation))).inputShape; // [2]
 */
export function readPreparation(json: unknown, source = "preparation"): Preparation {
  const wrong = (path: string, value: unknown): FormatError =>
    new FormatError({
      subject: source,
      problem: `"${path}" is ${value === undefined ? "missing" : JSON.stringify(value)}.`,
      fix: "restore the file as the training wrote it, or train again.",
    });
  const top = json as Partial<Preparation> | null;
  if (typeof top !== "object" || top === null) throw wrong("preparation", json);
  if (top.version !== preparationVersion)
    throw new FormatError({
      subject: source,
      problem: `it is of version ${JSON.stringify(top.version)}; this library reads ${preparationVersion}.`,
      fix: "use the version of gradus that wrote it, or train again.",
    });
  for (const [path, isRight] of checks) {
    const value = path.split(".").reduce<unknown>((at, key) => Reflect.get(Object(at), key), top);
    if (!isRight(value, top as Preparation)) throw wrong(path, value);
  }
  return top as Preparation;
}

/** The number of the line-end character. */
export const lineEndIn = (characters: readonly string[]): number => characters.indexOf("\n");

type Check = (value: unknown, whole: Preparation) => boolean;

const isFiniteNumber: Check = (x) => typeof x === "number" && Number.isFinite(x);
const isTexts: Check = (x) => Array.isArray(x) && x.every((text) => typeof text === "string");
const oneOf =
  (...words: readonly unknown[]): Check =>
  (x) =>
    words.includes(x);
/** A check for one kind of inputs. */
const of =
  (kind: Preparation["inputs"]["kind"], check: Check): Check =>
  (x, whole) =>
    whole.inputs.kind !== kind || check(x, whole);
const isScale: Check = (x) => {
  const { mean, std } = Object(x) as Scale;
  return Number.isFinite(mean) && Number.isFinite(std) && std > 0;
};
const isTask =
  (task: Task, check: Check): Check =>
  (x, whole) =>
    whole.target.task !== task || check(x, whole);
const isColumn = (x: unknown): boolean => {
  const { name, type, fill, categories, other } = Object(x) as Record<string, unknown>;
  if (typeof name !== "string") return false;
  if (type === "number")
    return isScale(x, undefined as never) && (fill === null || Number.isFinite(fill));
  const isFill = fill === null || typeof fill === "string";
  return (
    type === "text" &&
    isFill &&
    isTexts(categories, undefined as never) &&
    typeof other === "boolean"
  );
};

const checks: readonly [path: string, check: Check][] = [
  ["inputShape", (x) => Array.isArray(x) && x.every((n) => Number.isInteger(n) && n > 0)],
  ["inputs.kind", oneOf("arrays", "images", "sound", "table", "text")],
  ["target.task", oneOf("classification", "regression")],
  ["target.column", (x) => x === null || typeof x === "string"],
  ["target.classes", isTask("classification", isTexts)],
  ["target.scale", isTask("regression", (x, whole) => x === null || isScale(x, whole))],
  ["inputs.fit", of("images", oneOf("cover", "contain"))],
  ["inputs.polarity", of("images", oneOf("light-on-dark", "as-is"))],
  ["inputs.sampleRate", of("sound", isFiniteNumber)],
  ["inputs.length", of("sound", isFiniteNumber)],
  ["inputs.mels", of("sound", isFiniteNumber)],
  [
    "inputs.characters",
    of("text", (x, whole) => isTexts(x, whole) && lineEndIn(x as string[]) >= 0),
  ],
  ["inputs.columns", of("table", (x) => Array.isArray(x) && x.length > 0 && x.every(isColumn))],
  ["inputs.layout", of("table", isTexts)],
  ["inputs.header", of("table", oneOf(true, false))],
  ["inputs.decimal", of("table", oneOf(".", ","))],
  ["inputs.given", of("table", (x) => typeof x === "object" && x !== null)],
];

/** Targets, which can be scaled only if they are numbers. */
export function checkScalable(task: Task, scaleTarget: boolean, source: string): void {
  if (task === "regression" || !scaleTarget) return;
  throw new ConfigError({
    subject: source,
    problem: "the target is a class, and classes have no scale.",
    fix: 'leave scaleTarget out, or pass task: "regression" to predict numbers.',
  });
}
