import { expect, test } from "vitest";
import {
  compile,
  concat,
  conv,
  fromHost,
  grad,
  setEngine,
  stack,
  type Tensor,
  tensor,
  where,
  zeros,
} from "../../src/tensor/index.ts";

setEngine("reference");

/** The message, with the path up to test/ cut and the line replaced by what stands there. */
function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message.replace(/in \S*?(test\/\S+?\.ts):\d+/, "in $1:LINE");
  }
  return "no error";
}
const lineOf = (run: () => unknown): number => {
  try {
    run();
  } catch (error) {
    return Number(/errors\.test\.ts:(\d+)/.exec((error as Error).message)?.[1]);
  }
  return -1;
};

test("an error names the subject, both values, the user's line and the fix", () => {
  expect(messageOf(() => zeros([32, 784]).matmul(zeros([512, 10])))).toMatchInlineSnapshot(`
    "matmul: inner sizes differ, [32, 784] × [512, 10] (784 ≠ 512).
      in test/tensor/errors.test.ts:LINE
      fix: the last axis of the left side must be the second last of the right one."
  `);
  expect(messageOf(() => tensor([1, 2]).add(zeros([3])))).toMatchInlineSnapshot(`
    "add: shapes do not broadcast, [2] with [3] (2 ≠ 3 on axis -1).
      in test/tensor/errors.test.ts:LINE
      fix: sizes must be equal or 1, aligned at the last axis; reshape one side."
  `);
  expect(messageOf(() => zeros([2]).item())).toMatchInlineSnapshot(`
    "item: needs one element, [2] has 2.
      in test/tensor/errors.test.ts:LINE
      fix: reduce the tensor first, or use toArray()."
  `);
  expect(messageOf(() => conv(zeros([1, 3, 4, 4]), zeros([8, 3, 5, 5])))).toMatchInlineSnapshot(`
    "conv2d: a window of [5, 5] does not fit into input [4, 4] with padding [0, 0], [0, 0] (output size ⌊(n + 2p − d(f − 1) − 1)/s⌋ + 1 < 1).
      in test/tensor/errors.test.ts:LINE
      fix: use a smaller window, padding of 1 more in all, or fewer poolings and strides before."
  `);
  expect(messageOf(() => grad((x: Tensor) => x)(tensor([1, 2])))).toMatchInlineSnapshot(`
    "grad: the function must return a float scalar, got float32[2].
      in test/tensor/errors.test.ts:LINE
      fix: sum or average its result."
  `);
  expect(
    messageOf(() => grad((x: Tensor) => x.sum())(tensor([1], "int32"))),
  ).toMatchInlineSnapshot(`
    "grad: cannot differentiate with respect to an argument of dtype int32.
      in test/tensor/errors.test.ts:LINE
      fix: cast it to a float dtype, or pass it as a later argument."
  `);
  expect(messageOf(() => compile((x: Tensor) => x.item()).sync(tensor(1)))).toMatchInlineSnapshot(`
    "tensor: its value is not known while a function is being traced.
      in test/tensor/errors.test.ts:LINE
      fix: return it from the compiled function and read it there."
  `);
  expect(messageOf(() => tensor([1, 2]).reshape([3]))).toMatchInlineSnapshot(`
    "reshape: [2] has 2 elements, [3] needs 3.
      in test/tensor/errors.test.ts:LINE
      fix: give a shape with as many elements."
  `);
  expect(messageOf(() => where(tensor([1]), 1, 2))).toMatchInlineSnapshot(`
    "where: takes bool, not float32.
      in test/tensor/errors.test.ts:LINE
      fix: cast it: x.cast("bool")."
  `);
});

test("the line is the user's, also from deep inside the library", () => {
  const here = Number(/errors\.test\.ts:(\d+)/.exec(new Error().stack!)![1]);
  expect(lineOf(() => tensor([1, 2]).add(zeros([3])))).toBe(here + 1);
  const inner = (x: Tensor) => x.add(zeros([3])).sum(); // here + 2
  expect(lineOf(() => grad(grad(grad(inner)))(tensor([1, 2])))).toBe(here + 2);
  expect(lineOf(() => compile(compile(compile(inner).sync).sync).sync(tensor([1, 2])))).toBe(
    here + 2,
  );
});

test("no tensors to join, and values that do not fill a shape", () => {
  for (const join of [concat, stack])
    expect(() => join([])).toThrow(`${join.name}: there are no tensors`);
  const three = { dtype: "float32", shape: [3], data: new Float32Array(2) } as const;
  expect(() => fromHost(three)).toThrow(/fromHost: 2 values do not fill shape \[3\]/);
});
