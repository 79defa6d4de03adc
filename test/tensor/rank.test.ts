import { expect, expectTypeOf, test } from "vitest";
import {
  arange,
  bernoulli,
  compile,
  eye,
  full,
  grad,
  linspace,
  type NestedArray,
  normal,
  type Tensor,
  tensor,
  uniform,
  zeros,
  zerosLike,
} from "../../src/tensor/index.ts";

/** Types are checked by tsc, with all of the tests; what runs here is that the values are so, too. */
test("toArray is typed by the rank of literals and shapes", () => {
  expectTypeOf(tensor(1).toArray()).toEqualTypeOf<number>();
  expectTypeOf(tensor([1, 2]).toArray()).toEqualTypeOf<number[]>();
  expectTypeOf(tensor([[1], [2]]).toArray()).toEqualTypeOf<number[][]>();
  expectTypeOf(tensor([[[1]]], "int32").toArray()).toEqualTypeOf<number[][][]>();
  expectTypeOf(tensor([[true]]).toArray()).toEqualTypeOf<number[][]>();
  expectTypeOf(tensor([]).toArray()).toEqualTypeOf<number[]>();
  expectTypeOf(tensor(Float64Array.of(1)).toArray()).toEqualTypeOf<number[]>();
  expectTypeOf(tensor([Uint8Array.of(1)]).toArray()).toEqualTypeOf<number[][]>();
  expectTypeOf(zeros([]).toArray()).toEqualTypeOf<number>();
  expectTypeOf(zeros([2, 3]).toArray()).toEqualTypeOf<number[][]>();
  expectTypeOf(full([1, 1, 1, 1], 2).toArray()).toEqualTypeOf<number[][][][]>();
  expectTypeOf(uniform([2], { key: 1 }).toArray()).toEqualTypeOf<number[]>();
  expectTypeOf(normal([2, 2], { key: 1 }).toArray()).toEqualTypeOf<number[][]>();
  expectTypeOf(bernoulli(0.5, [2], { key: 1 }).toArray()).toEqualTypeOf<number[]>();
  expectTypeOf(eye(2).toArray()).toEqualTypeOf<number[][]>();
  expectTypeOf(arange(3).toArray()).toEqualTypeOf<number[]>();
  expectTypeOf(linspace(0, 1, 3).toArray()).toEqualTypeOf<number[]>();
  const rows = tensor([[1, 2]]).toArray();
  expect(rows[0]![1]).toBe(2);
});

test("and of what keeps it, broadcasts or reshapes", () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  expectTypeOf(x.neg().exp().cast("float64").toArray()).toEqualTypeOf<number[][]>();
  expectTypeOf(x.add(1).mul(x).toArray()).toEqualTypeOf<number[][]>();
  expectTypeOf(x.add(tensor(1)).toArray()).toEqualTypeOf<number[][]>();
  expectTypeOf(tensor(1).less(x).toArray()).toEqualTypeOf<number[][]>();
  expectTypeOf(x.add(tensor([1, 2])).toArray()).toEqualTypeOf<NestedArray>();
  expectTypeOf(x.reshape([4]).toArray()).toEqualTypeOf<number[]>();
  expectTypeOf(x.reshape([1, 2, -1]).toArray()).toEqualTypeOf<number[][][]>();
  expectTypeOf(x.softmax(0).transpose().toArray()).toEqualTypeOf<number[][]>();
  expectTypeOf(zerosLike(x).toArray()).toEqualTypeOf<number[][]>();
  expectTypeOf(grad((y: typeof x) => y.square().sum())(x).toArray()).toEqualTypeOf<number[][]>();
  const f = compile((y: Tensor<2>) => y.add(1));
  expectTypeOf(f.sync(x).toArray()).toEqualTypeOf<number[][]>();
});

test("where it is not known, it is any nesting, and goes anywhere", () => {
  const shape: number[] = [2, 2];
  expectTypeOf(zeros(shape).toArray()).toEqualTypeOf<NestedArray>();
  const values: NestedArray = [1, 2];
  expectTypeOf(tensor(values).toArray()).toEqualTypeOf<NestedArray>();
  expectTypeOf(eye(2).matmul(eye(2)).toArray()).toEqualTypeOf<NestedArray>();
  expectTypeOf(eye(2).sum(0).toArray()).toEqualTypeOf<NestedArray>();
  let x = tensor([[1, 2]]);
  x = x.matmul(eye(2)); // assigned again, as in a loop over layers
  const plain: Tensor = x;
  const known: Tensor<2> = plain;
  expect(known.toArray()).toEqual([[1, 2]]);
  // @ts-expect-error: a matrix is no vector
  const vector: Tensor<1> = eye(2);
  expect(vector.rank).toBe(2);
});
