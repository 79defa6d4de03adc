import { grad, ones, setEngine, type Tensor, tensor, zeros } from "gradus";
import {
  attention,
  Conv2d,
  Embedding,
  evaluating,
  Identity,
  MultiHeadAttention,
  Parallel,
  ReLU,
  Residual,
  Sequential,
  TransformerBlock,
  valueAndGrad,
} from "gradus/nn";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../../support/compare.ts";
import { engines } from "../../support/engines.ts";

const sines = (...shape: number[]) =>
  tensor(
    Float64Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => Math.sin(1.3 * i)),
  ).reshape(shape);

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));

    test("attention by hand: scores 0 and log 3 weigh 1 : 3", () => {
      const q = tensor([[2]], "float64"); // √d = 1
      const k = tensor([[0], [Math.log(3) / 2]], "float64");
      const y = attention(
        q,
        k,
        tensor(
          [
            [1, 0],
            [0, 1],
          ],
          "float64",
        ),
      );
      expectClose("y", y.dataSync(), [0.25, 0.75], 1e-15);
    });
    test("a query that may see nothing gets 0, and finite derivatives", () => {
      const mask = tensor(
        [
          [0, 0],
          [1, 0],
        ],
        "bool",
      );
      const v = tensor([[1], [2]]);
      const f = (q: Tensor) => attention(q, ones([2, 3]), v, { mask });
      expect(f(ones([2, 3])).toArray()).toEqual([[0], [1]]);
      const g = grad((q: Tensor) => f(q).sum())(ones([2, 3]));
      expect(g.isFinite().all().item()).toBe(1);
    });
    test("a causal block does not see the future, another does", () => {
      const changed = (causal: boolean) => {
        const block = new TransformerBlock(4, 2, { causal, dtype: "float64" });
        const x = sines(1, 3, 4);
        const later = x.add(tensor([[0], [0], [1]], "float64").mul(sines(3, 4)));
        const difference = block.forward(x).sub(block.forward(later)).slice(0, [0, 2]);
        return difference.abs().max().item();
      };
      expect(changed(true)).toBe(0);
      expect(changed(false)).toBeGreaterThan(1e-6);
    });
    test("attention does not know order: permuted places give permuted results", () => {
      const layer = new MultiHeadAttention(4, 2, { dtype: "float64" });
      const x = sines(1, 3, 4);
      expectClose(
        "y",
        layer.forward(x.flip(1)).dataSync(),
        layer.forward(x).flip(1).dataSync(),
        1e-14,
      );
    });
    test("dropout drops in training alone", () => {
      const block = new TransformerBlock(4, 2, { dropout: 0.5, dtype: "float64" });
      const x = sines(1, 3, 4);
      const run = () => [...block.forward(x).dataSync()];
      expect(run()).not.toEqual(run());
      expect(evaluating(block, run)).toEqual(evaluating(block, run));
    });
    test("an embedding's gradient counts how often each row was read", () => {
      const layer = new Embedding(3, 2);
      const both = valueAndGrad(layer, (i: Tensor) => layer.forward(i).sum());
      const { grads } = both(tensor([2, 0, 2, 2], "int32"));
      expect(grads.weight!.toArray()).toEqual([
        [1, 1],
        [0, 0],
        [3, 3],
      ]);
    });
    test("branches join along channels or another axis", () => {
      const branches = [new Identity(), new ReLU()];
      const x = tensor([[[-1, 2]]]);
      expect(new Parallel(branches).forward(x).toArray()).toEqual([
        [
          [-1, 2],
          [0, 2],
        ],
      ]);
      expect(new Parallel(branches, { axis: -1 }).forward(x).toArray()).toEqual([[[-1, 2, 0, 2]]]);
    });
  });

test("paths of parameters follow the composition", () => {
  const model = new Sequential(
    new Residual(new Parallel([new Conv2d(1, 1, 1), new Conv2d(1, 1, 1, { bias: false })])),
  );
  expect(Object.keys(model.parameters())).toEqual([
    "layers.0.body.branches.0.weight",
    "layers.0.body.branches.0.bias",
    "layers.0.body.branches.1.weight",
  ]);
});
test("errors name sizes and the fix", () => {
  expect(() => new MultiHeadAttention(6, 4)).toThrow("a size of 6 does not divide into 4 heads.");
  const layer = new MultiHeadAttention(6, 2, { causal: true });
  expect(() => layer.forward(zeros([2, 3, 5]))).toThrow("takes [N, length, 6], got [2, 3, 5].");
  expect(() => layer.forward(zeros([2, 3, 6]), zeros([2, 4, 6]))).toThrow(
    "causal attention of 3 queries to 4 keys.",
  );
  expect(() => attention(ones([1, 1]), ones([1, 1]), ones([1, 1]), { mask: ones([1, 1]) })).toThrow(
    "the mask is float32.",
  );
  expect(() => new Embedding(3, 2).forward(zeros([2]))).toThrow("indices are float32.");
  expect(() => new Embedding(3, 2).forward(tensor([3], "int32")).dataSync()).toThrow("0…2");
  expect(() => new Residual(new Conv2d(1, 2, 1)).forward(zeros([1, 1, 4, 4]))).toThrow(
    "the body gives [1, 2, 4, 4], the shortcut [1, 1, 4, 4].",
  );
  expect(() => new Parallel([])).toThrow("there is no branch.");
});
