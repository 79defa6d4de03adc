/** Files of our own: every kind of model goes out and comes back with the same outputs. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import * as models from "../../src/models/index.ts";
import * as nn from "../../src/nn/index.ts";
import { type AnyModule, evaluating } from "../../src/nn/module.ts";
import { loadOnnx, type OnnxInputShape, saveOnnx } from "../../src/onnx/index.ts";
import { normal, type Tensor, uniform } from "../../src/tensor/index.ts";

/** With a folder in GRADUS_ONNX_EXPORT the files stay there, for tools/check-onnx.py. */
const kept = process.env.GRADUS_ONNX_EXPORT;
const folder = kept ?? mkdtempSync(join(tmpdir(), "gradus-onnx-"));
afterAll(() => {
  if (!kept) rmSync(folder, { recursive: true });
});

const of = (shape: readonly (number | string)[], dtype?: "int32"): OnnxInputShape => ({
  shape,
  dtype,
});
const image = (c: number, size: number) => of(["batch", c, size, size]);
const { Sequential, Linear, Conv2d, MaxPool2d } = nn;

const cnn = () =>
  new Sequential(
    new Conv2d(3, 8, 3, { padding: 1, stride: 2 }),
    new nn.BatchNorm2d(8),
    new nn.ReLU(),
    new nn.LocalResponseNorm(),
    new nn.Residual(
      new Sequential(
        new Conv2d(8, 8, 3, { padding: 1, groups: 4 }),
        new nn.GroupNorm(2, 8),
        new nn.SiLU(),
      ),
    ),
    new MaxPool2d(3, { stride: 2, padding: 1 }),
    new nn.Parallel([new nn.AvgPool2d(2, { padding: 1 }), new MaxPool2d(2, { padding: 1 })]),
    new nn.GlobalAvgPool(),
    new nn.Flatten(),
    new Linear(16, 5),
    new nn.Softmax(),
  );

function unpooling(): AnyModule {
  const pool = new MaxPool2d(2);
  return new Sequential(
    new Conv2d(1, 4, 3, { padding: 1 }),
    pool,
    new nn.MaxUnpool2d(pool),
    new nn.ConvTranspose2d(4, 4, 3, { stride: 2, padding: 1, outputPadding: 1, groups: 2 }),
    new nn.ConvTranspose2d(4, 1, 2, { dilation: 2 }),
  );
}

const activations = () =>
  new Sequential(
    ...[new nn.ELU(), new nn.GELU(), new nn.LeakyReLU(), new nn.Softplus(), new nn.HardSigmoid()],
    ...[new nn.PReLU(), new nn.Tanh(), new nn.HardTanh(), new nn.Sigmoid(), new nn.LogSoftmax()],
    new nn.Dropout(0.5),
  );

const words = (layer: AnyModule) => new Sequential(new nn.Embedding(11, 6), layer as nn.Module);
const images = { inputShape: [1, 28, 28], classes: 10 };
type Case = [model: AnyModule, inputs: Record<string, OnnxInputShape>];
const cases: Readonly<Record<string, () => Case>> = {
  mlp: () => [
    models.mlp({ inputShape: [4], classes: 3, hidden: [8] } as never),
    { x: of(["batch", 4]) },
  ],
  cnn: () => [cnn(), { image: image(3, 15) }],
  conv1d: () => [
    new nn.Conv1d(2, 4, 3, { dilation: 2, padding: "same" }),
    { x: of(["batch", 2, 9]) },
  ],
  conv3d: () => [
    new Sequential(new nn.Conv3d(1, 2, 3), new nn.AvgPool3d(2), new nn.BatchNorm3d(2)),
    { x: of(["batch", 1, 6, 6, 6]) },
  ],
  unpooling: () => [unpooling(), { image: image(1, 8) }],
  activations: () => [activations(), { x: of(["batch", 7]) }],
  lenet: () => [models.lenet(images), { image: image(1, 28) }],
  vgg: () => [models.vgg({ inputShape: [3, 32, 32], classes: 4 }), { image: image(3, 32) }],
  rnn: () => [words(new nn.RNN(6, 5)), { words: of(["batch", 4], "int32") }],
  gru: () => [words(new nn.GRU(6, 5, { layers: 2 })), { words: of(["batch", 4], "int32") }],
  lstm: () => [
    words(new nn.LSTM(6, 5, { bidirectional: true })),
    { words: of(["batch", 4], "int32") },
  ],
  transformer: () => [words(new nn.TransformerBlock(6, 2)), { words: of(["batch", 5], "int32") }],
  autoencoder: () => [
    models.convAutoencoder({ inputShape: [1, 16, 16] }),
    { image: of(["batch", 1, 16, 16]) },
  ],
  variational: () => [
    models.variationalAutoencoder({ inputShape: [12], code: 2 } as never),
    { x: of(["batch", 12]) },
  ],
  pair: () => [new Distance(), { a: of(["batch", 4]), b: of(["batch", 4]) }],
  fixed: () => [new Linear(4, 2), { x: of([3, 4]) }],
};

/** Two inputs, and an output whose size is a multiple of the batch. */
class Distance extends nn.Module<[Tensor, Tensor], Tensor> {
  readonly scale = new nn.Parameter(normal([4], { key: 1 }));
  forward(a: Tensor, b: Tensor): Tensor {
    return a.sub(b).mul(this.scale.value).abs().reshape([-1]).cumsum({ axis: 0 });
  }
}

const inputFor = ({ shape, dtype }: OnnxInputShape, batch: number): Tensor => {
  const sizes = shape.map((d) => (typeof d === "string" ? batch : d));
  return dtype === "int32"
    ? uniform(sizes, { key: 3 }).mul(11).cast("int32")
    : normal(sizes, { key: 2 });
};

for (const [name, make] of Object.entries(cases))
  test(`${name}: what comes back gives the same, for batches of any size`, async () => {
    const [model, inputs] = make();
    const file = join(folder, `${name}.onnx`);
    await saveOnnx(model, file, { inputs });
    const net = await loadOnnx(file);
    for (const batch of name === "fixed" ? [3] : [1, 4]) {
      const given = Object.values(inputs).map((each) => inputFor(each, batch));
      const wanted = evaluating(model, () =>
        (model.forward as (...x: Tensor[]) => Tensor)(...given),
      );
      const found = net.forward(...given);
      expect(found.shape).toEqual(wanted.shape);
      const difference = found.sub(wanted).abs().max().item();
      expect(difference).toBeLessThan(1e-5 * Math.max(1, wanted.abs().max().item()));
      if (kept) writeFileSync(`${file}.${batch}.json`, JSON.stringify(recordOf(given, wanted)));
    }
  });

const recordOf = (given: readonly Tensor[], wanted: Tensor) => ({
  inputs: given.map((x) => ({ dtype: x.dtype, shape: x.shape, data: [...x.dataSync()] })),
  output: { shape: wanted.shape, data: [...wanted.dataSync()] },
});
