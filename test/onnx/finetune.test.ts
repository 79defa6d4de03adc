/** Imported nets are modules: they learn, are frozen, compiled and differentiated twice. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { loadOnnx, type OnnxModule, saveOnnx } from "../../src/onnx/index.ts";
import { adam, Optimizer } from "../../src/optim/index.ts";
import { compile, grad, hvp, normal, type Tensor, tensor } from "../../src/tensor/index.ts";

const folder = mkdtempSync(join(tmpdir(), "gradus-onnx-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "net.onnx");

const model = new nn.Sequential(
  new nn.Conv2d(1, 4, 3, { dtype: "float64" }),
  new nn.BatchNorm2d(4, { dtype: "float64" }),
  new nn.Tanh(),
  new nn.Flatten(),
  new nn.Linear(64, 5, { dtype: "float64" }),
  new nn.Tanh(),
  new nn.Linear(5, 2, { dtype: "float64" }),
);
const x = normal([6, 1, 6, 6], { key: 1, dtype: "float64" });
const labels = tensor([0, 1, 0, 1, 1, 0], "int32");
const loss = (m: { forward(x: Tensor): Tensor }) => nn.crossEntropy(m.forward(x), labels);

let net: OnnxModule;
beforeAll(async () => {
  await saveOnnx(model, file, {
    inputs: { x: { shape: ["batch", 1, 6, 6], dtype: "float64" } },
  });
});

test("gradients of all weights are those of the model that was written", async () => {
  net = await loadOnnx(file);
  const paths = Object.keys(net.parameters());
  expect(paths).toContain("layers.6.weight");
  const wanted = nn.valueAndGrad(model.eval(), () => loss(model))().grads;
  const found = nn.valueAndGrad(net, () => loss(net))().grads;
  for (const path of ["layers.0.weight", "layers.4.weight", "layers.6.bias"])
    expect(found[path]!.sub(wanted[path]!).abs().max().item(), path).toBeLessThan(1e-12);
});

test("inputs have derivatives of first and second order", async () => {
  const f = (m: nn.Module) => (z: Tensor) => m.forward(z).square().sum();
  const one = x.slice([0, 1]);
  const [a, b] = [model.eval(), net].map((m) => grad(f(m as unknown as nn.Module))(one) as Tensor);
  expect(a!.sub(b!).abs().max().item()).toBeLessThan(1e-12);
  const v = normal([1, 1, 6, 6], { key: 2, dtype: "float64" });
  const [c, d] = [model, net].map((m) => hvp(f(m as unknown as nn.Module), one, v));
  expect(c!.sub(d!).abs().max().item()).toBeLessThan(1e-11);
});

test("a head is replaced, the rest frozen, and training lowers the loss", async () => {
  const fresh = await loadOnnx(file);
  const head = nn.replaceHead(fresh, 3);
  expect(head).toBe("layers.6");
  fresh.freeze().unfreeze(head);
  const before = fresh.parameters()["layers.0.weight"]!.value.toArray();
  const optimizer = new Optimizer(fresh, adam(), { lr: 0.1 });
  const step = compile(() => {
    const { value, grads } = nn.valueAndGrad(fresh, () => loss(fresh))();
    optimizer.update(grads);
    return value;
  });
  const first = (await step()).item();
  let last = first;
  for (let i = 0; i < 20; i++) last = (await step()).item();
  expect(last).toBeLessThan(0.8 * first);
  expect(fresh.parameters()["layers.0.weight"]!.value.toArray()).toEqual(before);
  expect(fresh.forward(x).shape).toEqual([6, 3]);
});

test("batch normalisation takes the batch's statistics in training, and moves its own", async () => {
  const fresh = await loadOnnx(file);
  expect(Object.keys(fresh.state())).toContain("layers.1.runningMean");
  expect(Object.keys(fresh.parameters())).not.toContain("layers.1.runningMean");
  const [y, z] = [fresh.train().forward(x), model.train().forward(x)];
  expect(y.sub(z).abs().max().item()).toBeLessThan(1e-12);
  for (const path of ["layers.1.runningMean", "layers.1.runningVariance"]) {
    const [a, b] = [fresh, model].map((m) => m.state()[path]!.value);
    expect(a!.sub(b!).abs().max().item()).toBeLessThan(1e-7); // the file's momentum is a float32
  }
});
