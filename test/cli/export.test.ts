/** A trained network as a file: it goes out, and commands take the file where they take the run. */
import { writeFile } from "node:fs/promises";
import { Linear, ReLU, Sequential } from "gradus/nn";
import { loadOnnx, saveOnnx } from "gradus/onnx";
import { beforeAll, describe, expect, test } from "vitest";
import { gradus, isFast, workIn } from "./support.ts";

workIn();

describe.runIf(isFast)("export", () => {
  beforeAll(async () => {
    const trained = await gradus(
      "train --model mlp model.hidden=[8] --classes 0,1,2 examples=100 --epochs 1 --run first",
    );
    expect([trained.code, trained.error]).toEqual([0, ""]);
    const { code, out, error } = await gradus("export first --to net.onnx");
    expect([code, error]).toEqual([0, ""]);
    expect(out).toMatch(/^wrote net\.onnx: mlp, input \[batch, 1, 28, 28\], [\d.]+ KiB\n$/);
  });

  test("the file says what it takes, and what its classes are called", async () => {
    const net = await loadOnnx("net.onnx");
    expect(net.inputs[0]).toMatchObject({ name: "input", shape: ["batch", 1, 28, 28] });
    expect(net.outputs[0]).toMatchObject({ name: "output", shape: ["batch", 3] });
    expect(JSON.parse(net.metadata.classes!)).toEqual(["0", "1", "2"]);
  });

  test("evaluate and predict say of the file what they say of the run", async () => {
    const [run, file] = [
      await gradus("evaluate first --json"),
      await gradus("evaluate net.onnx --json"),
    ];
    expect([file.code, file.error]).toEqual([0, ""]);
    expect(file.out.replaceAll("net.onnx", "first")).toBe(run.out);
  });

  test("summary takes the file", async () => {
    const { code, out } = await gradus("summary net.onnx");
    expect(code).toBe(0);
    expect(out).toContain("trainable parameters");
  });

  test("train goes on from the file, with another head", async () => {
    const line =
      "train --from net.onnx --freeze layers.1 --classes 5,6 examples=60 --dev-run --run second";
    const { code, error } = await gradus(line);
    expect([code, error]).toEqual([0, ""]);
  });

  test("files that are none, nets of others and learners are told apart", async () => {
    await writeFile("torn.onnx", Uint8Array.of(8, 8, 58, 200, 1, 7));
    await saveOnnx(new Sequential(new Linear(2, 3), new ReLU()), "other.onnx", {
      inputs: { x: { shape: ["batch", 2] } },
    });
    expect((await gradus("summary other.onnx")).out).toContain("Linear");
    const cases = [
      ["evaluate torn.onnx", "this is no whole ONNX file"],
      ["evaluate other.onnx", "does not define how its inputs are prepared"],
      ["export first --to net.bin", "of no format"],
      ["export nowhere --to net.onnx", "nowhere"],
    ];
    for (const [line, text] of cases) {
      const { code, error } = await gradus(line!);
      expect(code, line).toBe(1);
      expect(error, line).toContain(text);
    }
  });
});
