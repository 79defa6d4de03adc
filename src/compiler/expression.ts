import { invariant } from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import { loweringOf } from "../ops/index.ts";
import type { Expression, Value } from "../runtime/program.ts";
import type { Location } from "./kernel.ts";

/**
 * Builds the expression of a kernel from graph nodes. Nodes for which `inside` holds become
 * operations, constants and indices become values, and everything else becomes a load.
 */
export class ExpressionBuilder {
  readonly values: Value[] = [];
  /** Where the inputs of the expression lie, in the order of their numbers. */
  readonly loads: Location[] = [];
  readonly #known = new Map<Node, number>();
  readonly #inside: ReadonlySet<Node>;
  readonly #locate: (node: Node) => Location;
  /** Numbers of inputs that the kernel does not load: the accumulated result is input 0. */
  readonly #firstInput: number;
  readonly #axis: (axis: number) => number;

  constructor(options: {
    inside: ReadonlySet<Node>;
    locate: (node: Node) => Location;
    /** The node whose freshly computed elements are input 0. */
    result?: Node;
    /** The axis of the kernel's shape that corresponds to an axis of the nodes. */
    axis?: (axis: number) => number;
  }) {
    this.#inside = options.inside;
    this.#locate = options.locate;
    this.#firstInput = options.result ? 1 : 0;
    this.#axis = options.axis ?? ((axis) => axis);
    if (options.result) {
      const { dtype } = options.result;
      this.#known.set(options.result, this.values.push({ kind: "input", dtype, input: 0 }) - 1);
    }
  }

  /** The number of the value for `node`. */
  value(node: Node): number {
    const known = this.#known.get(node);
    if (known !== undefined) return known;
    const number = this.values.push(this.#make(node)) - 1;
    this.#known.set(node, number);
    return number;
  }

  expression(results: readonly Node[]): Expression {
    const numbers = results.map((node) => this.value(node));
    return { values: this.values, results: numbers };
  }

  #make(node: Node): Value {
    const lower = loweringOf(node);
    const { dtype } = node;
    if (lower.kind === "constant")
      return { kind: "constant", dtype, value: node.attrs.value as number };
    if (lower.kind === "index")
      return { kind: "index", dtype: "int32", axis: this.#axis(node.attrs.axis as number) };
    if (this.#inside.has(node)) {
      invariant(lower.kind === "map", `${node.op.name} is not an instruction of an expression`);
      const args = node.inputs.map((x) => this.value(x));
      return { kind: "op", dtype, op: lower.opcode, args };
    }
    const location = this.#locate(node);
    const same = this.loads.findIndex(
      (l) =>
        l.buffer.root === location.buffer.root &&
        l.offset === location.offset &&
        l.strides.every((s, i) => s === location.strides[i]),
    );
    const input = same >= 0 ? same : this.loads.push(location) - 1;
    return { kind: "input", dtype, input: input + this.#firstInput };
  }
}
