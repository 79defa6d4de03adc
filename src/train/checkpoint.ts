import {
  checkOptions,
  FormatError,
  formatJson,
  type HostArray,
  parseJson,
  sameShape,
  show,
  version,
  warnOnce,
} from "../base/index.ts";
import { readSafetensors, writeSafetensors } from "../formats/index.ts";
import type { Module } from "../nn/index.ts";
import type { Optimizer } from "../optim/index.ts";
import { engineInfo, fromHost, type Variable } from "../tensor/index.ts";
import { History, type Logs } from "./history.ts";
import type { Json } from "./run-folder.ts";
import type { CallbackState, Position, Settings, Training } from "./training.ts";

/** The contents of a checkpoint. */
export interface Checkpoint {
  /** The file it was read from, for messages. */
  readonly path: string;
  /** The model's state by path, and the optimizer's under `optimizer/`. */
  readonly tensors: ReadonlyMap<string, HostArray>;
  readonly position: Position;
  readonly settings: Settings;
  readonly history: History;
  readonly config: Json;
  /** The engine that computed it; undefined in files of older versions. */
  readonly platform?: Platform | undefined;
  /** The states of callbacks, by name. */
  readonly states: Readonly<Record<string, CallbackState>>;
}

/** What the bits depend on besides program, data and seeds. */
export interface Platform {
  /** The version of gradus. */
  readonly version: string;
  readonly engine: string;
  /** The instruction set of the engine, if it has several. */
  readonly isa?: string | undefined;
}

/** The platform of this process. */
export function platform(): Platform {
  const { name, isa } = engineInfo();
  return { version, engine: name, ...(isa !== undefined && { isa: String(isa) }) };
}

/** Warns once if a training continues that began on another platform: its bits will differ. */
export function warnOfPlatform({ path, platform: before }: Checkpoint): void {
  if (!before) return;
  const now = platform();
  const text = ({ version: v, engine, isa }: Platform) =>
    `gradus ${v}, engine ${engine}${isa ? `, instruction set ${isa}` : ""}`;
  if (text(before) === text(now)) return;
  warnOnce({
    subject: path,
    problem: `it was written by ${text(before)}, and goes on with ${text(now)}: the last bits will differ from those of an uninterrupted training.`,
    fix: "for the same bits resume with the same version, engine (GRADUS_ENGINE) and instruction set (GRADUS_ISA).",
  });
}

/** Paths of modules have dots and no slash, so these names cannot clash with them. */
const optimizerPrefix = "optimizer/";
const callbackPrefix = "callbacks/";
/** Identifies the file and its format version. */
const format = "gradus checkpoint 1";

/** The input of {@link saveCheckpoint}; a {@link Training} is one. */
export type Saved = Pick<
  Training,
  "model" | "optimizer" | "position" | "settings" | "history" | "config"
> &
  Partial<Pick<Training, "states" | "average">>;

/**
 * Writes a training as a safetensors file: the model's and the optimizer's state, and in the
 * metadata the position of the training. The write is atomic. The file has no times or dates: the
 * same training gives the same bytes.
 *
 * @param weightsOnly writes the weights only (averaged if averaging is enabled); such a file cannot
 * be resumed.
 */
export async function saveCheckpoint(
  path: string,
  { model, optimizer, position, settings, history, config, states = {}, average }: Saved,
  options: { readonly weightsOnly?: boolean | undefined } = {},
): Promise<void> {
  checkOptions("saveCheckpoint", options, { weightsOnly: "boolean" });
  const { weightsOnly = false } = options;
  const weights = () => hostState(model.state());
  const averaged = weightsOnly && average !== undefined && average.count > 0;
  const tensors = new Map(Object.entries(averaged ? average.apply(weights) : weights()));
  if (!weightsOnly)
    for (const [name, array] of Object.entries(hostState(optimizer.state())))
      tensors.set(optimizerPrefix + name, array);
  const callbacks = weightsOnly ? [] : Object.entries(states);
  for (const [callback, { arrays = {} }] of callbacks)
    for (const [name, array] of Object.entries(arrays))
      tensors.set(`${callbackPrefix}${callback}/${name}`, array);
  const remembered = Object.fromEntries(callbacks.map(([name, { json }]) => [name, json]));
  await writeSafetensors(path, tensors, {
    format,
    position: formatJson(position),
    settings: formatJson(settings),
    history: formatJson(history.epochs),
    config: formatJson(config),
    platform: formatJson(platform()),
    ...(callbacks.length > 0 && { callbacks: formatJson(remembered) }),
  });
}

const hostState = (state: Readonly<Record<string, Variable>>): Record<string, HostArray> =>
  Object.fromEntries(Object.entries(state).map(([path, x]) => [path, x.value.toHost()]));

/**
 * Reads a checkpoint.
 *
 * @throws {FormatError} if the file is not one. @throws {DataError} if it is missing or truncated.
 */
export async function loadCheckpoint(path: string): Promise<Checkpoint> {
  const {
    tensors: all,
    metadata,
    unread = new Map<string, string>(),
  } = await readSafetensors(path);
  if (metadata.format !== format)
    throw notOurs(path, `its format is ${quoted(metadata.format)}, expected "${format}"`);
  for (const [name, why] of unread) throw notOurs(path, `its tensor "${name}" ${why}`);
  const field = (name: string): Json => {
    try {
      return parseJson(metadata[name] ?? "") as Json;
    } catch {
      throw notOurs(path, `its field "${name}" is ${quoted(metadata[name])}, which is not JSON`);
    }
  };
  const position = positionOf(field("position"));
  const settings = field("settings");
  const history = field("history");
  if (!position) throw notOurs(path, `its position is ${quoted(metadata.position)}`);
  if (!isCounts(settings, ["seed", "batchSize", "examples"]))
    throw notOurs(path, `its settings are ${quoted(metadata.settings)}`);
  if (!Array.isArray(history) || !history.every(isRecord))
    throw notOurs(path, "its history is not a list of logs");
  const callbacks = metadata.callbacks === undefined ? {} : field("callbacks");
  if (!isRecord(callbacks)) throw notOurs(path, "its callbacks are not a record");
  const isCallback = (name: string) => name.startsWith(callbackPrefix);
  const tensors = new Map([...all].filter(([name]) => !isCallback(name)));
  return {
    path,
    tensors,
    states: mapRecord(callbacks, (json, name) => {
      const prefix = `${callbackPrefix}${name}/`;
      const own = [...all].filter(([path]) => path.startsWith(prefix));
      return { json, arrays: Object.fromEntries(own.map(([p, x]) => [p.slice(prefix.length), x])) };
    }),
    position,
    settings: settings as unknown as Settings,
    history: new History(history.map(numbersOf)),
    config: field("config"),
    ...(metadata.platform !== undefined && isPlatform(field("platform"))
      ? { platform: field("platform") as unknown as Platform }
      : {}),
  };
}

/**
 * Loads a checkpoint into a model, and into an optimizer if one is given. Everything is checked
 * before anything is changed.
 *
 * @throws {FormatError} if names, shapes or dtypes differ from those of the model.
 */
export function restore(
  { path, tensors }: Pick<Checkpoint, "path" | "tensors">,
  { model, optimizer }: { readonly model: Module; readonly optimizer?: Optimizer },
): void {
  const wanted = new Map<string, Variable>(Object.entries(model.state()));
  if (optimizer)
    for (const [name, variable] of Object.entries(optimizer.state()))
      wanted.set(optimizerPrefix + name, variable);
  for (const [name, variable] of wanted) checkFits(path, name, tensors.get(name), variable);
  for (const name of tensors.keys()) {
    const ignored = !optimizer && name.startsWith(optimizerPrefix);
    if (!wanted.has(name) && !ignored) throw misfit(path, `it has "${name}", which they have not`);
  }
  for (const [name, variable] of wanted) variable.value = fromHost(tensors.get(name)!);
}

function checkFits(
  path: string,
  name: string,
  array: HostArray | undefined,
  { shape, dtype }: Variable,
): void {
  if (!array) throw misfit(path, `it has no "${name}"`);
  if (!sameShape(array.shape, shape))
    throw misfit(path, `"${name}" is ${show(array.shape)} in it and ${show(shape)} in the model`);
  if (array.dtype !== dtype)
    throw misfit(path, `"${name}" is ${array.dtype} in it and ${dtype} in the model`);
}

const misfit = (path: string, problem: string): FormatError =>
  new FormatError({
    subject: path,
    problem: `the checkpoint is not of this model and optimizer: ${problem}.`,
    fix: "build them as they were when it was saved, or copy what fits from the checkpoint's tensors.",
  });

const notOurs = (path: string, problem: string): FormatError =>
  new FormatError({
    subject: path,
    problem: `not a checkpoint of a training: ${problem}.`,
    fix: "give a file that saveCheckpoint or `gradus train` wrote.",
  });

const mapRecord = <A, B>(
  record: Readonly<Record<string, A>>,
  f: (x: A, key: string) => B,
): Record<string, B> => Object.fromEntries(Object.entries(record).map(([k, x]) => [k, f(x, k)]));

const quoted = (text: string | undefined): string =>
  text === undefined ? "missing" : JSON.stringify(text.slice(0, 60));

type Fields = { readonly [key: string]: Json };
const isRecord = (x: Json | undefined): x is Fields =>
  typeof x === "object" && x !== null && !Array.isArray(x);
const isCounts = (x: Json | undefined, names: readonly string[]): x is Fields =>
  isRecord(x) && names.every((name) => Number.isSafeInteger(x[name]));

const isPlatform = (x: Json): boolean =>
  isRecord(x) && typeof x.version === "string" && typeof x.engine === "string";

function positionOf(x: Json): Position | undefined {
  if (!isCounts(x, ["epoch", "batch", "step"]) || !isCounts(x.sums, ["examples"])) return undefined;
  const { examples, sums } = x.sums;
  if (!isRecord(sums)) return undefined;
  if (x.lr !== undefined && typeof x.lr !== "number") return undefined;
  const { epoch, batch, step, lr } = x as unknown as Position;
  return {
    ...{ epoch, batch, step, sums: { examples: examples as number, sums: numbersOf(sums) } },
    ...(lr !== undefined && { lr }),
  };
}

/** Files of older versions had null in place of NaN and infinities. */
const numbersOf = (logs: Fields): Logs =>
  Object.fromEntries(Object.entries(logs).map(([name, x]) => [name, x === null ? NaN : Number(x)]));
