import { ConfigError, type Storage, treeMap } from "../base/index.ts";
import type { Profile } from "../compiler/backend.ts";
import { backend } from "./engine.ts";
import { ProgramCache } from "./program-cache.ts";
import { numberConstant } from "./promote.ts";
import { isLeaf, type Known, knownOf, type Leaf, looksLike, signatureOf } from "./signature.ts";
import { isTensor, Tensor } from "./tensor.ts";
import { compileRecording, printRecording, rebuild, record, type Trace } from "./trace.ts";
import { isTracing, type Variable, withTrace } from "./variable.ts";

/**
 * A compiled function: asynchronous by default, off the main thread; `sync` runs now.
 *
 * A call is all or nothing: if it fails, variables keep their values. Asynchronous calls take
 * effect in the order in which they are made. Until a call is done, variables that it writes can
 * neither be read nor assigned; those that it reads can be, and the call sees their values at the
 * time of the call.
 *
 * WebAssembly and the reference engine run on the calling thread: between awaited calls the event
 * loop turns, but not while a program runs. On every engine the first call with arguments of new
 * shapes blocks the thread while it is traced and compiled.
 */
export interface Compiled<A extends unknown[], R> {
  (...args: A): Promise<R>;
  /** Runs now, on this thread, and returns when it is done. */
  sync(...args: A): R;
  /**
   * Number of cached programs: one per signature of shapes, dtypes and other arguments, at most
   * 256.
   */
  readonly traces: number;
  /** The graph of the program for these arguments, one line per node. */
  graph(...args: A): string;
  /**
   * Runs like `sync` and returns the time of each instruction (0 if the previous instruction
   * computed it as well); `null` if the engine cannot measure it.
   */
  profile(...args: A): Profile | null;
}

/**
 * Traces `f` once per signature of its arguments and compiles one program: forward, backward and
 * update in a single call of the engine. Tensors and numbers are inputs; strings, booleans and null
 * are part of the signature. Variables that `f` reads and writes are updated in place.
 *
 * `f` must be a pure function of its arguments and of variables; it sees tensors without values.
 *
 * @example
 * const w = new Variable(tensor([1, 2]));
 * const step = compile((x: Tensor, lr: number) => {
 *   const { value, grads } = valueAndGrad((p: Tensor) => p.mul(x).sum().square())(w.value);
 *   w.value = w.value.sub(grads.mul(lr));
 *   return value;
 * });
 * step.sync(tensor([1, 1]), 0.1).item(); // 9
 */
export function compile<A extends unknown[], R>(f: (...args: A) => R): Compiled<A, R> {
  const traces = new ProgramCache<Trace>();
  const profiled = new ProgramCache<Trace>();
  let last: Known<Trace> | null = null;
  /** The program for the arguments, and its leaves; null if `f` itself is to be called. */
  const find = (args: A): { trace: Trace; leaves: readonly Leaf[] } | null => {
    if (last && looksLike(last, args)) return { trace: last.trace, leaves: args };
    const { key, leaves, inner } = signatureOf(args);
    if (inner) return null;
    const trace = traces.get(key, () => compileRecording(record(f, args)));
    last = args.every(isLeaf) ? knownOf(trace, leaves) : null;
    return { trace, leaves };
  };
  const call = (...args: A): Promise<R> => {
    try {
      const found = find(args);
      const result = found ? runInTurn(found.trace, found.leaves) : inline(f, args);
      return promised(Promise.resolve(result as R));
    } catch (error) {
      return Promise.reject(error);
    }
  };
  const sync = (...args: A): R => {
    const found = find(args);
    return found ? (runSync(found.trace, found.leaves) as R) : inline(f, args);
  };
  const profile = (...args: A): Profile | null => {
    const { key, leaves } = signatureOf(args);
    return profileTrace(
      profiled.get(key, () => compileRecording(record(f, args), true)),
      leaves,
    );
  };
  const graph = (...args: A): string => printRecording(record(f, args));
  return Object.defineProperty(Object.assign(call, { sync, graph, profile }), "traces", {
    get: () => traces.size,
  }) as Compiled<A, R>;
}

/** The names of an object's members, its own and inherited ones. */
const namesOf = (x: object): string[] =>
  x === Object.prototype
    ? []
    : [...Object.getOwnPropertyNames(x), ...namesOf(Object.getPrototypeOf(x))];

/**
 * Members that promises lack and results may have: accessing one on a promise means a forgotten
 * await.
 */
const unawaited: object = Object.create(
  Promise.prototype,
  Object.fromEntries(
    namesOf(Tensor.prototype)
      .filter((name) => name !== "toJSON" && !(name in Promise.prototype))
      .map((name) => [
        name,
        {
          get(): never {
            throw new ConfigError({
              subject: "compile",
              problem: `the call gives a promise, which has no ${name}.`,
              fix: `await it: (await f(x)).${name}; or call f.sync(x), which gives the result itself.`,
            });
          },
        },
      ]),
  ),
);
const promised = <T>(result: Promise<T>): Promise<T> => Object.setPrototypeOf(result, unawaited);

/** Calls `f` itself, with numbers as tensors like in a trace; writes to no variable if it fails. */
function inline<A extends unknown[], R>(f: (...args: A) => R, args: A): R {
  const given = treeMap(args, isLeaf, (x) =>
    isTensor(x) ? x : new Tensor(numberConstant(x)),
  ) as A;
  if (isTracing()) return f(...given); // the surrounding call is all or nothing as well
  const writes = new Map<Variable, Tensor>();
  const result = withTrace(
    {
      read: (variable) => writes.get(variable) ?? variable.current,
      write: (variable, value) => void writes.set(variable, value),
    },
    () => f(...given),
  );
  for (const [variable, value] of writes) variable.value = value;
  return result;
}

/**
 * Binds one call's buffers: arguments, variables that are read, results, variables that are
 * written.
 */
function bind(
  trace: Trace,
  leaves: readonly Leaf[],
  held?: readonly (Tensor | null)[],
): readonly Storage[] {
  const { reads, results, writes } = trace;
  const engine = backend();
  const slots = new Array<Storage>(leaves.length + reads.length + results.length + writes.length);
  let at = 0;
  for (const x of leaves)
    slots[at++] = isTensor(x) ? x.evalSync().node.storage! : engine.upload(Float64Array.of(x));
  for (let i = 0; i < reads.length; i++) slots[at++] = reads[i]!.acquire(held?.[i]);
  for (const { dtype, size } of results) slots[at++] = engine.allocate(dtype, size);
  for (let i = 0; i < writes.length; i++)
    slots[at++] = writes[i]!.target(trace.proven && trace.inPlace[i]!);
  return slots;
}

/** Variables change only when everything has been computed. */
function finish(trace: Trace, slots: readonly Storage[]): unknown {
  const { results, writes } = trace;
  const firstWrite = slots.length - writes.length;
  for (let i = 0; i < writes.length; i++) writes[i]!.commit(slots[firstWrite + i]!);
  trace.proven = true;
  return rebuild(trace, slots.slice(firstWrite - results.length, firstWrite));
}

function runSync(trace: Trace, leaves: readonly Leaf[]): unknown {
  return finish(
    trace,
    runOn(trace, leaves, (slots) => trace.runner.runSync(slots)),
  );
}

function profileTrace(trace: Trace, leaves: readonly Leaf[]): Profile | null {
  if (!trace.runner.profile) return null;
  let profile: Profile | null = null;
  const slots = runOn(trace, leaves, (bound) => {
    profile = trace.runner.profile!(bound);
  });
  finish(trace, slots);
  return profile;
}

/** Runs now. */
function runOn(
  trace: Trace,
  leaves: readonly Leaf[],
  run: (slots: readonly Storage[]) => void,
): readonly Storage[] {
  for (const variable of trace.reads) variable.checkIdle();
  for (const variable of trace.writes) variable.checkIdle();
  const slots = bind(trace, leaves);
  run(slots);
  return slots;
}

/**
 * Asynchronous calls take effect in the order in which they were made: each waits for the previous
 * one.
 */
let lastCall: Promise<unknown> = Promise.resolve();
/** Pending calls. */
let open = 0;
const done = () => {
  open--;
};

/**
 * Runs when all earlier calls are done. It reads the present values, or those that the earlier
 * calls leave behind; until it is done, nobody else touches its outputs.
 */
function runInTurn(trace: Trace, leaves: readonly Leaf[]): Promise<unknown> {
  const held = trace.reads.map((variable) => variable.hold());
  for (const variable of trace.writes) variable.claim();
  const run = () => runClaimed(trace, leaves, held);
  const result = open === 0 ? run() : lastCall.then(run);
  open++;
  lastCall = result.then(done, done);
  return result;
}

async function runClaimed(
  trace: Trace,
  leaves: readonly Leaf[],
  held: (Tensor | null)[],
): Promise<unknown> {
  try {
    trace.reads.forEach((variable, i) => {
      held[i] ??= variable.hold(true);
    });
    try {
      const lazy = lazyAmong(leaves, held);
      if (lazy) await Promise.all(lazy.map((x) => x.eval()));
    } finally {
      for (const variable of trace.reads) variable.drop();
    }
    const slots = bind(trace, leaves, held);
    await trace.runner.run(slots);
    return finish(trace, slots);
  } finally {
    for (const variable of trace.writes) variable.release();
  }
}

/** Tensors whose values must be computed first; null if there are none. */
function lazyAmong(leaves: readonly Leaf[], held: readonly (Tensor | null)[]): Tensor[] | null {
  let lazy: Tensor[] | null = null;
  for (const list of [leaves, held])
    for (const x of list)
      if (isTensor(x) && x.node.storage === null) {
        lazy ??= [];
        lazy.push(x);
      }
  return lazy;
}
