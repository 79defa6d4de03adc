import { ConfigError, childrenOf, type Storage, sameShape, treeMap } from "../base/index.ts";
import type { Profile, Runner } from "../compiler/backend.ts";
import { collect, type Node, nextEpoch, printGraph, rewrite } from "../graph/index.ts";
import { dataNode, placeholder } from "../ops/index.ts";
import { backend } from "./engine.ts";
import { numberConstant, numberPlaceholder } from "./promote.ts";
import { realizeSync } from "./realize.ts";
import { isTensor, Tensor } from "./tensor.ts";
import { isTracing, type Variable, type VariableTrace, withTrace } from "./variable.ts";

/** A traced function: what it reads, what it gives back, what it writes. */
interface Trace {
  readonly runner: Runner;
  readonly reads: readonly Variable[];
  readonly writes: readonly Variable[];
  /** For each write, whether it may reuse the memory that the same variable is read from. */
  readonly inPlace: readonly boolean[];
  readonly results: readonly { dtype: Tensor["dtype"]; shape: Tensor["shape"]; size: number }[];
  /** The result's tree, with the position of a leaf in place of each tensor. */
  readonly skeleton: unknown;
  /** As text, one line per node. */
  readonly graph: () => string;
}

class Position {
  readonly at: number;
  constructor(at: number) {
    this.at = at;
  }
}
const isPosition = (x: unknown): x is Position => x instanceof Position;

/** Numbers become scalar inputs, so that a schedule never compiles again. */
type Leaf = Tensor | number;
const isLeaf = (x: unknown): x is Leaf => typeof x === "number" || isTensor(x);

/** A compiled function: asynchronous by default, off the main thread; `sync` runs now. */
export interface Compiled<A extends unknown[], R> {
  (...args: A): Promise<R>;
  /** Runs now, on this thread, and returns when it is done. */
  sync(...args: A): R;
  /** Number of programs so far: one per signature of shapes, dtypes and other arguments. */
  readonly traces: number;
  /** The graph of the program for these arguments, one line per node. */
  graph(...args: A): string;
  /** Runs like `sync` and returns the time of each instruction, 0 for what the one before has done; `null` where the engine cannot tell. */
  profile(...args: A): Profile | null;
}

/** Calls of compiled functions run one after another, in the order in which they were made. */
let lastRun: Promise<unknown> = Promise.resolve();

/**
 * Traces `f` once per signature of its arguments and makes one program of it: forward, backward and
 * update in a single call of the engine. Tensors and numbers are inputs; strings, booleans and null
 * belong to the signature. Variables that `f` reads and writes are updated in place.
 *
 * `f` must be a pure function of its arguments and of variables; it sees tensors without values.
 *
 * @example
 * const w = new Variable(tensor([1, 2]));
 * const step = compile((x: Tensor, lr: number) => {
 *   const { value, grad } = valueAndGrad((p: Tensor) => p.mul(x).sum().square())(w.value);
 *   w.value = w.value.sub(grad.mul(lr));
 *   return value;
 * });
 * step.sync(tensor([1, 1]), 0.1).item(); // 9
 */
export function compile<A extends unknown[], R>(f: (...args: A) => R): Compiled<A, R> {
  const traces = new Map<string, Trace>();
  let last: Known | null = null;
  const traceOf = ({ key, leaves }: Signature, args: A): [Trace, readonly Leaf[]] => {
    let trace = traces.get(key);
    if (!trace) {
      trace = makeTrace(f, args);
      traces.set(key, trace);
    }
    return [trace, leaves];
  };
  const call = async (...args: A): Promise<R> => {
    const signature = signatureOf(args);
    if (signature.inner) return inline(f, args);
    const [trace, leaves] = traceOf(signature, args);
    await Promise.all(leaves.map((x) => (isTensor(x) ? x.eval() : x)));
    const run = lastRun.then(() => runTrace(trace, leaves));
    lastRun = run.catch(() => {});
    return (await run) as R;
  };
  const sync = (...args: A): R => {
    if (last && looksLike(last, args)) return runTraceSync(last.trace, args as Leaf[]) as R;
    const signature = signatureOf(args);
    if (signature.inner) return inline(f, args);
    const [trace, leaves] = traceOf(signature, args);
    last = args.every(isLeaf) ? knownOf(trace, leaves) : null;
    return runTraceSync(trace, leaves) as R;
  };
  return Object.defineProperty(
    Object.assign(call, {
      sync,
      graph: (...args: A) => traceOf(signatureOf(args), args)[0].graph(),
      profile: (...args: A) => profileTrace(...traceOf(signatureOf(args), args)),
    }),
    "traces",
    { get: () => traces.size },
  ) as Compiled<A, R>;
}

/** The last call whose arguments were tensors and numbers, and nothing deeper. */
interface Known {
  readonly trace: Trace;
  /** Shapes and dtypes only: the tensors themselves may be garbage by now. */
  readonly leaves: readonly (Pick<Tensor, "dtype" | "shape"> | null)[];
  readonly engine: unknown;
}

const knownOf = (trace: Trace, leaves: readonly Leaf[]): Known => ({
  trace,
  leaves: leaves.map((x) => (isTensor(x) ? { dtype: x.dtype, shape: x.shape } : null)),
  engine: backend(),
});

/** Whether arguments have the signature of that call: quicker to see than to spell out. */
function looksLike({ leaves, engine }: Known, args: readonly unknown[]): boolean {
  if (args.length !== leaves.length || engine !== backend() || isTracing()) return false;
  for (let i = 0; i < args.length; i++) {
    const x = args[i];
    const known = leaves[i];
    if (!known) {
      if (typeof x !== "number") return false;
    } else if (!isTensor(x) || x.dtype !== known.dtype || !sameShape(x.shape, known.shape)) {
      return false;
    } else if (x.node.watched) return false;
  }
  return true;
}

/** What decides which program serves a call, and what the program is given. */
interface Signature {
  readonly key: string;
  readonly leaves: readonly Leaf[];
  /** True where a trace or a transform around the call needs to see what the function does. */
  readonly inner: boolean;
}

/** One walk over the arguments: this is on the way of every step. */
function signatureOf(args: readonly unknown[]): Signature {
  const leaves: Leaf[] = [];
  let key = backend().name;
  let inner = isTracing();
  const walk = (x: unknown): void => {
    if (isTensor(x)) {
      leaves.push(x);
      key += `;${x.dtype}[${x.shape}]`;
      inner ||= x.node.watched;
    } else if (typeof x === "number") {
      leaves.push(x);
      key += ";n";
    } else if (Array.isArray(x)) {
      key += "(";
      for (const item of x) walk(item);
      key += ")";
    } else if (typeof x === "object" && x !== null) {
      key += "{";
      const fields = childrenOf(x);
      for (const name of Object.keys(fields)) {
        key += `${JSON.stringify(name)}:`;
        walk(fields[name]);
      }
      key += "}";
    } else if (typeof x === "function" || typeof x === "symbol")
      throw new ConfigError({
        subject: "compile",
        problem: `an argument is a ${typeof x}, which cannot be part of a signature.`,
        fix: "let the function close over it, and compile once for each.",
      });
    else key += `;${JSON.stringify(x)}`;
  };
  walk(args);
  return { key, leaves, inner };
}

/** Calls `f` itself, with numbers as tensors like in a trace. */
const inline = <A extends unknown[], R>(f: (...args: A) => R, args: A): R =>
  f(...(treeMap(args, isLeaf, (x) => (isTensor(x) ? x : new Tensor(numberConstant(x)))) as A));

function makeTrace<A extends unknown[], R>(f: (...args: A) => R, args: A): Trace {
  const inputs: Node[] = [];
  const reads = new Map<Variable, Tensor>();
  const writes = new Map<Variable, Tensor>();
  const epoch = nextEpoch();
  const traced = treeMap(args, isLeaf, (x) => {
    const node = isTensor(x) ? placeholder(x.shape, x.dtype) : numberPlaceholder();
    inputs.push(node);
    return new Tensor(node);
  }) as A;
  const recorder: VariableTrace = {
    read(variable) {
      const current = writes.get(variable) ?? reads.get(variable);
      if (current) return current;
      const fresh = new Tensor(placeholder(variable.shape, variable.dtype));
      reads.set(variable, fresh);
      return fresh;
    },
    write: (variable, value) => void writes.set(variable, value),
  };
  const result = withTrace(recorder, () => f(...traced));
  const outputs: Node[] = [];
  const skeleton = treeMap(result, isTensor, (x) => new Position(outputs.push(x.node) - 1));
  const results = outputs.map(({ dtype, shape, size }) => ({ dtype, shape, size }));
  const readList = [...reads.keys()];
  const writeList = [...writes.keys()];
  const argumentCount = inputs.length;
  inputs.push(...[...reads.values()].map((x) => x.node));
  outputs.push(...[...writes.values()].map((x) => x.node));
  const captured = capturedLeaves(inputs, outputs, epoch);
  const updates = writeList.flatMap((variable, i): [number, number][] => {
    const read = readList.indexOf(variable);
    return read < 0 ? [] : [[argumentCount + read, results.length + i]];
  });
  // a captured node may be any op's with a value: to the compiler it is an input like the others
  const standIns = captured.map((node) => placeholder(node.shape, node.dtype));
  const replaced = new Map([
    ...inputs.map((node) => [node, node] as const),
    ...captured.map((node, i) => [node, standIns[i]!] as const),
  ]);
  const program = rewrite(outputs, replaced);
  const lasting = [
    ...readList.flatMap((variable, i) => (writes.has(variable) ? [] : [argumentCount + i])),
    ...standIns.map((_, i) => inputs.length + i),
  ];
  const runner = backend().prepare([...inputs, ...standIns], program, updates, lasting);
  const inPlace = writeList.map((_, i) => runner.aliases[results.length + i]! >= 0);
  const slots = captured.map((node) => node.storage!);
  return {
    runner: withCaptured(runner, inputs.length, slots),
    reads: readList,
    writes: writeList,
    inPlace,
    results,
    skeleton,
    graph: () => printGraph(outputs), // few ask, and a first step is kept short
  };
}

/**
 * Tensors that `f` uses from its surroundings: constants of the program, computed now and not in
 * every call. What is older than `epoch` was made outside.
 */
function capturedLeaves(
  inputs: readonly Node[],
  outputs: readonly Node[],
  epoch: number,
): readonly Node[] {
  const known = new Set(inputs);
  const find = () =>
    collect(outputs, (node) => node.storage !== null).filter(
      (node) => (node.storage !== null || node.op.leaf) && !known.has(node),
    );
  if (find().some((leaf) => leaf.storage === null))
    throw new ConfigError({
      subject: "compile",
      problem: "the function uses a tensor that was traced in another call.",
      fix: "keep tensors from one call to the next in a Variable.",
    });
  const older = (node: Node) => node.epoch < epoch;
  const border = collect(outputs, (node) => older(node) || node.storage !== null);
  realizeSync(border.filter((node) => older(node) && node.inputs.length > 0));
  return find();
}

/** The runner with the captured tensors put between inputs and outputs. */
function withCaptured(runner: Runner, inputs: number, captured: readonly Storage[]): Runner {
  if (captured.length === 0) return runner;
  const all = (slots: readonly Storage[]) => [
    ...slots.slice(0, inputs),
    ...captured,
    ...slots.slice(inputs),
  ];
  return {
    aliases: runner.aliases,
    run: (slots) => runner.run(all(slots)),
    runSync: (slots) => runner.runSync(all(slots)),
    ...(runner.profile && { profile: (slots: readonly Storage[]) => runner.profile!(all(slots)) }),
  };
}

/** Binds one call's buffers: arguments, variables read, results, variables written. */
function bind(trace: Trace, leaves: readonly Leaf[]): readonly Storage[] {
  const { reads, results, writes, inPlace } = trace;
  const engine = backend();
  const slots = new Array<Storage>(leaves.length + reads.length + results.length + writes.length);
  let at = 0;
  for (const x of leaves)
    slots[at++] = isTensor(x) ? x.evalSync().node.storage! : engine.upload(Float64Array.of(x));
  for (const variable of reads) slots[at++] = variable.acquire();
  for (const { dtype, size } of results) slots[at++] = engine.allocate(dtype, size);
  for (let i = 0; i < writes.length; i++) slots[at++] = writes[i]!.target(inPlace[i]!);
  return slots;
}

function finish(trace: Trace, slots: readonly Storage[]): unknown {
  const { results, writes, skeleton } = trace;
  const firstWrite = slots.length - writes.length;
  for (let i = 0; i < writes.length; i++) writes[i]!.commit(slots[firstWrite + i]!);
  const first = firstWrite - results.length;
  const tensorAt = ({ at }: Position) =>
    new Tensor(dataNode(slots[first + at]!, results[at]!.shape));
  return isPosition(skeleton) ? tensorAt(skeleton) : treeMap(skeleton, isPosition, tensorAt);
}

function abandon(trace: Trace): void {
  for (const variable of trace.writes) variable.abandon();
}

async function runTrace(trace: Trace, leaves: readonly Leaf[]): Promise<unknown> {
  const slots = bind(trace, leaves);
  try {
    await trace.runner.run(slots);
  } catch (error) {
    abandon(trace);
    throw error;
  }
  return finish(trace, slots);
}

function runTraceSync(trace: Trace, leaves: readonly Leaf[]): unknown {
  const slots = bind(trace, leaves);
  attempt(trace, () => trace.runner.runSync(slots));
  return finish(trace, slots);
}

function profileTrace(trace: Trace, leaves: readonly Leaf[]): Profile | null {
  if (!trace.runner.profile) return null;
  const slots = bind(trace, leaves);
  const profile = attempt(trace, () => trace.runner.profile!(slots));
  finish(trace, slots);
  return profile;
}

/** Runs; on failure the variables keep their old values. */
function attempt<T>(trace: Trace, run: () => T): T {
  try {
    return run();
  } catch (error) {
    abandon(trace);
    throw error;
  }
}
