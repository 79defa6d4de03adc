import { readFile } from "node:fs/promises";
import { fromHost } from "gradus";
import { makeSplit } from "gradus/data";
import { digitsNet } from "gradus/models";
import { loadCheckpoint } from "gradus/train";
import { beforeAll, describe, expect, test } from "vitest";
import { hostArray } from "../../src/base/index.ts";
import { startAtMean } from "../../src/cli/run/image-head.ts";
import { labelled } from "../../src/cli/sources/labelled.ts";
import { gradus, isFast, workIn, writeImages } from "./support.ts";

workIn();

test("labels are as many of each class as can be, and the seed decides which", () => {
  const data = Int32Array.from({ length: 100 }, (_, n) => (n < 90 ? 0 : n < 96 ? 1 : 2));
  const inputs = hostArray([100, 1], Float32Array.from(data.keys()));
  const split = { inputs, targets: hostArray([100], data), size: 100 };
  const few = (seed: number) => labelled(split, 14, seed);
  const counts = [0, 1, 2].map((k) => few(1).targets.data.filter((x) => x === k).length);
  expect(counts).toEqual([5, 5, 4]);
  expect(few(1)).toEqual(few(1));
  expect(few(1).inputs.data).not.toEqual(few(2).inputs.data);
  expect(() => labelled(split, 101, 0)).toThrow(/101 labels are asked for, and there are 100/);
});

test("a net that answers with images begins with their mean, whatever it is given", () => {
  const model = digitsNet({ inputShape: [1, 4, 4], classes: 16, seed: 1 });
  const images = Float32Array.from({ length: 32 }, (_, i) => i % 7);
  startAtMean(model, makeSplit(hostArray([2, 1, 4, 4], images), hostArray([2, 1, 4, 4], images)));
  const answers = model
    .eval()
    .forward(fromHost(hostArray([2, 1, 4, 4], images)))
    .toArray();
  const mean = Array.from({ length: 16 }, (_, i) => (images[i]! + images[16 + i]!) / 2);
  expect(answers).toEqual([mean, mean]);
});

describe.runIf(isFast)("gradus train --pretext", () => {
  beforeAll(async () => {
    await writeImages("bars", 40);
  });
  const page = (run: string) => readFile(`${run}/report.html`, "utf8");
  test.each(["rotation", "jigsaw", "masked-patches", "contrastive"])(
    "%s: trains, is reported, measured and gone on from with few labels",
    async (name) => {
      const first = await gradus(`train --pretext ${name} --data bars --epochs 1 --run ${name}`);
      expect([first.code, first.error]).toEqual([0, ""]);
      expect(first.out).toContain(`pretext task ${name}: labels are not looked at`);
      expect(first.out).toContain(`train --from ${name} --labels 100`);
      expect(first.out.includes(`predict ${name}`)).toBe(["rotation", "jigsaw"].includes(name));
      expect(await page(name)).toContain(`the pretext task ${name} of bars`);
      expect((await gradus(`evaluate ${name}`)).out).toMatch(/loss: .*examples: 10/);
      const line = `train --from ${name} --data bars --labels 8 --epochs 1 --run ${name}-on`;
      const { code, error, out } = await gradus(line);
      expect([code, error]).toEqual([0, ""]);
      expect(out).toMatch(/8 to train.*\[1, 8, 8\] in 4 classes/);
      const { tensors } = await loadCheckpoint(`${name}-on/last.safetensors`);
      expect(tensors.get("classifier.layers.5.weight")!.shape).toEqual([4, 128]);
    },
  );
  test("a run goes on, and predicts where the answer is a class", async () => {
    const { code, error } = await gradus("train --resume contrastive --epochs 2");
    expect([code, error]).toEqual([0, ""]);
    const { default: sharp } = await import("sharp");
    const raw = { width: 8, height: 8, channels: 1 } as const;
    await sharp(new Uint8Array(64), { raw }).png().toFile("a.png");
    expect((await gradus("predict rotation a.png --csv")).out).toMatch(/90°/);
    expect((await gradus("predict masked-patches a.png")).error).toMatch(
      /the pretext task masked-patches, which asks for no class/,
    );
  });
  const failing = (line: string, message: RegExp) =>
    test(line, async () => {
      const { code, error } = await gradus(`train ${line}`);
      expect([code, error]).toEqual([1, expect.stringMatching(message)]);
    });
  failing("--pretext colorization --data bars", /images have 1 channels, not red, green and blue/);
  failing("--pretext rotation --data moons", /inputs are \[\d+, 2\], not images/);
  failing("--pretext rotation --data bars --labels 3", /rotation needs no labels/);
  failing("--pretext masked-patches --data bars --augment flip", /would change the inputs/);
  failing("--pretext rotation --data bars --model conv-autoencoder", /learns from the examples/);
  failing("--pretext turning --data bars", /"turning" is not one of rotation, jigsaw/);
  failing("--data bars --labels 1000", /1000 labels are asked for, and there are 36/);
});
