import {
  allocate,
  DataError,
  type DType,
  dtypeOf,
  fixedLength,
  invariant,
  type Storage,
  type TypedArray,
  turnIfDue,
} from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import { blamed } from "../ops/index.ts";
import type { Engine, Executable } from "../runtime/engine.ts";
import type { Program } from "../runtime/program.ts";
import { evaluate, HostStorage, store } from "../runtime/reference.ts";
import { compileGraph, type Update } from "./compile-graph.ts";

/** A compiled graph: its slots are the inputs, then the outputs, in the order of `prepare`. */
export interface Runner {
  run(slots: readonly Storage[]): Promise<void>;
  runSync(slots: readonly Storage[]): void;
  /** For each output, the input whose storage it may share, or −1. */
  readonly aliases: readonly number[];
  /**
   * Runs now and returns the time of each instruction; only on engines that run programs, and only
   * if requested in `prepare`.
   */
  profile?(slots: readonly Storage[]): Profile;
}

export interface PrepareOptions {
  /** Outputs that should take the memory of an input. */
  readonly updates?: readonly Update[] | undefined;
  /** Positions of inputs whose contents probably stay the same from run to run. */
  readonly lasting?: readonly number[] | undefined;
  /** Whether the program is kept, so that `profile` can return it. */
  readonly profiled?: boolean | undefined;
}

/** A program and the nanoseconds that each of its instructions took in one run. */
export interface Profile {
  readonly program: Program;
  readonly nanoseconds: Float64Array;
  /** The algorithm of each instruction, as in `conv winograd 3x3`; null where there was no choice. */
  readonly algorithms: readonly (string | null)[];
}

/** One interface for all engines, whether they run programs or graphs. */
export interface Backend {
  readonly name: string;
  allocate(dtype: DType, size: number): Storage;
  upload(array: TypedArray): Storage;
  /** Wraps an array that its owner may transfer to another thread while a program reads it. */
  borrow(array: TypedArray): Storage;
  /** The values in the memory that programs read fastest: the buffer itself, or a copy. */
  relocate(storage: Storage): Storage;
  /**
   * @param inputs leaves of the graph of `outputs`
   */
  prepare(inputs: readonly Node[], outputs: readonly Node[], options?: PrepareOptions): Runner;
  info(): Readonly<Record<string, string | number>>;
}

/** An engine that runs compiled programs. */
export function compiledBackend(engine: Engine): Backend {
  return {
    name: engine.name,
    allocate: (dtype, size) => engine.allocate(dtype, size),
    upload: (array) => engine.upload(array),
    borrow: (array) => engine.borrow(array),
    relocate: (storage) => engine.relocate?.(storage) ?? storage,
    info: () => engine.info(),
    prepare(inputs, outputs, { updates, lasting, profiled = false } = {}) {
      const program = compileGraph(inputs, outputs, updates);
      const aliases = program.slots.slice(inputs.length).map((slot) => slot.mayAlias ?? -1);
      const executable = explaining(engine.load(program, lasting), program);
      const runner = runnerOf(engine, executable, inputs.length, aliases);
      return profiled && executable.profile
        ? { ...runner, profile: profilerOf(engine, executable, inputs.length, program) }
        : runner;
    },
  };
}

/** As `kernel/src/engine.cc` writes it. */
const reportedIndex = /^instruction (\d+) \(gather\): index (-?\d+) /;

/**
 * An executable that translates failed value checks into their error: the "index" they report
 * encodes a value.
 */
function explaining(executable: Executable, { instructions }: Program): Executable {
  const blames = instructions.map((i) => (i.kind === "gather" ? i.blame : undefined));
  if (!blames.some((blame) => blame)) return executable;
  const explained = (error: unknown): unknown => {
    const [, n, code] = (error instanceof DataError && reportedIndex.exec(error.problem)) || [];
    const blame = blames[Number(n)];
    return blame ? blamed(blame, Number(code)) : error;
  };
  return {
    ...executable,
    async run(slots) {
      await executable.run(slots).catch((error: unknown) => {
        throw explained(error);
      });
    },
    runSync(slots) {
      try {
        executable.runSync(slots);
      } catch (error) {
        throw explained(error);
      }
    },
  };
}

/**
 * A separate function, like the next one, so that its closure does not retain the program or its
 * graph.
 */
const runnerOf = (
  engine: Engine,
  executable: Executable,
  inputs: number,
  aliases: readonly number[],
): Runner => ({
  async run(slots) {
    const { own, giveBack } = adopt(engine, inputs, slots);
    await executable.run(own);
    giveBack();
  },
  runSync(slots) {
    const { own, giveBack } = adopt(engine, inputs, slots);
    executable.runSync(own);
    giveBack();
  },
  aliases,
});

const profilerOf =
  (engine: Engine, executable: Executable, inputs: number, program: Program) =>
  (slots: readonly Storage[]): Profile => {
    const { own, giveBack } = adopt(engine, inputs, slots);
    const nanoseconds = executable.profile!(own);
    giveBack();
    const algorithms = executable.algorithms?.() ?? program.instructions.map(() => null);
    return { program, nanoseconds, algorithms };
  };

const nothing = () => {};

function ownsAll(engine: Engine, slots: readonly Storage[]): boolean {
  for (const slot of slots) if (!engine.owns(slot)) return false;
  return true;
}

/** After `setEngine`, buffers of the previous engine are read through copies and written back. */
function adopt(
  engine: Engine,
  inputs: number,
  slots: readonly Storage[],
): { own: readonly Storage[]; giveBack: () => void } {
  if (ownsAll(engine, slots)) return { own: slots, giveBack: nothing };
  const own = slots.map((slot, i) => {
    if (engine.owns(slot)) return slot;
    return i < inputs ? engine.upload(slot.read().slice()) : engine.allocate(slot.dtype, slot.size);
  });
  const giveBack = () =>
    slots.forEach((slot, i) => {
      if (i >= inputs && slot !== own[i]) slot.read().set(own[i]!.read());
    });
  return { own, giveBack };
}

/** The reference engine, which runs the graph itself. */
export const referenceBackend: Backend = {
  name: "reference",
  allocate: (dtype, size) => new HostStorage(dtype, allocate(dtype, size)),
  upload(array) {
    const dtype = dtypeOf(array);
    invariant(dtype !== undefined, `a ${array.constructor.name} cannot be uploaded`);
    return new HostStorage(dtype, array);
  },
  borrow: (array) => referenceBackend.upload(fixedLength(array)),
  relocate: (storage) => storage,
  info: () => ({ arithmetic: "float64, plain TypeScript" }),
  prepare(inputs, outputs) {
    const position = new Map(inputs.map((node, i) => [node, i]));
    const runSync = (slots: readonly Storage[]) => {
      const results = evaluate(outputs, (leaf) => {
        const slot = position.get(leaf);
        invariant(slot !== undefined, "a leaf is not among the inputs");
        return slots[slot]!.read();
      });
      outputs.forEach((node, i) => {
        slots[inputs.length + i]!.read().set(store(node, results[i]!).array);
      });
    };
    const run = async (slots: readonly Storage[]) => {
      runSync(slots);
      await turnIfDue();
    };
    return { runSync, run, aliases: outputs.map(() => -1) };
  },
};
