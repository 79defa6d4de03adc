/** An imported net as a module. */
import { ConfigError, DTypeError, nearest } from "../base/index.ts";
import { Module } from "../nn/module.ts";
import { Parameter } from "../nn/parameter.ts";
import { Generator, isTensor, type RandomKey, Tensor, Variable } from "../tensor/index.ts";
import { type HostTensor, isWide } from "./host.ts";
import { type Net, type Run, runNet } from "./interpreter.ts";
import type { GraphNode } from "./ir.ts";
import { denseLayers } from "./layers.ts";
import { checkFits, type Signature } from "./signature.ts";
import { type ElementType, infoOf } from "./types.ts";
import { type Item, Sequence, Value } from "./value.ts";

/** An array of a type that no tensor has: text, integers of 64 bits. Tensors take integers as int32. */
export type OnnxArray = HostTensor;
/** What a net takes: tensors, arrays of other types, sequences, and null for an optional without value. */
export type OnnxInput = Tensor | OnnxArray | readonly OnnxInput[] | null;

type Held = Map<string, { readonly variable: Variable; readonly type: ElementType }>;

/** What becomes of an initializer. */
export type Role = "parameter" | "statistic" | "constant";

/**
 * A net from an ONNX file. It computes with tensor operations, so it is traced, compiled and
 * differentiated like any module. Weights are parameters under their names in the file, with dots in
 * place of slashes; single numbers and settings such as bounds of a clip stay constants, and the
 * running statistics of batch normalisations are state.
 *
 * It begins in evaluation mode, as files do. After `train()`, batch normalisations use the statistics
 * of the batch, and dropouts drop.
 */
export class OnnxModule extends Module<Tensor[], Tensor> {
  /** What the net takes: names, dtypes, and shapes with names for sizes that are open. */
  readonly inputs: readonly Signature[];
  readonly outputs: readonly Signature[];
  /** Notes of the file, such as its classes. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly #net: Net;
  /** Dense layers, by the names of the fields that hold them: a field may be given another layer. */
  readonly #layers: Map<
    GraphNode,
    { readonly input: string; readonly forward: (x: Tensor) => Tensor }
  > = new Map();
  readonly #held: Held = new Map();
  readonly #constants = new Map<HostTensor, Value>();

  constructor(
    net: Net,
    roleOf: (name: string, value: HostTensor) => Role,
    metadata: Readonly<Record<string, string>>,
  ) {
    super();
    this.inputs = net.graph.inputs;
    this.outputs = net.graph.outputs;
    this.metadata = metadata;
    this.training = false;
    for (const key of ["inputs", "outputs", "metadata"])
      Object.defineProperty(this, key, { enumerable: false });
    const constants = new Map(net.graph.constants);
    const products = this.#holdLayers(net, constants);
    for (const [name, host] of constants) {
      const role = roleOf(name, host);
      if (role === "constant") continue;
      const { tensor } = Value.of(host);
      const variable = role === "parameter" ? new Parameter(tensor) : new Variable(tensor);
      this.#held.set(name, { variable, type: host.type });
      this.#hold(name, variable);
      constants.delete(name); // the variable has the memory now
    }
    const nodes = net.graph.nodes.filter((node) => !products.has(node));
    this.#net = { ...net, graph: { ...net.graph, nodes, constants } };
  }

  /** Takes dense layers out of the graph. @returns the nodes that they make superfluous. */
  #holdLayers(net: Net, constants: Map<string, HostTensor>): Set<GraphNode> {
    const products = new Set<GraphNode>();
    for (const { node, input, weight, bias, linear, product } of denseLayers(net)) {
      const path = this.#hold(/^(.*)[./]weight$/.exec(weight)?.[1] ?? node.name, linear);
      const fields = this as unknown as Record<string, Module>;
      this.#layers.set(node, { input, forward: (x) => fields[path]!.forward(x) });
      for (const name of [weight, bias]) if (name !== null) constants.delete(name);
      if (product) products.add(product);
    }
    return products;
  }

  /** Keeps a part in a field of its own, which gives it its path. */
  #hold(name: string, part: Variable | Generator | Module): string {
    let path = name.replace(/^[/.]+/, "").replaceAll(/\/|::/g, ".") || "weight";
    while (path in this) path += "_";
    Object.defineProperty(this, path, { value: part, enumerable: true, writable: true });
    return path;
  }

  /** Tensors in the order of {@link inputs} → the only output. @throws {ConfigError} if there are several. */
  forward(...tensors: Tensor[]): Tensor {
    if (this.outputs.length !== 1)
      throw new ConfigError({
        subject: this.toString(),
        problem: `has ${this.outputs.length} outputs: ${this.outputs.map(({ name }) => name).join(", ")}.`,
        fix: "call run, which gives them by name.",
      });
    if (tensors.length !== this.inputs.length)
      throw new ConfigError({
        subject: this.toString(),
        problem: `got ${tensors.length} inputs, and takes ${this.inputs.length}: ${this.inputs.map(({ name }) => name).join(", ")}.`,
        fix: "give one tensor for each, in this order.",
      });
    const named = Object.fromEntries(this.inputs.map(({ name }, i) => [name, tensors[i]!]));
    const y = Object.values(this.run(named))[0];
    if (isTensor(y)) return y;
    throw new ConfigError({
      subject: this.toString(),
      problem: `its output "${this.outputs[0]!.name}" is no tensor.`,
      fix: "call run, which gives whatever it is.",
    });
  }

  /**
   * The outputs by name, for inputs by name. Integers of all widths are int32, and float16 is float32;
   * what no tensor holds is an array of its type, and a sequence an array of its items.
   *
   * @throws {ConfigError} for names that are missing or unknown. @throws {DTypeError} and
   * ShapeError for tensors that do not fit.
   */
  run(inputs: Readonly<Record<string, OnnxInput>>): Record<string, OnnxInput> {
    const items = this.#itemsOf(inputs);
    const run: Run = {
      ...{ net: this.#net, training: this.training, variables: this.#held },
      ...{ constants: this.#constants, layers: this.#layers },
      randomKey: () => this.#randomKey(),
    };
    const outputs = runNet(run, items);
    return Object.fromEntries(this.outputs.map(({ name }, i) => [name, outputOf(outputs[i]!)]));
  }

  #itemsOf(inputs: Readonly<Record<string, OnnxInput>>): Map<string, Item> {
    const names = this.inputs.map(({ name }) => name);
    const unknown = Object.keys(inputs).find((name) => !names.includes(name));
    const missing = names.find((name) => inputs[name] === undefined);
    if (unknown !== undefined || missing !== undefined) {
      const near = nearest(unknown ?? "", names);
      throw new ConfigError({
        subject: this.toString(),
        problem:
          unknown === undefined
            ? `the input "${missing}" is missing.`
            : `there is no input "${unknown}".`,
        fix: near ? `did you mean "${near}"?` : `the inputs are ${names.join(", ")}.`,
      });
    }
    const sizes = new Map<string, number>();
    return new Map(
      this.inputs.map((signature) => [
        signature.name,
        itemOf(inputs[signature.name]!, signature, sizes, () => this.#isWidened()),
      ]),
    );
  }

  /** Whether the weights are bound to float64, as where a surface of the loss is computed. */
  #isWidened(): boolean {
    return Object.values(this.parameters()).some((p) => p.value.dtype !== p.dtype);
  }

  #random: Generator | null = null;
  #randomKey(): RandomKey {
    if (!this.#random) {
      this.#random = new Generator(0);
      this.#hold("random", this.#random);
    }
    return this.#random.next();
  }

  override toString(): string {
    return `OnnxModule ${this.#net.file}`;
  }
}

/** @param isWidened whether the weights read as float64 now, so that float64 inputs belong to them. */
function itemOf(
  given: OnnxInput,
  signature: Signature,
  sizes: Map<string, number>,
  isWidened: () => boolean,
): Item {
  if (given === null) return null;
  if (Array.isArray(given)) {
    const open = { ...signature, shape: null, elementType: null, dtype: null };
    return new Sequence(given.map((x: OnnxInput) => itemOf(x, open, sizes, isWidened)));
  }
  const x = given as Tensor | OnnxArray;
  checkFits(signature, x.shape, sizes);
  if (!(x instanceof Tensor)) return Value.of(x);
  if (signature.dtype === null || signature.dtype === x.dtype)
    return Value.ofTensor(signature.elementType ?? x.dtype, x);
  if (signature.dtype === "float32" && x.dtype === "float64" && isWidened())
    return Value.ofTensor("float64", x);
  throw new DTypeError({
    subject: `the input "${signature.name}"`,
    problem: `is ${x.dtype}, and the net takes ${signature.elementType}, which is ${signature.dtype} here.`,
    fix: `cast it: x.cast("${signature.dtype}").`,
  });
}

/** A tensor wherever one holds the values. */
function outputOf(item: Item): OnnxInput {
  if (item === null) return null;
  if (item instanceof Sequence) return item.items.map(outputOf);
  const { host } = item;
  if (!host) return item.tensor;
  const isHeld = infoOf(item.type).dtype !== null && !(isWide(item.type) || item.type === "uint32");
  const fits = () => (host.data as BigInt64Array).every((x) => x >= -(2 ** 31) && x < 2 ** 31);
  return isHeld || (item.type !== "string" && fits()) ? item.tensor : host;
}
