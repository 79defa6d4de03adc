/** Fine-tuning of nets that other programs wrote: a file without notes on its data. */
import { existsSync } from "node:fs";
import { normal } from "gradus";
import { Conv2d, Flatten, GlobalAvgPool, Linear, ReLU, Sequential } from "gradus/nn";
import { loadOnnx, saveOnnx } from "gradus/onnx";
import { loadCheckpoint } from "gradus/train";
import { beforeAll, describe, expect, test } from "vitest";
import { gradus, isFast, workIn } from "./support.ts";

workIn();

const weights = async (run: string) => (await loadCheckpoint(`${run}/best.safetensors`)).tensors;

describe.runIf(isFast)("train --from a net of another program", () => {
  beforeAll(async () => {
    const net = new Sequential(
      new Conv2d(1, 6, 5, { stride: 3 }),
      new ReLU(),
      new Flatten(),
      new Linear(6 * 64, 7),
    );
    await saveOnnx(net, "net.onnx", { inputs: { x: { shape: [1, 1, 28, 28] } } });
    const headless = new Sequential(new Conv2d(1, 3, 5), new GlobalAvgPool());
    await saveOnnx(headless, "headless.onnx", { inputs: { x: { shape: ["n", 1, 28, 28] } } });
  });

  test("a new head for the data's classes learns, what is frozen stays", async () => {
    const line = "train --from net.onnx --data digits examples=300 --epochs 3 lr=0.01 --run tuned";
    const { code, out, error } = await gradus(`${line} --freeze layers.0.*`);
    expect([code, error]).toEqual([0, ""]);
    expect(out).toMatch(/model +onnx, /);
    const before = (await loadOnnx("net.onnx")).parameters();
    const after = await weights("tuned");
    const kept = "layers.0.weight";
    expect([...after.get(kept)!.data]).toEqual([...before[kept]!.value.dataSync()]);
    expect(after.get("layers.3.weight")!.shape).toEqual([10, 384]);
    expect(existsSync("tuned/net.onnx")).toBe(true);
    const judged = await gradus("evaluate tuned --json");
    expect([judged.code, judged.error]).toEqual([0, ""]);
    expect(JSON.parse(judged.out.trim().split("\n").at(-1)!).test.accuracy).toBeGreaterThan(0.3);
  });

  test("such a run is resumed, gone on from, exported and measured as a file", async () => {
    for (const line of [
      "train --resume tuned --epochs 4",
      "train --from tuned --data digits --classes 0,1 examples=60 --epochs 1 --run two",
      "evaluate two",
      "export tuned --to tuned.onnx",
      "evaluate tuned.onnx",
    ]) {
      const { code, error } = await gradus(line);
      expect([line, code, error]).toEqual([line, 0, ""]);
    }
    const net = await loadOnnx("tuned.onnx");
    expect(net.forward(normal([3, 1, 28, 28], { key: 1 })).shape).toEqual([3, 10]);
  });

  test("examples of another shape, and a net without a dense layer, are errors", async () => {
    const other = await gradus("train --from net.onnx --data moons");
    expect(other.error).toMatch(
      /takes "x" of float32 \[batch, 1, 28, 28\][\s\S]*are float32 \[2\]/,
    );
    const headless = await gradus("train --from headless.onnx --data digits examples=60");
    expect(headless.error).toMatch(/there is no Linear inside/);
  });
});
