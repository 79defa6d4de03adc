/** What a model computes, as a graph whose sizes may follow the batch. */
import { ConfigError, type DType } from "../../base/index.ts";
import { collect, type Node } from "../../graph/index.ts";
import { type Listener, withListener } from "../../nn/calls.ts";
import { BatchNorm1d, BatchNorm2d, BatchNorm3d } from "../../nn/layers/normalisation.ts";
import { type AnyModule, evaluating } from "../../nn/module.ts";
import { isTensor, type Tensor, type Variable, zeros } from "../../tensor/index.ts";
import { record } from "../../tensor/trace.ts";
import { OnnxModule } from "../module.ts";

/** A size a · N + b, where N is the size of the batch. */
export interface Size {
  readonly a: number;
  readonly b: number;
}
export const fixed = (b: number): Size => ({ a: 0, b });
export const sameSize = (x: Size, y: Size): boolean => x.a === y.a && x.b === y.b;
export const isOne = (x: Size): boolean => x.a === 0 && x.b === 1;

/** An input: its sizes, the first of which may be a name for the batch. */
export interface InputShape {
  readonly shape: readonly (number | string)[];
  readonly dtype: DType;
}

/** A call of a layer that is an operator of its own, whose training is not its evaluation. */
export interface Normalised {
  readonly layer: BatchNorm;
  readonly x: Node;
}
type BatchNorm = BatchNorm1d | BatchNorm2d | BatchNorm3d;

/** A traced model: its nodes in order, with sizes that hold for every batch. */
export interface Recorded {
  readonly nodes: readonly Node[];
  readonly sizes: ReadonlyMap<Node, readonly Size[]>;
  /** The numbers of a node's attributes that are sizes or places, as they follow the batch. */
  readonly listOf: (node: Node, name: string) => readonly Size[];
  readonly inputs: readonly Node[];
  readonly results: readonly Node[];
  readonly variables: ReadonlyMap<Node, Variable>;
  /** Batch normalisations by their results, with what they normalise. */
  readonly normalised: ReadonlyMap<Node, Normalised>;
  /** What the batch is called; null if its size is fixed. */
  readonly batch: string | null;
}

/** Batches that are tried: sizes that differ between them follow the batch. */
const [fewer, more] = [2, 3];

/**
 * Traces the model for one size of the batch, or two: whatever differs between both is a · N + b.
 *
 * @throws {ConfigError} if the graph depends on the batch in another way.
 */
export function recordModel(
  model: AnyModule,
  inputs: Readonly<Record<string, InputShape>>,
): Recorded {
  const names = [
    ...new Set(
      Object.values(inputs).flatMap(({ shape }) => shape.filter((d) => typeof d === "string")),
    ),
  ];
  if (names.length > 1)
    throw unsuited(`has sizes called ${names.join(" and ")}.`, "name one size, that of the batch.");
  const trace = (n: number) => traced(model, Object.values(inputs), n);
  const [first, second] = names.length ? [trace(fewer), trace(more)] : [trace(fewer), null];
  const [nodes, others] = [first.nodes, second?.nodes ?? first.nodes];
  const isAlike =
    nodes.length === others.length &&
    nodes.every((x, i) => x.op === others[i]!.op && x.shape.length === others[i]!.shape.length);
  if (!isAlike)
    throw unsuited(
      "computes something else for batches of another size.",
      "give a number in place of the batch's name.",
    );
  const other = new Map(nodes.map((x, i) => [x, others[i]!]));
  const between = (x: readonly number[], y: readonly number[]) => x.map((v, i) => sizeOf(v, y[i]!));
  const sizes = new Map(nodes.map((x) => [x, between(x.shape, other.get(x)!.shape)]));
  for (const x of nodes) checkConstant(x, other.get(x)!);
  return {
    ...{ ...first, sizes },
    listOf: (x, name) => between(x.attrs[name] as number[], other.get(x)!.attrs[name] as number[]),
    batch: names[0] ?? null,
  };
}

const unsuited = (problem: string, fix: string): ConfigError =>
  new ConfigError({ subject: "saveOnnx", problem, fix });

function sizeOf(x: number, y: number): Size {
  const a = (y - x) / (more - fewer);
  return { a, b: x - a * fewer };
}

/** A number of the graph that follows the batch, such as a mean's count, has no place in it. */
function checkConstant(x: Node, y: Node): void {
  if (Object.is(x.attrs.value, y.attrs.value)) return;
  throw unsuited(
    `computes with ${x.attrs.value} for a batch of ${fewer}, and with ${y.attrs.value} for one of ${more}.`,
    "give a number in place of the batch's name.",
  );
}

/** What a model computes; of an imported net all outputs. */
function forwardOf(model: AnyModule): (...x: Tensor[]) => unknown {
  const net = model as unknown;
  if (!(net instanceof OnnxModule))
    return (...x) => (model.forward as (...x: Tensor[]) => unknown)(...x);
  return (...x) => {
    const named = Object.fromEntries(net.inputs.map(({ name }, i) => [name, x[i]!]));
    const outputs = net.run(named);
    return net.outputs.map(({ name }) => outputs[name]);
  };
}

function traced(model: AnyModule, inputs: readonly InputShape[], n: number) {
  const given = inputs.map(({ shape, dtype }) =>
    zeros(
      shape.map((d) => (typeof d === "string" ? n : d)),
      { dtype },
    ),
  );
  const forward = forwardOf(model);
  const normalised = new Map<Node, Normalised>();
  const note: Listener = (layer, y, [x]) => {
    const isBatchNorm =
      layer instanceof BatchNorm1d || layer instanceof BatchNorm2d || layer instanceof BatchNorm3d;
    if (isBatchNorm && isTensor(x) && isTensor(y)) normalised.set(y.node, { layer, x: x.node });
  };
  const recording = evaluating(model, () => withListener(note, () => record(forward, given)));
  const variables = new Map(
    [...recording.reads].map(([variable, tensor]) => [tensor.node, variable]),
  );
  const nodes = collect([...recording.inputs, ...recording.results], (x) => x.storage !== null);
  return { nodes, inputs: recording.inputs, results: recording.results, variables, normalised };
}
