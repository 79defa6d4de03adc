import { grad, stack, type Tensor, uniform } from "gradus";
import { describe, expect, test } from "vitest";
import { simplify } from "../../src/compiler/simplify.ts";
import { collect, type Node, printGraph } from "../../src/graph/index.ts";
import * as op from "../../src/ops/index.ts";

const names = (outputs: readonly Node[], inputs: readonly Node[]) =>
  collect(outputs, (x) => inputs.includes(x)).map((x) => x.op.name);

describe("simplify", () => {
  const x = op.placeholder([4, 3], "float32");

  test("constants fold, and neutral elements vanish", () => {
    const half = op.mul(op.constant(0.25, [4, 3], "float32"), 2);
    const y = op.add(op.mul(x, half), op.mul(op.constant(0, [4, 3], "float32"), 5));
    expect(printGraph(simplify([x], [y]))).toMatchInlineSnapshot(`
      "%0 = leaf shape=[4, 3] dtype=float32 : f32[4, 3]
      %1 = constant value=0.5 shape=[4, 3] dtype=float32 : f32[4, 3]
      %2 = mul %0 %1 : f32[4, 3]
      return %2"
    `);
  });

  test("equal nodes become one", () => {
    const y = op.add(op.exp(op.neg(x)), op.exp(op.neg(x)));
    expect(names(simplify([x], [y]), [x])).toEqual(["leaf", "neg", "exp", "add"]);
  });

  test("there and back is nothing", () => {
    const flipped = op.flip(op.flip(x, [1]), [1]);
    const turned = op.permute(op.permute(flipped, [1, 0]), [1, 0]);
    expect(simplify([x], [op.reshape(op.reshape(turned, [12]), [4, 3])])).toEqual([x]);
  });

  test("a transposed product is a product of transposes", () => {
    const w = op.placeholder([4, 5], "float32");
    const y = op.permute(op.matmul(op.transposeLast(x), w), [1, 0]);
    expect(names(simplify([x, w], [y]), [x, w])).toEqual(["leaf", "leaf", "permute", "matmul"]);
  });

  test("elementwise work joins the product before a reshape", () => {
    const w = op.placeholder([3, 4], "float32");
    const y = op.neg(op.reshape(op.matmul(x, w), [2, 2, 4]));
    const [result] = simplify([x, w], [y]);
    expect(result!.op.name).toBe("reshape");
    expect(result!.inputs[0]!.op.name).toBe("neg");
  });

  test("a mask follows what it hides to a shape of more axes, and only there", () => {
    const fine = op.placeholder([2, 2, 3], "float32");
    const hidden = (value: Node) => op.where(op.lessEqual(x, 0), 0, op.reshape(value, x.shape));
    const [y] = simplify([x, fine], [hidden(op.neg(fine))]);
    expect(y!.op.name).toBe("reshape");
    expect(y!.inputs[0]!.op.name).toBe("where");
    const flat = op.placeholder([12], "float32");
    expect(simplify([x, flat], [hidden(op.neg(flat))])[0]!.op.name).toBe("where");
  });

  test("the gradient of all slices is written once", () => {
    const f = (t: Tensor) =>
      stack([0, 1, 2, 3].map((i) => t.slice(i).mul(i + 1)))
        .square()
        .sum();
    const leaf = uniform([4, 3], { key: 1 }).evalSync();
    const g = grad(f)(leaf);
    const ops = names(simplify([leaf.node], [g.node]), [leaf.node]);
    expect(ops.filter((name) => name === "assemble")).toHaveLength(1);
    expect(ops).not.toContain("pad");
  });

  test("thin products that are added become one", () => {
    const thin = (shape: number[]) => op.placeholder(shape, "float32");
    const inputs = [1, 2, 3].flatMap(() => [thin([2, 8]), thin([2, 9])]);
    const product = (i: number) => op.matmul(op.transposeLast(inputs[2 * i]!), inputs[2 * i + 1]!);
    const [y] = simplify(inputs, [op.add(op.add(product(0), product(1)), product(2))]);
    expect(y!.op.name).toBe("matmul");
    expect(y!.inputs[0]!.shape).toEqual([8, 6]);
    const thick = [thin([8, 9]), thin([9, 8]), thin([8, 9]), thin([9, 8])];
    const [a, b, c, d] = thick as [Node, Node, Node, Node];
    expect(names(simplify(thick, [op.add(op.matmul(a, b), op.matmul(c, d))]), thick)).toContain(
      "add",
    );
  });

  test("overlapping pads stay sums", () => {
    const a = op.pad(op.placeholder([2], "float32"), { low: [0], high: [1] });
    const b = op.pad(op.placeholder([2], "float32"), { low: [1], high: [0] });
    const inputs = [a.inputs[0]!, b.inputs[0]!];
    expect(names(simplify(inputs, [op.add(a, b)]), inputs)).toContain("add");
  });
});
