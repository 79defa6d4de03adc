import { describe, expect, test } from "vitest";
import { DataError, DTypeError, ShapeError } from "../../src/base/index.ts";
import {
  arange,
  avgPool,
  bernoulli,
  concat,
  conv,
  eye,
  full,
  grad,
  linspace,
  maxPool,
  maxPoolWithIndices,
  normal,
  oneHot,
  scatterAdd,
  setEngine,
  stack,
  type Tensor,
  tensor,
  topK,
  uniform,
  where,
  zeros,
} from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";

const f64 = (values: Parameters<typeof tensor>[0]) => tensor(values, "float64");
const i32 = (values: Parameters<typeof tensor>[0]) => tensor(values, "int32");
const counting = (...shape: number[]) => arange(shape.reduce((n, d) => n * d, 1)).reshape(shape);

for (const engine of engines)
  describe(engine, () => {
    const on = (name: string, run: () => void) =>
      test(name, () => {
        setEngine(engine);
        run();
      });

    describe("broadcasting, as in NumPy", () => {
      on("sizes of 1 stretch and missing axes appear", () => {
        const column = i32([[10], [20]]);
        expect(column.add(i32([1, 2, 3])).toArray()).toEqual([
          [11, 12, 13],
          [21, 22, 23],
        ]);
        expect(i32(5).add(column).toArray()).toEqual([[15], [25]]);
        expect(zeros([4, 1, 3]).add(zeros([2, 1])).shape).toEqual([4, 2, 3]);
        expect(zeros([2, 1]).add(zeros([0])).shape).toEqual([2, 0]);
        expect(zeros([1]).add(zeros([])).shape).toEqual([1]);
        expect(i32([1, 2]).broadcastTo([2, 2]).toArray()).toEqual([
          [1, 2],
          [1, 2],
        ]);
      });
      on("other sizes are an error with both shapes", () => {
        expect(() => zeros([2, 3]).add(zeros([2]))).toThrow(ShapeError);
        expect(() => zeros([2, 3]).add(zeros([2]))).toThrow(
          "add: shapes do not broadcast, [2, 3] with [2] (3 ≠ 2 on axis -1).",
        );
        expect(() => zeros([2]).broadcastTo([1])).toThrow("[2] does not stretch to [1]");
        expect(() => zeros([3]).add(zeros([0]))).toThrow(ShapeError);
      });
    });

    describe("promotion", () => {
      const dtypes = ["bool", "int32", "float32", "float64"] as const;
      on("arrays meet in the wider dtype", () => {
        for (const [i, a] of dtypes.entries())
          for (const [j, b] of dtypes.entries()) {
            if (i + j === 0) continue;
            const wide = dtypes[Math.max(i, j)];
            const [x, y] = [zeros([2], { dtype: a }), zeros([2], { dtype: b })];
            expect(x.add(y).dtype).toBe(wide);
            expect(x.maximum(y).dtype).toBe(wide);
            expect(where(tensor([1, 0], "bool"), x, y).dtype).toBe(wide);
          }
      });
      on("scalar tensors do not widen float arrays; numbers never change a float", () => {
        expect(zeros([2]).add(f64(1)).dtype).toBe("float32");
        expect(f64(1).add(zeros([2])).dtype).toBe("float32");
        expect(zeros([2], { dtype: "float64" }).add(tensor(1)).dtype).toBe("float64");
        expect(tensor(1).add(f64(1)).dtype).toBe("float64");
        expect(i32([1]).add(f64(1)).dtype).toBe("float64");
        expect(zeros([2]).mul(1e300).dtype).toBe("float32");
        expect(f64([1]).mul(0.1).item()).toBe(0.1);
        expect(i32([1]).add(2).dtype).toBe("int32");
        expect(i32([1]).add(0.5).dtype).toBe("float32");
        expect(tensor([1], "bool").add(1).dtype).toBe("int32");
      });
      on(
        "functions of real numbers make floats of integers; what has no meaning is an error",
        () => {
          expect(i32([1, 4]).sqrt().toArray()).toEqual([1, 2]);
          expect(
            i32([1, 2])
              .div(i32([2, 4]))
              .toArray(),
          ).toEqual([0.5, 0.5]);
          expect(tensor([1, 1], "bool").sum().item()).toBe(2);
          // @ts-expect-error: not a dtype
          expect(() => tensor([1], "flaot64")).toThrow('did you mean "float64"?');
        },
      );
    });

    describe("slicing", () => {
      const x = () => counting(3, 4); // 0…11
      on("takes indices, ranges, steps and negative steps", () => {
        expect(x().slice(1).toArray()).toEqual([4, 5, 6, 7]);
        expect(x().slice(-1, -2).item()).toBe(10);
        expect(x().slice(null, 2).toArray()).toEqual([2, 6, 10]);
        expect(x().slice([0, 2], [1, 3]).toArray()).toEqual([
          [1, 2],
          [5, 6],
        ]);
        expect(x().slice(0, [null, null, 2]).toArray()).toEqual([0, 2]);
        expect(x().slice(0, [null, null, -1]).toArray()).toEqual([3, 2, 1, 0]);
        expect(x().slice(0, [null, null, -3]).toArray()).toEqual([3, 0]);
        expect(x().slice(0, [2, 0, -1]).toArray()).toEqual([2, 1]);
        expect(x().slice(0, [-2, -5, -1]).toArray()).toEqual([2, 1, 0]);
        expect(x().slice([2, null, -2], [3, 0, -2]).toArray()).toEqual([
          [11, 9],
          [3, 1],
        ]);
        expect(x().slice(0, [1, 100]).toArray()).toEqual([1, 2, 3]);
        expect(x().slice(0, [100, null, -2]).toArray()).toEqual([3, 1]);
        expect(x().slice(0, [3, 1]).shape).toEqual([0]);
        expect(x().slice(0, [0, 3, -1]).shape).toEqual([0]);
        expect(zeros([0]).slice([null, null, -1]).shape).toEqual([0]);
      });
      on("is what Array.prototype.slice gives, for any bounds", () => {
        const all = [0, 1, 2, 3, 4];
        const t = arange(5);
        for (let a = -7; a <= 7; a++)
          for (let b = -7; b <= 7; b++) {
            expect(t.slice([a, b]).toArray()).toEqual(all.slice(a, b));
            // backwards: the elements of a > i > b, from the end
            const from = a < 0 ? a + 5 : a;
            const to = b < 0 ? b + 5 : b;
            const down = all.filter((i) => i <= from && i > to).reverse();
            expect(t.slice([a, b, -1]).toArray()).toEqual(down);
          }
      });
      on("what is not there is an error", () => {
        expect(() => x().slice(3)).toThrow("slice: index 3 is outside axis 0 of size 3.");
        expect(() => x().slice(0, -5)).toThrow("use -4 … 3.");
        expect(() => x().slice(0, 0, 0)).toThrow("3 ranges for 2 axes of [3, 4]");
        expect(() => x().slice([0, 2, 0])).toThrow("step other than 0");
        expect(() => x().slice([0.5, 2])).toThrow(ShapeError);
        expect(() => x().slice(0.5)).toThrow(ShapeError);
      });
    });

    describe("shape", () => {
      on("reshape infers one size, and moves nothing", () => {
        expect(counting(2, 6).reshape([-1, 4]).toArray()).toEqual(counting(3, 4).toArray());
        expect(counting(2, 3).transpose().reshape([6]).toArray()).toEqual([0, 3, 1, 4, 2, 5]);
        expect(() => counting(5).reshape([2, -1])).toThrow(ShapeError);
        expect(() => counting(5).reshape([2, 3])).toThrow("[5] has 5 elements, [2, 3] needs 6");
      });
      on("transpose, squeeze, unsqueeze, flatten, flip, pad", () => {
        expect(counting(2, 3).transpose().toArray()).toEqual([
          [0, 3],
          [1, 4],
          [2, 5],
        ]);
        expect(counting(2, 3, 4).transpose([-1, 0, 1]).shape).toEqual([4, 2, 3]);
        expect(() => counting(2, 3).transpose([0, 0])).toThrow(ShapeError);
        expect(() => counting(2, 3).transpose([0, 2])).toThrow(
          "axis 2 does not exist in 2 dimensions",
        );
        expect(counting(2, 1).squeeze(1).shape).toEqual([2]);
        expect(() => counting(2, 1).squeeze(0)).toThrow(ShapeError);
        expect(counting(2).unsqueeze(-1).shape).toEqual([2, 1]);
        expect(counting(2, 3, 4).flatten({ startAxis: 1 }).shape).toEqual([2, 12]);
        expect(tensor(1).flatten().shape).toEqual([1]);
        expect(counting(2, 2).flip([0, 1]).toArray()).toEqual([
          [3, 2],
          [1, 0],
        ]);
        expect(
          counting(2)
            .pad([[1, 2]], 9)
            .toArray(),
        ).toEqual([9, 0, 1, 9, 9]);
        expect(() => counting(2).pad([[1, -1]])).toThrow(ShapeError);
        expect(concat([counting(1, 2), counting(2, 2)]).toArray()).toEqual([
          [0, 1],
          [0, 1],
          [2, 3],
        ]);
        expect(concat([counting(2, 1), counting(2, 1)], { axis: -1 }).toArray()).toEqual([
          [0, 0],
          [1, 1],
        ]);
        expect(stack([counting(2), counting(2)], { axis: 1 }).toArray()).toEqual([
          [0, 0],
          [1, 1],
        ]);
      });
      on("makes tensors of nested arrays and typed arrays, and back", () => {
        expect(
          tensor([
            [1, 2],
            [3, 4],
          ]).toArray(),
        ).toEqual([
          [1, 2],
          [3, 4],
        ]);
        expect(tensor([]).shape).toEqual([0]);
        expect(tensor([[], []]).shape).toEqual([2, 0]);
        expect(tensor([[], []]).toArray()).toEqual([[], []]);
        expect(() => tensor([[1, 2], [3]])).toThrow(DataError);
        expect(() => tensor([[1], 2])).toThrow(
          "rows differ: expected [1] on level 1, got 2 at [1].",
        );
        expect(() => tensor([1, [2]])).toThrow(DataError);
        const array = Float64Array.of(1, 2);
        const copied = tensor(array);
        array[0] = 9;
        expect([copied.dtype, copied.toArray()]).toEqual(["float64", [1, 2]]);
        expect(tensor(Int32Array.of(1), "float32").dtype).toBe("float32");
        copied.dataSync()[0] = 7;
        expect(copied.toArray()).toEqual([1, 2]);
        expect(() => tensor([1, 2]).item()).toThrow("needs one element, [2] has 2");
        expect(arange(2, 11, 3).toArray()).toEqual([2, 5, 8]);
        expect(arange(3, 0, -1).toArray()).toEqual([3, 2, 1]);
        expect(linspace(0, 1, 5).toArray()).toEqual([0, 0.25, 0.5, 0.75, 1]);
        expect(linspace(2, 3, 1).toArray()).toEqual([2]);
        expect(eye(2).toArray()).toEqual([
          [1, 0],
          [0, 1],
        ]);
        expect(() => zeros([-1])).toThrow("[-1] is not a shape");
        expect(() => zeros([1.5])).toThrow(ShapeError);
      });
    });

    describe("matmul", () => {
      on("vectors are rows on the left and columns on the right; leading axes broadcast", () => {
        const shape = (a: number[], b: number[]) => zeros(a).matmul(zeros(b)).shape;
        expect(shape([3], [3])).toEqual([]);
        expect(shape([2, 3], [3])).toEqual([2]);
        expect(shape([3], [3, 4])).toEqual([4]);
        expect(shape([5, 2, 3], [3])).toEqual([5, 2]);
        expect(shape([3], [5, 3, 4])).toEqual([5, 4]);
        expect(shape([2, 3], [3, 4])).toEqual([2, 4]);
        expect(shape([5, 2, 3], [3, 4])).toEqual([5, 2, 4]);
        expect(shape([2, 3], [5, 3, 4])).toEqual([5, 2, 4]);
        expect(shape([7, 1, 2, 3], [5, 3, 4])).toEqual([7, 5, 2, 4]);
        expect(shape([0, 3], [3, 2])).toEqual([0, 2]);
        expect(shape([0, 2, 3], [3, 4])).toEqual([0, 2, 4]);
      });
      on("computes", () => {
        const a = i32([
          [1, 2],
          [3, 4],
        ]);
        expect(
          a
            .matmul(
              i32([
                [5, 6],
                [7, 8],
              ]),
            )
            .toArray(),
        ).toEqual([
          [19, 22],
          [43, 50],
        ]);
        expect(
          i32([1, 2])
            .matmul(i32([3, 4]))
            .item(),
        ).toBe(11);
        expect(i32([1, 2]).matmul(a).toArray()).toEqual([7, 10]);
        expect(a.matmul(i32([1, 2])).toArray()).toEqual([5, 11]);
        expect(
          stack([a, a.mul(2)])
            .matmul(i32([1, 1]))
            .toArray(),
        ).toEqual([
          [3, 7],
          [6, 14],
        ]);
        expect(
          stack([a, a])
            .matmul(stack([a, a.transpose()]))
            .slice(1)
            .toArray(),
        ).toEqual([
          [5, 11],
          [11, 25],
        ]);
        expect(
          zeros([2, 0])
            .matmul(zeros([0, 1]))
            .toArray(),
        ).toEqual([[0], [0]]);
        expect(i32([[1]]).matmul(f64([[0.5]])).dtype).toBe("float64");
        expect(
          tensor([[1, 0]], "bool")
            .matmul(i32([[2], [3]]))
            .toArray(),
        ).toEqual([[2]]);
      });
      on("sizes that do not fit are named", () => {
        expect(() => zeros([32, 784]).matmul(zeros([512, 10]))).toThrow(
          "matmul: inner sizes differ, [32, 784] × [512, 10] (784 ≠ 512).",
        );
        expect(() => zeros([2, 2, 3]).matmul(zeros([3, 3, 4]))).toThrow(ShapeError);
        expect(() => tensor(1).matmul(zeros([1]))).toThrow("use mul for a scalar");
      });
    });

    describe("reductions", () => {
      const x = () => counting(2, 3).cast("float32");
      on("over one axis, several, all; with axes kept", () => {
        expect(x().sum().item()).toBe(15);
        expect(x().sum({ axis: 0 }).toArray()).toEqual([3, 5, 7]);
        expect(x().sum({ axis: -1, keepDims: true }).toArray()).toEqual([[3], [12]]);
        expect(
          x()
            .sum({ axis: [0, 1], keepDims: true })
            .toArray(),
        ).toEqual([[15]]);
        expect(x().sum({ axis: [] }).toArray()).toEqual(x().toArray());
        expect(x().mean({ axis: 1 }).toArray()).toEqual([1, 4]);
        expect(
          x()
            .max({ axis: [1, 0] })
            .item(),
        ).toBe(5);
        expect(x().min({ axis: 0, keepDims: true }).shape).toEqual([1, 3]);
        expect(x().add(1).prod().item()).toBe(720);
        expect(x().add(1).prod({ axis: 0 }).toArray()).toEqual([4, 10, 18]);
        expect(x().prod({ axis: 1, keepDims: true }).toArray()).toEqual([[0], [60]]);
        expect(f64([1, 2, 3, 4]).variance().item()).toBe(1.25);
        expect(f64([1, 2, 3, 4]).variance({ correction: 1 }).item()).toBeCloseTo(5 / 3, 15);
        expect(
          f64([1e9, 1e9 + 1, 1e9 + 2])
            .variance()
            .item(),
        ).toBeCloseTo(2 / 3, 12);
        expect(f64([2, 4]).std({ axis: 0, keepDims: true }).toArray()).toEqual([1]);
        expect(() => x().sum({ axis: 2 })).toThrow("axis 2 does not exist in 2 dimensions");
        expect(() => x().sum({ axis: [0, -2] })).toThrow("axis given twice");
        expect(
          tensor(
            [
              [1, 0],
              [1, 1],
            ],
            "bool",
          )
            .all({ axis: 1 })
            .toArray(),
        ).toEqual([0, 1]);
        expect(
          tensor(
            [
              [0, 0],
              [1, 0],
            ],
            "bool",
          )
            .any({ axis: 1, keepDims: true })
            .toArray(),
        ).toEqual([[0], [1]]);
      });
      on("argmax takes the first of equals, over one axis or all", () => {
        const t = tensor([
          [1, 5, 5],
          [7, 7, 0],
        ]);
        expect(t.argmax({ axis: 1 }).toArray()).toEqual([1, 0]);
        expect(t.argmax({ axis: 0 }).toArray()).toEqual([1, 1, 0]);
        expect(t.argmax().item()).toBe(3);
        expect(t.argmin().item()).toBe(5);
        expect(t.argmax().dtype).toBe("int32");
      });
      on("cumsum, forwards and backwards, along any axis", () => {
        expect(x().cumsum().toArray()).toEqual([
          [0, 1, 3],
          [3, 7, 12],
        ]);
        expect(x().cumsum({ axis: 0 }).toArray()).toEqual([
          [0, 1, 2],
          [3, 5, 7],
        ]);
        expect(x().cumsum({ reverse: true }).toArray()).toEqual([
          [3, 3, 2],
          [12, 9, 5],
        ]);
      });
      on("a long float32 sum keeps its digits", () => {
        const n = 1 << 20;
        expect(full([n], 0.1).sum().item()).toBeCloseTo(Math.fround(0.1) * n, 1);
      });
    });

    describe("sorting and indexing", () => {
      on("sort and argsort along any axis; topK", () => {
        const t = tensor([
          [3, 1, 2],
          [0, 9, 4],
        ]);
        expect(t.sort().toArray()).toEqual([
          [1, 2, 3],
          [0, 4, 9],
        ]);
        expect(t.sort({ axis: 0, descending: true }).toArray()).toEqual([
          [3, 9, 4],
          [0, 1, 2],
        ]);
        expect(t.argsort({ axis: 1 }).toArray()).toEqual([
          [1, 2, 0],
          [0, 2, 1],
        ]);
        const top = topK(t, 2);
        expect([top.values.toArray(), top.indices.toArray()]).toEqual([
          [
            [3, 2],
            [9, 4],
          ],
          [
            [0, 2],
            [1, 2],
          ],
        ]);
        expect(topK(tensor([1, 1, 1]), 2).indices.toArray()).toEqual([0, 1]);
        expect(() => topK(t, 4)).toThrow("topK: 4 of 3");
      });
      on("a big sort is a stable permutation", () => {
        const keys = uniform([1000], { key: 5 }).mul(10).floor();
        const order = keys.argsort().dataSync();
        const values = keys.dataSync();
        for (let i = 1; i < order.length; i++) {
          const [a, b] = [order[i - 1]!, order[i]!];
          expect(values[a]! < values[b]! || (values[a] === values[b] && a < b)).toBe(true);
        }
      });
      on("takeAlong, take and scatterAdd", () => {
        const t = tensor([
          [1, 2, 3],
          [4, 5, 6],
        ]);
        expect(
          t
            .takeAlong(
              i32([
                [2, 0],
                [1, 1],
              ]),
            )
            .toArray(),
        ).toEqual([
          [3, 1],
          [5, 5],
        ]);
        expect(t.takeAlong(i32([[1, 0, 1]]), { axis: 0 }).toArray()).toEqual([[4, 2, 6]]);
        expect(t.take(i32([1, 0, 1])).shape).toEqual([3, 3]);
        expect(
          t
            .take(
              i32([
                [2, 2],
                [0, 1],
              ]),
              { axis: 1 },
            )
            .toArray(),
        ).toEqual([
          [
            [3, 3],
            [1, 2],
          ],
          [
            [6, 6],
            [4, 5],
          ],
        ]);
        expect(t.take(i32(1)).toArray()).toEqual([4, 5, 6]);
        expect(t.take(zeros([0], { dtype: "int32" })).shape).toEqual([0, 3]);
        expect(
          scatterAdd(i32([0, 2, 0]), tensor([1, 2, 4]), { axis: 0, size: 4 }).toArray(),
        ).toEqual([5, 0, 2, 0]);
        expect(() => t.take(i32([2])).evalSync()).toThrow(DataError);
        expect(() => t.take(i32([2])).evalSync()).toThrow(
          /index 2 (at position 0 )?is outside 0…1/,
        );
        expect(() => t.take(i32([-1])).evalSync()).toThrow(
          /index -1 (at position 0 )?is outside 0…1/,
        );
        expect(() => scatterAdd(i32([4]), tensor([1]), { axis: 0, size: 4 }).evalSync()).toThrow(
          DataError,
        );
        expect(() => t.takeAlong(i32([[0]]))).toThrow(ShapeError);
        expect(() => t.take(tensor([0]))).toThrow(DTypeError);
      });
      on("oneHot, where", () => {
        expect(oneHot(i32([2, 0]), 3).toArray()).toEqual([
          [0, 0, 1],
          [1, 0, 0],
        ]);
        expect(oneHot(i32([[1]]), 2, { dtype: "int32" }).toArray()).toEqual([[[0, 1]]]);
        expect(where(tensor([[1], [0]], "bool"), 1, i32([5, 6])).toArray()).toEqual([
          [1, 1],
          [5, 6],
        ]);
        expect(where(tensor([1, 0], "bool"), 0.5, 2).toArray()).toEqual([0.5, 2]);
        expect(() => where(tensor([1, 0]), 0.5, 2)).toThrow(DTypeError);
      });
    });

    describe("convolution and pooling", () => {
      on("matches a sum written out, with stride, padding, dilation, groups", () => {
        const x = normal([2, 4, 7, 6], { key: 1, dtype: "float64" });
        const w = normal([6, 2, 3, 2], { key: 2, dtype: "float64" });
        const y = conv(x, w, {
          stride: [2, 1],
          padding: [
            [1, 2],
            [0, 1],
          ],
          dilation: [1, 2],
          groups: 2,
        });
        expect(y.shape).toEqual([2, 6, 4, 5]);
        const [xs, ws, ys] = [x.dataSync(), w.dataSync(), y.dataSync()];
        let at = 0;
        for (let n = 0; n < 2; n++)
          for (let o = 0; o < 6; o++)
            for (let p = 0; p < 4; p++)
              for (let q = 0; q < 5; q++) {
                let total = 0;
                for (let c = 0; c < 2; c++)
                  for (let i = 0; i < 3; i++)
                    for (let j = 0; j < 2; j++) {
                      const [row, column] = [2 * p + i - 1, q + 2 * j];
                      const channel = 2 * Math.floor(o / 3) + c;
                      if (row < 0 || row >= 7 || column >= 6) continue;
                      total +=
                        xs[((n * 4 + channel) * 7 + row) * 6 + column]! *
                        ws[((o * 2 + c) * 3 + i) * 2 + j]!;
                    }
                expect(ys[at++]).toBeCloseTo(total, 12);
              }
      });
      on("sizes: same, valid, larger than the input", () => {
        const x = zeros([1, 1, 7, 8]);
        const w = zeros([1, 1, 3, 4]);
        expect(conv(x, w, { padding: "same" }).shape).toEqual([1, 1, 7, 8]);
        expect(conv(x, w, { padding: "same", stride: 2 }).shape).toEqual([1, 1, 4, 4]);
        expect(conv(x, w, { padding: "valid" }).shape).toEqual([1, 1, 5, 5]);
        expect(() => conv(x, zeros([1, 1, 9, 3]))).toThrow(ShapeError);
        expect(() => conv(x, zeros([1, 2, 3, 3]))).toThrow(
          "1 channels, kernel [1, 2, 3, 3] takes 2",
        );
        // @ts-expect-error: a padding with another name
        expect(() => conv(x, w, { padding: "full" })).toThrow('unknown padding "full"');
      });
      on("pools, with the place that each maximum came from", () => {
        const x = tensor([
          [
            [
              [1, 2, 3, 4],
              [8, 7, 6, 5],
              [0, 0, 9, 9],
            ],
          ],
        ]);
        const { values, indices } = maxPoolWithIndices(x, { size: 2, stride: 1 });
        expect(values.toArray()).toEqual([
          [
            [
              [8, 7, 6],
              [8, 9, 9],
            ],
          ],
        ]);
        expect(indices.toArray()).toEqual([
          [
            [
              [4, 5, 6],
              [4, 10, 10],
            ],
          ],
        ]);
        expect(maxPool(tensor([[[-5, -1, -3]]]), { size: 2, padding: 1 }).toArray()).toEqual([
          [[-5, -1]],
        ]);
        expect(avgPool(tensor([[[1, 3, 5, 7]]]), { size: 2 }).toArray()).toEqual([[[2, 6]]]);
        expect(() => maxPool(zeros([1, 1, 3]), { size: 4 })).toThrow(ShapeError);
        expect(maxPool(zeros([0, 2, 4, 4]), { size: 2 }).shape).toEqual([0, 2, 2, 2]);
        expect(maxPool(zeros([0, 2, 4, 4]), { size: 2 }).toArray()).toEqual([]);
      });
      on("rectified first or afterwards, maxima and their derivatives are the same", () => {
        const x = tensor([[[-5, -1, 0, -0, 2, 2, -3, 4, Number.NaN, 1, 3, -2]]]);
        for (const options of [{ size: 2 }, { size: 3, stride: 1 }, { size: 2, padding: 1 }]) {
          const first = (x: Tensor) => maxPool(x.relu(), options);
          // what has been computed is pooled as it is
          const asItIs = (x: Tensor) => maxPool(where(x.lessEqual(0), x.mul(0), x), options);
          expect(first(x).toArray()).toEqual(asItIs(x).abs().toArray());
          const loss = (f: (x: Tensor) => Tensor) => (x: Tensor) =>
            f(x.slice(null, null, [0, 8]))
              .square()
              .sum();
          expect(grad(loss(first))(x).toArray()).toEqual(grad(loss(asItIs))(x).abs().toArray());
        }
      });
    });

    describe("random numbers", () => {
      const n = 40_000;
      on("uniform and normal have their moments, in both float dtypes", () => {
        for (const dtype of ["float32", "float64"] as const) {
          const u = uniform([n], { key: 1, dtype });
          const z = normal([n], { key: 2, dtype });
          expect(u.min().item()).toBeGreaterThanOrEqual(0);
          expect(u.max().item()).toBeLessThan(1);
          expect(Math.abs(u.mean().item() - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / n));
          expect(Math.abs(u.variance().item() - 1 / 12)).toBeLessThan(4 * Math.sqrt(1 / 180 / n));
          expect(Math.abs(z.mean().item())).toBeLessThan(4 / Math.sqrt(n));
          expect(Math.abs(z.variance().item() - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
          expect(Math.abs(z.pow(4).mean().item() - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
          const lagged = z
            .slice([0, n - 1])
            .mul(z.slice([1, n]))
            .mean()
            .item();
          expect(Math.abs(lagged)).toBeLessThan(4 / Math.sqrt(n));
        }
        const b = bernoulli(0.3, [n], { key: 3 }).sum().item() / n;
        expect(Math.abs(b - 0.3)).toBeLessThan(4 * Math.sqrt(0.21 / n));
      });
      on("a key gives the same numbers for any shape; keys differ", () => {
        const flat = uniform([6], { key: 9 }).toArray();
        expect(uniform([2, 3], { key: 9 }).reshape([6]).toArray()).toEqual(flat);
        expect(uniform([6], { key: 10 }).toArray()).not.toEqual(flat);
        expect(uniform([6], { key: i32([9, 0]) }).toArray()).toEqual(flat);
        expect(uniform([6], { key: i32([9, 1]) }).toArray()).not.toEqual(flat);
      });
    });
  });

test("uniform numbers are the same on every engine, bit for bit; normal ones to rounding", () => {
  const drawn = engines.map((engine) => {
    setEngine(engine);
    return (["float32", "float64"] as const).map((dtype) => ({
      uniform: uniform([1000], { key: 42, dtype }).dataSync(),
      normal: normal([1000], { key: 42, dtype }).dataSync(),
    }));
  });
  setEngine("reference");
  for (const draws of drawn)
    draws.forEach(({ uniform: u, normal: z }, d) => {
      const expected = drawn[0]![d]!;
      expect(u).toEqual(expected.uniform);
      z.forEach((x, i) => {
        expect(Math.abs(x - expected.normal[i]!)).toBeLessThan(d === 0 ? 2e-6 : 1e-14);
      });
    });
});
