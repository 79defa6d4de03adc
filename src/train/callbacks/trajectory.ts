import { FormatError, hostArray, NumericError, sizeOf } from "../../base/index.ts";
import { readSafetensors, writeSafetensors } from "../../formats/index.ts";
import { type Module, trainable } from "../../nn/index.ts";
import type { Logs } from "../history.ts";
import type { Callback, CallbackState, Training } from "../training.ts";

/** The weights of a net during training, step by step. */
export interface Trajectory {
  /** The parameters of a point, in order, and their shapes. */
  readonly parameters: readonly { readonly path: string; readonly shape: readonly number[] }[];
  /** The number of updates before each point, ascending. */
  readonly steps: readonly number[];
  /** θₜ `[n]`: all trainable parameters, float32. */
  readonly points: readonly Float32Array[];
}

/** Identifies the file and its format version. */
const format = "gradus trajectory 1";
/** Enough for a smooth line, and for principal components. */
const mostPoints = 40;
/** The limit for any net: 40 points of 400 000 parameters. */
const mostBytes = 64 * 2 ** 20;
/** A shorter trajectory shows nothing. */
const fewestPoints = 4;

/**
 * Records a few dozen points of the weights' trajectory: every k-th step, where k doubles and every
 * second point is dropped whenever there would be more than 40 points or 64 MiB; and the final
 * point. If not even four points fit (over 4 million parameters), no file is written.
 *
 * Which steps are kept depends on the number of steps alone, and checkpoints store the points of
 * the epoch that the file may not have yet, so that a training that is interrupted or killed
 * anywhere and resumed writes the same file. The file is optional: if it cannot be written or read,
 * recording stops with a warning.
 *
 * @see Li et al. 2018, "Visualizing the loss landscape of neural nets", §7
 * @example
 * const recorder = new TrajectoryRecorder("runs/digits-conv/trajectory.safetensors");
 */
export class TrajectoryRecorder implements Callback {
  readonly optional = true;
  readonly #path: string;
  #every = 1;
  #most = 0;
  #parameters: Trajectory["parameters"] = [];
  #points = new Map<number, Float32Array>();
  /** Updates before the current epoch. */
  #epochBegan = 0;

  /** @param path of the file; it is replaced atomically after an epoch and at the end. */
  constructor(path: string) {
    this.#path = path;
  }

  async onTrainBegin(training: Training): Promise<void> {
    const { step } = training.position;
    const { model } = training;
    const found = Object.entries(trainable(model.parameters()));
    this.#parameters = found.map(([path, { shape }]) => ({ path, shape }));
    const bytes = 4 * found.reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0);
    this.#most = Math.min(mostPoints, Math.floor(mostBytes / Math.max(1, bytes)));
    if (step > 0) await this.#goOn(step);
    this.#look(model, step);
    this.#epochBegan = step - training.position.batch;
    if (step > 0) await this.#save(training);
  }

  onBatchEnd(_batch: number, _logs: Logs, { model, position: { step } }: Training): void {
    this.#look(model, step);
  }

  async onEpochEnd(_epoch: number, _logs: Logs, training: Training): Promise<void> {
    await this.#save(training);
    this.#epochBegan = training.position.step;
  }

  state(): CallbackState | undefined {
    const own = [...this.#points].filter(([at]) => at >= this.#epochBegan);
    if (own.length === 0) return undefined;
    const arrays = own.map(([at, x]) => [`${at}`, hostArray([x.length], x)] as const);
    return { json: this.#epochBegan, arrays: Object.fromEntries(arrays) };
  }

  restore({ arrays = {} }: CallbackState): void {
    for (const [at, { data }] of Object.entries(arrays))
      this.#points.set(Number(at), data as Float32Array);
  }

  async onTrainEnd(training: Training): Promise<void> {
    await this.#save(training);
  }

  async onError(error: unknown, training: Training): Promise<void> {
    if (!(error instanceof NumericError)) await this.#save(training);
  }

  /**
   * Loads the points of the file, except those that an uninterrupted training would not have kept.
   */
  async #goOn(step: number): Promise<void> {
    while (Math.floor(step / this.#every) + 1 > this.#most && this.#most > 0) this.#every *= 2;
    const earlier = await readTrajectory(this.#path);
    const isOurs = earlier?.parameters.length === this.#parameters.length;
    const points = new Map(isOurs ? earlier.steps.map((at, i) => [at, earlier.points[i]!]) : []);
    for (const [at, x] of this.#points) points.set(at, x); // of the checkpoint
    const kept = [...points].filter(([at]) => at <= step && at % this.#every === 0);
    this.#points = new Map(kept.sort(([a], [b]) => a - b));
  }

  #look(model: Module, step: number): void {
    if (this.#most < fewestPoints || step % this.#every !== 0 || this.#points.has(step)) return;
    this.#points.set(step, pointOf(model));
    if (this.#points.size <= this.#most) return;
    this.#every *= 2;
    for (const at of this.#points.keys()) if (at % this.#every !== 0) this.#points.delete(at);
  }

  async #save({ model, position: { step } }: Training): Promise<void> {
    if (this.#points.size === 0) return;
    const last = this.#points.get(step) ?? pointOf(model);
    const arrays = [...new Map(this.#points).set(step, last)].map(
      ([at, x]) => [`step ${at}`, hostArray([x.length], x)] as const,
    );
    const parameters = JSON.stringify(this.#parameters);
    await writeSafetensors(this.#path, new Map(arrays), { format, parameters });
  }
}

/** All trainable parameters in one row. */
function pointOf(model: Module): Float32Array {
  const rows = Object.values(trainable(model.parameters())).map(({ value }) => value.dataSync());
  const point = new Float32Array(rows.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const row of rows) {
    point.set(row, offset);
    offset += row.length;
  }
  return point;
}

/**
 * Reads the file of a {@link TrajectoryRecorder}.
 *
 * @returns undefined if there is no such file.
 * @throws {FormatError} if the file is something else. @throws {DataError} if it is truncated.
 */
export async function readTrajectory(path: string): Promise<Trajectory | undefined> {
  const { access } = await import("node:fs/promises");
  const there = await access(path).then(
    () => true,
    () => false,
  );
  if (!there) return undefined;
  const { tensors, metadata } = await readSafetensors(path);
  if (metadata.format !== format)
    throw new FormatError({
      subject: path,
      problem: `this is not a trajectory: its format is ${JSON.stringify(metadata.format) ?? "missing"}, expected "${format}".`,
      fix: "give the trajectory.safetensors of a run, or remove the file.",
    });
  const parameters = parametersOf(metadata.parameters);
  const size = parameters?.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const rows = [...tensors]
    .map(([name, array]) => ({ step: Number(/^step (\d+)$/.exec(name)?.[1]), array }))
    .sort((a, b) => a.step - b.step);
  const isPoint = ({ step, array: { dtype, data } }: (typeof rows)[number]) =>
    Number.isSafeInteger(step) && dtype === "float32" && data.length === size;
  if (!parameters || !rows.every(isPoint))
    throw new FormatError({
      subject: path,
      problem: "its points are not those of the parameters that it names.",
      fix: "restore the file, or remove it.",
    });
  return {
    parameters,
    steps: rows.map(({ step }) => step),
    points: rows.map(({ array }) => array.data as Float32Array),
  };
}

/** The parameters in the file's metadata; undefined if it contains something else. */
function parametersOf(note = ""): Trajectory["parameters"] | undefined {
  const isSize = (x: unknown) => Number.isSafeInteger(x) && (x as number) >= 0;
  const isParameter = (x: unknown) => {
    const { path, shape } = Object(x) as Record<string, unknown>;
    return typeof path === "string" && Array.isArray(shape) && shape.every(isSize);
  };
  try {
    const list: unknown = JSON.parse(note);
    return Array.isArray(list) && list.every(isParameter) ? list : undefined;
  } catch {
    return undefined;
  }
}
