/** Walks a graph and computes with tensors: traced, compiled and differentiated as any module is. */
import { FormatError } from "../base/index.ts";
import { dataNode } from "../ops/index.ts";
import { isTracing, type RandomKey, Tensor, type Variable } from "../tensor/index.ts";
import { Call, located, type Operator, type Surroundings } from "./call.ts";
import type { HostTensor } from "./host.ts";
import type { Attributes, Graph, GraphNode } from "./ir.ts";
import { operatorOf } from "./operators/index.ts";
import type { ElementType } from "./types.ts";
import { type Item, Value } from "./value.ts";

/** A function that the file itself defines. */
export interface NetFunction {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Attributes that it takes, with the values they have if a node gives none. */
  readonly defaults: Attributes;
  readonly nodes: readonly GraphNode[];
  readonly versions: ReadonlyMap<string, number>;
}

/** All that is the same for every node of a net. */
export interface Net {
  /** What errors call the file. */
  readonly file: string;
  readonly graph: Graph;
  /** Versions of the operator sets, by domain. */
  readonly versions: ReadonlyMap<string, number>;
  readonly functions: ReadonlyMap<string, NetFunction>;
}

/** What one run of a net has besides it. */
export interface Run {
  readonly net: Net;
  readonly training: boolean;
  /** Parameters and statistics, by the names of their initializers. */
  readonly variables: ReadonlyMap<
    string,
    { readonly variable: Variable; readonly type: ElementType }
  >;
  /** Constants as values, which keep the tensors that were made of them from run to run. */
  readonly constants: Map<HostTensor, Value>;
  readonly randomKey: () => RandomKey;
  /** Dense layers by the nodes whose output is theirs; what stands before them does nothing. */
  readonly layers: ReadonlyMap<
    GraphNode,
    { readonly input: string; readonly forward: (x: Tensor) => Tensor }
  >;
}

/** Where names are looked up: in a graph, then in those around it. */
interface Scope {
  readonly items: Map<string, Item>;
  readonly outer: Scope | null;
  readonly versions: ReadonlyMap<string, number>;
  /** Those of the node that calls the function whose body this is. */
  readonly attributes: Attributes | null;
  readonly level: number;
}

/** How deep functions may call each other. */
const mostLevels = 200;
/** A folded constant is small: what is larger is computed by the engine. */
const mostFolded = 1 << 16;

/** The outputs of the net for inputs by name. */
export function runNet(run: Run, inputs: ReadonlyMap<string, Item>): Item[] {
  const scope: Scope = {
    items: new Map(inputs),
    ...{ outer: null, versions: run.net.versions, attributes: null, level: 0 },
  };
  for (const [name, { variable, type }] of run.variables)
    scope.items.set(name, Value.ofTensor(type, variable.value));
  return runBody(run, run.net.graph, scope);
}

function runBody(run: Run, graph: Graph, scope: Scope): Item[] {
  for (const [name, host] of graph.constants)
    if (!scope.items.has(name)) scope.items.set(name, constant(run, host));
  for (const node of graph.nodes) runNode(run, node, scope);
  return graph.outputs.map(({ name }) => lookUp(scope, name)!);
}

function constant(run: Run, host: HostTensor): Value {
  let value = run.constants.get(host);
  if (!value) {
    value = Value.of(host);
    run.constants.set(host, value);
  }
  return value;
}

function lookUp(scope: Scope, name: string): Item | undefined {
  for (let at: Scope | null = scope; at; at = at.outer) {
    const found = at.items.get(name);
    if (found !== undefined) return found;
  }
  throw new FormatError({
    subject: "the graph",
    problem: `"${name}" has no value: the node that defines it gave fewer outputs.`,
    fix: "the file is damaged; export it anew.",
  });
}

function runNode(run: Run, node: GraphNode, scope: Scope): void {
  const where = `node "${node.name}" (${node.operator}) of ${run.net.file}`;
  try {
    const layer = run.layers.get(node);
    if (layer) {
      const x = lookUp(scope, layer.input) as Value;
      scope.items.set(node.outputs[0]!, Value.ofTensor(x.type, layer.forward(x.tensor)));
      return;
    }
    const attributes = resolved(node.attributes, scope.attributes);
    const inputs = node.inputs.map((name) => (name === "" ? undefined : lookUp(scope, name)));
    const own = run.net.functions.get(functionKey(node.domain, node.operator, node.overload));
    const operator = operatorOf(node.domain, node.operator);
    const outputs =
      own && !operator
        ? callFunction(run, own, attributes, inputs, scope)
        : apply(run, known(node, operator), node, attributes, inputs, scope);
    node.outputs.forEach((name, i) => {
      const item = outputs[i];
      if (name !== "" && item !== undefined) scope.items.set(name, item);
    });
  } catch (thrown) {
    throw located(thrown, where, node.operator);
  }
}

export const functionKey = (domain: string, name: string, overload: string): string =>
  JSON.stringify([domain === "ai.onnx" ? "" : domain, name, overload]);

/** @throws {FormatError} if there is no such operator here. */
export function known(node: GraphNode, operator: Operator | undefined): Operator {
  if (operator) return operator;
  const name = node.domain ? `${node.domain}.${node.operator}` : node.operator;
  throw new FormatError({
    subject: name,
    problem: "this operator is not supported.",
    fix: "docs/onnx-support.md lists what is; export the net without it.",
  });
}

/** Attributes of a node in a function's body may stand for those of the call. */
function resolved(attributes: Attributes, outer: Attributes | null): Attributes {
  if (![...attributes.values()].some(({ kind }) => kind === "reference")) return attributes;
  return new Map(
    [...attributes].flatMap(([name, attribute]) => {
      if (attribute.kind !== "reference") return [[name, attribute]];
      const given = outer?.get(attribute.value);
      return given ? [[name, given]] : [];
    }),
  );
}

function callFunction(
  run: Run,
  { inputs: names, outputs, defaults, nodes, versions }: NetFunction,
  attributes: Attributes,
  inputs: readonly (Item | undefined)[],
  { level }: Scope,
): Item[] {
  if (level >= mostLevels)
    throw new FormatError({
      subject: "the functions of the file",
      problem: `call each other ${mostLevels} deep.`,
      fix: "a function of ONNX must not call itself.",
    });
  const items = new Map<string, Item>();
  names.forEach((name, i) => {
    const item = inputs[i];
    if (item !== undefined) items.set(name, item);
  });
  const scope: Scope = {
    ...{ items, outer: null, versions, level: level + 1 },
    attributes: new Map([...defaults, ...attributes]),
  };
  for (const node of nodes) runNode(run, node, scope);
  return outputs.map((name) => lookUp(scope, name)!);
}

function apply(
  run: Run,
  operator: Operator,
  node: GraphNode,
  attributes: Attributes,
  inputs: readonly (Item | undefined)[],
  scope: Scope,
): readonly (Item | undefined)[] {
  const around: Surroundings = {
    training: run.training,
    version: scope.versions.get(node.domain) ?? 1,
    randomKey: run.randomKey,
    runGraph: (graph, given) => {
      const inner: Scope = { ...scope, items: new Map(), outer: scope, level: scope.level + 1 };
      graph.inputs.forEach(({ name }, i) => {
        const item = given[i];
        if (item !== undefined) inner.items.set(name, item);
      });
      return runBody(run, graph, inner);
    },
    assign: (i, value) => {
      const found = run.variables.get(node.inputs[i] ?? "");
      if (found) found.variable.value = isTracing() ? value : withoutHistory(value);
    },
  };
  const call = new Call(node, attributes, inputs, around);
  return (
    folded(operator, call) ??
    list(operator.run(call)).map((x) => (x === undefined ? undefined : call.wrap(x)))
  );
}

/** The value alone, so that a loop does not retain the graphs of all its batches. */
function withoutHistory(x: Tensor): Tensor {
  const { node, shape } = x.evalSync();
  return new Tensor(dataNode(node.storage!, shape));
}

const list = <T>(x: T | readonly T[]): readonly T[] => (Array.isArray(x) ? x : [x as T]);

/** The result on host arrays, if all inputs are known and small. */
function folded(operator: Operator, call: Call): readonly Value[] | null {
  if (!operator.fold) return null;
  const hosts = call.inputs.map((x) => (x instanceof Value ? x.host : null));
  const isKnown = call.inputs.every((x, i) => x === undefined || hosts[i]);
  if (!isKnown || hosts.some((x) => x && x.data.length > mostFolded)) return null;
  const result = operator.fold(call, hosts as HostTensor[]);
  return result && list(result).map((host) => Value.of(host as HostTensor));
}
