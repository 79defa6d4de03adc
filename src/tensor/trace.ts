import { ConfigError, type Shape, type Storage, treeMap } from "../base/index.ts";
import type { Runner } from "../compiler/backend.ts";
import { collect, type Node, nextEpoch, printGraph, rewrite } from "../graph/index.ts";
import { dataNode, placeholder } from "../ops/index.ts";
import { backend } from "./engine.ts";
import { numberPlaceholder } from "./promote.ts";
import { realizeSync } from "./realize.ts";
import { isLeaf } from "./signature.ts";
import { isTensor, Tensor } from "./tensor.ts";
import { type Variable, type VariableTrace, withTrace } from "./variable.ts";

/** A traced function, ready to run: its inputs, results and writes. */
export interface Trace {
  readonly runner: Runner;
  readonly reads: readonly Variable[];
  readonly writes: readonly Variable[];
  /** For each write, whether it may reuse the memory from which the same variable is read. */
  readonly inPlace: readonly boolean[];
  readonly results: readonly { dtype: Tensor["dtype"]; shape: Shape; size: number }[];
  /** The result's tree, with the position of a leaf in place of each tensor. */
  readonly skeleton: unknown;
  /**
   * Whether it has completed once. Only then has it all the memory it needs besides its buffers,
   * and may write variables in place: a run that fails half-way must leave them unchanged.
   */
  proven: boolean;
}

class Position {
  readonly at: number;
  constructor(at: number) {
    this.at = at;
  }
}
const isPosition = (x: unknown): x is Position => x instanceof Position;

/** The result of a traced function, with its tensors from `storages`. */
export function rebuild({ skeleton, results }: Trace, storages: readonly Storage[]): unknown {
  const tensorAt = ({ at }: Position) => new Tensor(dataNode(storages[at]!, results[at]!.shape));
  return isPosition(skeleton) ? tensorAt(skeleton) : treeMap(skeleton, isPosition, tensorAt);
}

/** A function recorded as graph, before it is compiled. */
export interface Recording {
  readonly inputs: readonly Node[];
  readonly reads: ReadonlyMap<Variable, Tensor>;
  readonly writes: ReadonlyMap<Variable, Tensor>;
  /** The tensors of the result. */
  readonly results: readonly Node[];
  readonly skeleton: unknown;
  readonly epoch: number;
}

/** Runs `f` with placeholders for its arguments and for the variables that it reads. */
export function record<A extends unknown[], R>(f: (...args: A) => R, args: A): Recording {
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
  const results: Node[] = [];
  const skeleton = treeMap(result, isTensor, (x) => new Position(results.push(x.node) - 1));
  return { inputs, reads, writes, results, skeleton, epoch };
}

/** The recorded graph as text, one line per node. */
export function printRecording(recording: Recording): string {
  capturedLeaves(recording);
  return printGraph(outputsOf(recording));
}

const inputsOf = ({ inputs, reads }: Recording): Node[] => [...inputs, ...nodesOf(reads)];

/** All outputs of a recording: its results, then its writes. */
const outputsOf = ({ results, writes }: Recording): Node[] => [...results, ...nodesOf(writes)];

const nodesOf = (values: ReadonlyMap<Variable, Tensor>): Node[] =>
  [...values.values()].map((x) => x.node);

/**
 * Compiles a recording. Nothing of its graph is retained.
 *
 * @param profiled whether the runner can report its time per instruction
 */
export function compileRecording(recording: Recording, profiled = false): Trace {
  const { reads, writes, results, skeleton } = recording;
  const [readList, writeList] = [[...reads.keys()], [...writes.keys()]];
  const inputs = inputsOf(recording);
  const outputs = outputsOf(recording);
  const argumentCount = recording.inputs.length;
  const captured = capturedLeaves(recording);
  const updates = writeList.flatMap((variable, i): [number, number][] => {
    const read = readList.indexOf(variable);
    return read < 0 ? [] : [[argumentCount + read, results.length + i]];
  });
  // a captured node may belong to any op; to the compiler it is an input like the others
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
  const options = { updates, lasting, profiled };
  const runner = backend().prepare([...inputs, ...standIns], program, options);
  const slots = captured.map((node) => node.storage!);
  return {
    runner: withCaptured(runner, inputs.length, slots),
    reads: readList,
    writes: writeList,
    inPlace: writeList.map((_, i) => runner.aliases[results.length + i]! >= 0),
    results: results.map(({ dtype, shape, size }) => ({ dtype, shape, size })),
    skeleton,
    proven: false,
  };
}

/**
 * Tensors that `f` captures from its surroundings: constants of the program, computed now rather
 * than in every call. They are older than the recording.
 */
function capturedLeaves(recording: Recording): readonly Node[] {
  const known = new Set(inputsOf(recording));
  const outputs = outputsOf(recording);
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
  const older = (node: Node) => node.epoch < recording.epoch;
  const border = collect(outputs, (node) => older(node) || node.storage !== null);
  realizeSync(border.filter((node) => older(node) && node.inputs.length > 0));
  return find();
}

/** The runner with the captured tensors inserted between inputs and outputs. */
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
