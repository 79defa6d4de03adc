/** Bias and ReLU behind products and convolutions: which spellings the instruction takes over, with what values. */
import { conv, fromHost, normal, realizeSync, setEngine, type Tensor } from "gradus";
import { describe, expect, test } from "vitest";
import { compileGraph } from "../../src/compiler/compile-graph.ts";
import { collect, type Node } from "../../src/graph/index.ts";
import { evaluate } from "../../src/runtime/reference.ts";
import { expectClose } from "../support/compare.ts";
import { engines } from "../support/engines.ts";

const input = (shape: readonly number[], key: number) => fromHost(normal(shape, { key }).toHost());
const isGiven = (x: Node) => x.storage !== null;

/** What the only product or convolution of a program takes over. */
function taken(...outputs: Tensor[]): string {
  const nodes = outputs.map((y) => y.node);
  const leaves = collect(nodes, isGiven).filter(isGiven);
  const { instructions } = compileGraph(leaves, nodes);
  const found = instructions.filter((i) => i.kind === "matmul" || i.kind === "conv");
  expect(found).toHaveLength(1);
  const { bias, relu, epilogue } = found[0] as Extract<(typeof found)[0], { kind: "conv" }>;
  const rest = epilogue.expression.values.some(({ kind }) => kind === "op");
  return [bias && "bias", relu && "relu", rest && "expression"].filter(Boolean).join(" ");
}

const product = () => input([5, 7], 1).matmul(input([7, 6], 2));
const convolution = () => conv(input([4, 3, 8, 8], 3), input([6, 3, 3, 3], 4));
const row = () => input([6], 5);
const channel = () => input([6, 1, 1], 6);

const cases: Record<string, readonly [make: () => Tensor[], taken: string]> = {
  "a product": [() => [product()], ""],
  "a product with a bias": [() => [product().add(row())], "bias"],
  "a bias with a product": [() => [row().add(product())], "bias"],
  "a rectified product": [() => [product().relu()], "relu"],
  "a product with a bias, rectified": [() => [product().add(row()).relu()], "bias relu"],
  "and then scaled": [() => [product().add(row()).relu().mul(3)], "bias relu expression"],
  "a product with a number per row": [() => [product().add(input([5, 1], 7))], "expression"],
  "a product with a matrix": [() => [product().add(input([5, 6], 8))], "expression"],
  "a product with a constant": [() => [product().add(2).relu()], "expression"],
  "a product doubled": [
    () => {
      const y = product();
      return [y.add(y)];
    },
    "expression",
  ],
  "a leaky product": [() => [product().leakyRelu()], "expression"],
  "a clipped product, which keeps no −0": [() => [product().maximum(0)], "expression"],
  "a convolution with a bias, rectified": [
    () => [convolution().add(channel()).relu()],
    "bias relu",
  ],
  "a convolution with a row": [() => [convolution().add(row())], "expression"],
  "a product that is wanted before its bias, too": [
    () => {
      const y = product();
      return [y, y.add(row()).relu()];
    },
    "expression",
  ],
  "a sum that is wanted before its ReLU, too": [
    () => {
      const y = product().add(row());
      return [y, y.relu()];
    },
    "bias expression",
  ],
  "a ReLU whose mask is wanted, too": [
    () => {
      const y = product().add(row());
      return [y.relu(), y.lessEqual(0)];
    },
    "bias expression",
  ],
};

describe.each(Object.entries(cases))("%s", (_, [make, expected]) => {
  test(`is taken over as "${expected}"`, () => expect(taken(...make())).toBe(expected));

  test.each(engines)("%s has the values of the reference", (engine) => {
    setEngine(engine);
    const nodes = make().map((y) => y.node);
    const want = evaluate(nodes, (leaf) => leaf.storage!.read());
    realizeSync(nodes);
    for (const [i, node] of nodes.entries())
      expectClose(`result ${i}`, node.storage!.read(), want[i]!, 1e-5, 0.1);
  });
});
