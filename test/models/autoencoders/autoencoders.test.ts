/** What all autoencoders share: shapes, training by name, determinism, files, errors. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromHost, hostArray, normal, type Tensor, tensor, zeros } from "gradus";
import { decodeSafetensors, encodeSafetensors } from "gradus/formats";
import { Autoencoder, createModel, isAutoencoder, modelNames } from "gradus/models";
import { Linear, MaxPool2d, MaxUnpool2d, Sequential, summary, valueAndGrad } from "gradus/nn";
import { evaluate, fit, reconstruction, saveCheckpoint, type Training } from "gradus/train";
import { describe, expect, test } from "vitest";

const names = modelNames.filter(isAutoencoder);
const of = (name: (typeof names)[number], options: object) =>
  createModel({ name, options: { inputShape: [1, 12, 12], ...options } }) as Autoencoder;
/** Images of one blob each, of two kinds. */
const images = (n: number, seed: number) => {
  const at = normal([n, 2], { key: seed }).toArray() as number[][];
  const data = at.flatMap(([a, b]) =>
    Array.from({ length: 144 }, (_, i) => {
      const [y, x] = [
        Math.floor(i / 12) - 5.5 - 2 * Math.tanh(a!),
        (i % 12) - 5.5 - 2 * Math.tanh(b!),
      ];
      return Math.exp(-(x * x + y * y) / 6);
    }),
  );
  return hostArray([n, 1, 12, 12], Float32Array.from(data));
};

describe.each(names)("%s", (name) => {
  const isMasked = name === "masked-autoencoder";
  const isImages = name === "denoising-autoencoder"; // its code is maps
  test.each(["gaussian", "bernoulli"] as const)(
    "%s: shapes of code, outputs, errors",
    (likelihood) => {
      const model = of(name, { code: 8, likelihood, seed: 1 });
      const x = normal([5, 1, 12, 12], { key: 1 }).abs().minimum(1);
      expect(model.encode(x).shape).toEqual(isMasked ? [5, 9, 8] : [5, 8]);
      expect(model.decode(model.encode(x), x).shape).toEqual(x.shape);
      expect(model.reconstruct(x).shape).toEqual(x.shape);
      if (!isImages) expect(model.forward(x.reshape([5, 144])).shape).toEqual(x.shape);
      const squares = model.reconstruct(x).sub(x).square().reshape([5, 144]).mean({ axis: 1 });
      expect(model.reconstructionError(x).toArray()).toEqual(squares.toArray());
      if (likelihood === "bernoulli") {
        const back = model.reconstruct(x);
        expect(back.greater(0).logicalAnd(back.less(1)).all().item()).toBe(1);
        expect(back.toArray()).toEqual(model.eval().forward(x).sigmoid().toArray());
      }
      expect(model.training).toBe(likelihood === "gaussian"); // reconstruct leaves the mode
    },
  );

  test("fit trains it without more words, the same by the same seed, and it learns", async () => {
    const [data, held] = [images(96, 3), images(32, 4)];
    const train = async (epochs: number) => {
      const model = of(name, { code: isMasked ? 16 : 8, seed: 1 });
      const before = await evaluate(model, reconstruction(held));
      const history = await fit(model, reconstruction(data), {
        ...{ epochs, batchSize: 16, lr: 0.005, seed: 1, validation: reconstruction(held) },
      });
      return { model, before, history };
    };
    const [a, b] = [await train(8), await train(2)];
    expect(a.history.get("loss").slice(0, 2)).toEqual(b.history.get("loss"));
    expect(a.history.get("val_loss").slice(0, 2)).toEqual(b.history.get("val_loss"));
    expect(a.history.get("val_loss").at(-1)!).toBeLessThan(0.8 * a.before.loss!);
  });

  test("its summary lists every layer with parameters", () => {
    const model = of(name, { code: 8, seed: 1 });
    const { rows, totals } = summary(model, [1, 12, 12]);
    const sum = Object.values(model.parameters()).reduce((n, p) => n + p.value.size, 0);
    expect(totals.parameters).toBe(sum);
    expect(rows.length).toBeGreaterThan(2);
  });

  test("all of its parameters learn", () => {
    const model = of(name, { code: 8, seed: 1 });
    const x = fromHost(images(8, 5));
    const losses = (y: Tensor, t: Tensor) =>
      y.sub(t).square().reshape([y.shape[0]!, -1]).mean({ axis: 1 });
    const { grads } = valueAndGrad(model, (x: Tensor) => model.learn(x, x, losses).losses.mean())(
      x,
    );
    for (const [path, g] of Object.entries(grads)) {
      if (path.endsWith("attention.key.bias")) continue; // the softmax is blind to it
      expect(g.abs().max().item(), path).toBeGreaterThan(0);
    }
  });

  test("weights go through a file", () => {
    const [a, b] = [of(name, { code: 8, seed: 1 }), of(name, { code: 8, seed: 2 })];
    const values = Object.entries(a.state()).map(([path, v]) => [path, v.value.toHost()] as const);
    const { tensors } = decodeSafetensors(encodeSafetensors(new Map(values)));
    for (const [path, v] of Object.entries(b.state())) v.value = fromHost(tensors.get(path)!);
    const x = fromHost(images(3, 6));
    expect(b.reconstruct(x).toArray()).toEqual(a.reconstruct(x).toArray());
  });
});

test.each([
  [28, 28],
  [13, 17],
  [8, 9],
])("images of %i×%i come back in their size", (h, w) => {
  for (const name of [
    "conv-autoencoder",
    "unpooling-autoencoder",
    "denoising-autoencoder",
  ] as const)
    for (const inputShape of [
      [h, w],
      [3, h, w],
    ]) {
      const model = createModel({ name, options: { inputShape } }) as Autoencoder;
      expect(model.forward(zeros([2, ...inputShape])).shape).toEqual([2, ...inputShape]);
    }
});

test("an outlier has the largest reconstruction error", async () => {
  const model = of("deep-autoencoder", { code: 4, seed: 1 });
  await fit(model, reconstruction(images(128, 3)), { epochs: 30, batchSize: 16, lr: 0.003 });
  const errors = model.reconstructionError(fromHost(images(16, 9)));
  const striped = tensor(Array.from({ length: 144 }, (_, i) => i % 2)).reshape([1, 1, 12, 12]);
  expect(model.reconstructionError(striped).item()).toBeGreaterThan(3 * errors.max().item());
});

test("a decoder that unpools wants examples beside a code, and puts maxima into their places", () => {
  const pool = new MaxPool2d(2);
  const model = new Autoencoder(new Sequential(pool), new Sequential(new MaxUnpool2d(pool)));
  const x = tensor([
    [
      [
        [1, 2],
        [4, 3],
      ],
    ],
  ]);
  expect(model.reconstruct(x).toArray()).toEqual([
    [
      [
        [0, 0],
        [4, 0],
      ],
    ],
  ]);
  expect(model.decode(tensor([[[[7]]]]), x).toArray()).toEqual([
    [
      [
        [0, 0],
        [7, 0],
      ],
    ],
  ]);
  expect(() => model.decode(tensor([[[[7]]]]))).toThrow(/has not run in this forward pass/);
});

describe("errors", () => {
  test.each(["undercomplete", "linear", "deep", "conv", "unpooling", "variational"] as const)(
    "a code of %s-autoencoder as wide as the example",
    (kind) => {
      const options = { inputShape: [1, 6, 6], code: 36 };
      expect(() => createModel({ name: `${kind}-autoencoder`, options })).toThrow(
        /a code of 36 is no bottleneck for examples of 36 numbers/,
      );
    },
  );
  test.each([
    [
      { name: "deep-autoencoder", options: { inputShape: [4], classes: 3 } },
      /unknown option "classes"/,
    ],
    [{ name: "deep-autoencoder", options: { inputShape: [4], beta: 3 } }, /unknown option "beta"/],
    [{ name: "deep-autoencoder", options: {} }, /inputShape, the shape of one example, is missing/],
    [
      { name: "conv-autoencoder", options: { inputShape: [9] } },
      /use the model "deep-autoencoder"/,
    ],
    [
      { name: "deep-autoencoder", options: { inputShape: [4], likelihood: "gauss" } },
      /the likelihood is "gauss"/,
    ],
    [{ name: "sparse-autoencoder", options: { inputShape: [4], rho: 1 } }, /rho is 1/],
    [
      { name: "sparse-autoencoder", options: { inputShape: [4], sparsity: "l2" } },
      /sparsity is "l2"/,
    ],
    [{ name: "contractive-autoencoder", options: { inputShape: [4], weight: -1 } }, /weight is -1/],
    [
      { name: "variational-autoencoder", options: { inputShape: [4], beta: Number.NaN } },
      /beta is NaN/,
    ],
    [{ name: "denoising-autoencoder", options: { inputShape: [4], noise: -1 } }, /noise is -1/],
    [
      { name: "masked-autoencoder", options: { inputShape: [1, 9, 8] } },
      /cannot be cut into patches of 4×4/,
    ],
    [
      { name: "masked-autoencoder", options: { inputShape: [8, 8], withheld: 1 } },
      /a share of 1 is to be withheld/,
    ],
    [
      { name: "mlp", options: { inputShape: [4] } },
      /classes, the number of its outputs, is missing/,
    ],
    [{ name: "deep-autoencode", options: { inputShape: [4] } }, /did you mean "deep-autoencoder"/],
  ])("%j", (config, message) => {
    expect(() => createModel(config as never)).toThrow(message);
  });
  test("labels as targets", async () => {
    const model = createModel({ name: "linear-autoencoder", options: { inputShape: [4] } });
    const { inputs } = reconstruction(zeros([3, 4]).toHost());
    const targets = hostArray([3], new Int32Array(3));
    await expect(fit(model, { inputs, targets, size: 3 })).rejects.toThrow(
      /gives \[N, 4\] for targets \[N\]/,
    );
  });
});

test("an autoencoder of one's own halves", () => {
  const model = new Autoencoder(new Linear(4, 2), new Linear(2, 4));
  expect(model.reconstruct(zeros([3, 4])).shape).toEqual([3, 4]);
});

test("a training with random codes goes on as if it had not been interrupted", async () => {
  const data = reconstruction(images(32, 3));
  const make = () => of("variational-autoencoder", { code: 4, hidden: [16], seed: 1 });
  const options = { batchSize: 16, seed: 1 };
  const whole = make();
  await fit(whole, data, { ...options, epochs: 3 });
  const file = join(mkdtempSync(join(tmpdir(), "gradus-vae-")), "last.safetensors");
  const part = make();
  const save = {
    onEpochEnd: (_: number, __: unknown, training: Training) => saveCheckpoint(file, training),
  };
  await fit(part, data, { ...options, epochs: 1, callbacks: save });
  const resumed = make();
  await fit(resumed, data, { ...options, epochs: 3, resume: file });
  const values = (model: Autoencoder) =>
    Object.values(model.state()).map(({ value }) => [...value.dataSync()]);
  expect(values(resumed)).toEqual(values(whole));
});
