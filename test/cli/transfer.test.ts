import { cp, mkdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { digits } from "gradus/data";
import { loadCheckpoint } from "gradus/train";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { loadTest } from "../../src/cli/sources/stored-data.ts";
import { gradus, isFast, workIn, writeImages } from "./support.ts";

workIn();

/** `pictures/<class>/<n>.png` of the embedded digits 0, 1 and 2. */
async function writePictures(): Promise<void> {
  const { inputs, targets, size } = digits({ train: 300, test: 0, seed: 1 }).train;
  for (let n = 0; n < size; n++) {
    const label = targets.data[n]!;
    if (label > 2) continue;
    await mkdir(`pictures/${label}`, { recursive: true });
    const pixels = Uint8Array.from(
      inputs.data.subarray(n * 784, (n + 1) * 784) as Float32Array,
      (x) => 255 * x,
    );
    await sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toFile(join("pictures", String(label), `${n}.png`));
  }
}

const weights = async (run: string) => (await loadCheckpoint(`${run}/last.safetensors`)).tensors;
const config = async (run: string) => JSON.parse(await readFile(`${run}/config.json`, "utf8"));

describe.runIf(isFast)("transfer to other classes", () => {
  beforeAll(async () => {
    const { code, error } = await gradus(
      "train --classes 0,1,2,3,4 examples=1000 --epochs 1 --run first",
    );
    expect([code, error]).toEqual([0, ""]);
  });
  const second = "train --from first --classes 5,6,7 examples=300 --epochs 1";

  test("what is frozen stays to the last bit, the new last layer learns", async () => {
    const { code, error } = await gradus(`${second} --freeze features.* --run second`);
    expect([code, error]).toEqual([0, ""]);
    const [before, after] = [await weights("first"), await weights("second")];
    const same = (path: string) =>
      expect(after.get(path)!.data, path).toEqual(before.get(path)!.data);
    same("features.layers.1.weight");
    same("features.layers.4.bias");
    expect(after.get("classifier.layers.2.weight")!.data).not.toEqual(
      before.get("classifier.layers.2.weight")!.data,
    );
    expect(after.get("classifier.layers.5.weight")!.shape).toEqual([3, 128]);
    const { settings, model } = await config("second");
    expect(settings.transfer).toEqual({ from: resolve("first"), freeze: ["features.*"] });
    expect(model).toMatchObject({ name: "conv", options: { classes: 3 } });
  });
  test("a run that was transferred is measured, resumed and repeated like any other", async () => {
    const { out } = await gradus("evaluate second");
    expect(out).toMatch(/accuracy: \d/);
    const more = await gradus("train --resume second --epochs 2");
    expect([more.code, more.error]).toEqual([0, ""]);
    const before = (await weights("first")).get("features.layers.1.weight")!.data;
    expect((await weights("second")).get("features.layers.1.weight")!.data).toEqual(before);
    await gradus(`${second} --run third`);
    await gradus("train third/config.json --run fourth");
    const [third, fourth] = [await weights("third"), await weights("fourth")];
    for (const [path, { data }] of third) expect(fourth.get(path)!.data, path).toEqual(data);
  });
  test("layers wake up when the schedule says, each with its own rate", async () => {
    const line = `${second.replace("--epochs 1", "--epochs 2")} --unfreeze 2:features.* transfer.layerDecay=0.5`;
    const { code, error } = await gradus(`${line} --run woken`);
    expect([code, error]).toEqual([0, ""]);
    const before = (await weights("first")).get("features.layers.1.weight")!.data;
    expect((await weights("woken")).get("features.layers.1.weight")!.data).not.toEqual(before);
  });
  test("the same classes keep the last layer", async () => {
    await gradus("train --from first --classes 0,1,2,3,4 examples=64 --epochs 1 lr=1e-12 --run on");
    const [before, after] = [await weights("first"), await weights("on")];
    const path = "classifier.layers.5.bias";
    after.get(path)!.data.forEach((x, k) => {
      expect(x).toBeCloseTo(before.get(path)!.data[k]!, 6);
    });
  });
  const failing = (line: string, message: string | RegExp) =>
    test(line, async () => {
      const { code, error } = await gradus(line);
      expect([code, error]).toEqual([1, expect.stringMatching(message)]);
      expect(error).not.toMatch(/internal/);
    });
  failing("train --from nowhere", /nowhere: there is no such folder/);
  failing("train --from first --data moons", /takes examples of \[1, 28, 28\], but those of moons/);
  failing("train --from first --model mlp", /first holds the model "conv", not "mlp"/);
  failing("train --from first --freeze features.9 --run x", /matches "features\.9"/);
  failing("train --from first --unfreeze soon --run x", /"soon" is not an epoch and a pattern/);
  failing("train --freeze features.*", /not from which/);
});

describe.runIf(isFast)("images by class, and random changes of them", () => {
  beforeAll(writePictures);
  test("a folder of pictures trains, with augmentation, and is evaluated", async () => {
    const line =
      "train --data pictures --augment shift:0.05,rotate,noise:0.02 --epochs 2 --run pics";
    const { code, error, out } = await gradus(line);
    expect([code, error]).toEqual([0, ""]);
    expect(out).toMatch(/\[1, 28, 28\] in 3 classes/);
    expect((await config("pics")).settings.data.augment).toEqual([
      "shift:0.05",
      "rotate",
      "noise:0.02",
    ]);
    expect((await gradus("evaluate pics")).out).toMatch(/accuracy: /);
  });
  test("other folders are measured by the names of their classes", async () => {
    await cp("pictures/2", "some/2", { recursive: true });
    const { targets } = (await loadTest("some", await config("pics"))).test;
    expect(new Set(targets.data)).toEqual(new Set([2]));
    await cp("pictures/2", "some/two", { recursive: true });
    expect((await gradus("evaluate pics --data some")).error).toMatch(
      /some: its examples are \[1, 28, 28\] in 2 classes \(2, two\), .* in 3 classes \(0, 1, 2\)/,
    );
  });
  test("the folder of two kinds of training gives what its flags say", async () => {
    await writeImages("bars", 100);
    const line = "train --data bars --model mlp --epochs 2 --batch-size 30";
    const { code, error } = await gradus(
      `${line} accumulate=2 average=0.9 classWeight=balanced clipNorm=1 warmup=1 --optimizer lion --run all`,
    );
    expect([code, error]).toEqual([0, ""]);
    const checkpoint = await loadCheckpoint("all/last.safetensors");
    expect(checkpoint.position.step).toBe(4); // 90 examples are two updates of at most 60
  });
  const failing = (line: string, message: string | RegExp) =>
    test(line, async () => {
      const { code, error } = await gradus(line);
      expect([code, error]).toEqual([1, expect.stringMatching(message)]);
    });
  failing("train --data pictures --augment flp", /"flp" is not one of .*did you mean flip/s);
  failing("train --data pictures --augment crop:x", /"crop:x" has no number after the colon/);
  failing("train --data pictures --augment pca", /expected images \[N, 3, H, W\]/);
  failing("train --data moons --augment flip", /inputs are \[\d+, 2\], expected images/);
});
