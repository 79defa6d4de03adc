/** Learners as plain JSON, and as safetensors files with everything but arrays in the header. */
import { allocate, type DType, FormatError, type HostArray, sizeOf } from "../base/index.ts";
import { readSafetensors, writeSafetensors } from "../formats/index.ts";
import type { Json } from "../train/index.ts";
import type { FittedValue, State, Storable } from "./state.ts";

const format = "gradus/learn";
/** Increased when the meaning of the stored state changes. */
const version = 1;
/** The metadata entry of a file. */
const note = "gradus.learn";

/** A learner as JSON: its class, its options and its fitted state. */
export interface Snapshot {
  readonly format: typeof format;
  readonly version: number;
  readonly name: string;
  readonly options: Json;
  readonly state: { readonly [name: string]: Json };
}

const isArray = (x: FittedValue): x is HostArray =>
  typeof x === "object" && x !== null && "dtype" in x && "data" in x;

const isLearner = (x: object): x is Storable => "toJSON" in x && typeof x.toJSON === "function";

/** A learner and its state as JSON: an array is `{ "$array": dtype, shape, values }`, a part `{ "$learner": … }`. */
export function snapshotOf(learner: Pick<Storable, "name" | "options">, state: State): Snapshot {
  const options = JSON.parse(JSON.stringify(learner.options)) as Json;
  return { format, version, name: learner.name, options, state: encodeAll(state) };
}

const encodeAll = (state: State): { readonly [name: string]: Json } =>
  Object.fromEntries(Object.entries(state).map(([name, value]) => [name, encode(value)]));

function encode(value: FittedValue): Json {
  if (typeof value !== "object" || value === null) return value;
  if (isLearner(value)) return { $learner: value.toJSON() as unknown as Json };
  if (isArray(value))
    return { $array: value.dtype, shape: [...value.shape], values: Array.from(value.data) };
  if (Array.isArray(value)) return value.map(encode);
  return encodeAll(value as State);
}

type Build = (snapshot: Snapshot) => Storable;

/** What {@link snapshotOf} encoded. */
export function decodeState(state: Snapshot["state"], build: Build): State {
  const decode = (value: Json): FittedValue => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(decode);
    const record = value as { readonly [name: string]: Json };
    if ("$learner" in record) return build(record.$learner as unknown as Snapshot);
    if ("$array" in record) return arrayOf(record);
    return Object.fromEntries(Object.entries(record).map(([name, each]) => [name, decode(each)]));
  };
  return Object.fromEntries(Object.entries(state).map(([name, each]) => [name, decode(each)]));
}

/** How JSON encodes a number: null if it is not finite. */
const isValue = (x: Json): boolean => typeof x === "number" || x === null;
const isSize = (x: Json): boolean => Number.isSafeInteger(x) && (x as number) >= 0;

function arrayOf({ $array, shape, values }: { readonly [name: string]: Json }): HostArray {
  const sizes = shape as number[];
  const numbers = values as number[];
  const dtype = $array as DType;
  const isArray = Array.isArray(sizes) && Array.isArray(numbers);
  const size = isArray && sizes.every(isSize) ? sizeOf(sizes) : Number.NaN;
  const isKnown = ["float32", "float64", "int32", "bool"].includes(dtype);
  if (!isKnown || numbers?.length !== size || !numbers.every(isValue))
    throw new FormatError({
      subject: "learner",
      problem: `an array of ${String($array)} with shape [${String(shape)}] has ${numbers?.length} values.`,
      fix: "restore what toJSON or save wrote.",
    });
  const data = allocate(dtype, numbers.length);
  data.set(numbers);
  return { dtype, shape: sizes, data };
}

const isRecord = (x: unknown): boolean => typeof x === "object" && x !== null && !Array.isArray(x);

/** Checks that a value is a snapshot that this version can read. @throws {FormatError} if not. */
export function checkSnapshot(value: unknown, subject: string): Snapshot {
  const snapshot = value as Snapshot | null;
  if (typeof snapshot !== "object" || snapshot?.format !== format)
    throw new FormatError({
      subject,
      problem: "this is not a stored learner.",
      fix: "give what a learner's save or toJSON wrote.",
    });
  if (snapshot.version !== version)
    throw new FormatError({
      subject,
      problem: `it was stored in version ${snapshot.version}, and this gradus reads version ${version}.`,
      fix: "use the version of gradus that wrote it, or fit the learner again.",
    });
  const { name, options, state } = snapshot;
  if (typeof name !== "string" || !isRecord(options) || !isRecord(state))
    throw new FormatError({
      subject,
      problem: "a stored learner has a name, options and a state, and this one has not.",
      fix: "restore what its save or toJSON wrote.",
    });
  return snapshot;
}

/** Writes a snapshot with its arrays as tensors, named by their paths. */
export async function writeSnapshot(path: string, snapshot: Snapshot): Promise<void> {
  const tensors = new Map<string, HostArray>();
  const take = (value: Json, at: string): Json => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((each, i) => take(each, `${at}.${i}`));
    const record = value as { readonly [name: string]: Json };
    if ("$array" in record) {
      tensors.set(at, arrayOf(record));
      return { $tensor: at };
    }
    const inner = Object.entries(record).map(([name, each]) => {
      const isLayer = name === "$learner" || name === "state";
      return [name, take(each, isLayer ? at : at === "" ? name : `${at}.${name}`)];
    });
    return Object.fromEntries(inner);
  };
  const head = take(snapshot as unknown as Json, "");
  await writeSafetensors(path, tensors, { [note]: JSON.stringify(head) });
}

/** Reads the file of {@link writeSnapshot}. */
export async function readSnapshot(path: string): Promise<Snapshot> {
  const { tensors, metadata } = await readSafetensors(path);
  const put = (value: Json): Json => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(put);
    const record = value as { readonly [name: string]: Json };
    if (!("$tensor" in record))
      return Object.fromEntries(Object.entries(record).map(([name, each]) => [name, put(each)]));
    const array = tensors.get(String(record.$tensor));
    if (array)
      return { $array: array.dtype, shape: [...array.shape], values: Array.from(array.data) };
    throw new FormatError({
      subject: path,
      problem: `the tensor "${record.$tensor}" is missing.`,
      fix: "restore the file.",
    });
  };
  let head: Json = null;
  try {
    head = put(JSON.parse(metadata[note] ?? "null") as Json);
  } catch (thrown) {
    if (thrown instanceof FormatError) throw thrown;
  } // not JSON, or nested too deeply: reported below
  return checkSnapshot(head, path);
}
