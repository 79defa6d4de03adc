/** `gradus landscape` on a small run: files, numbers, page, resumption, another net. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { gradus, isFast, spawned, workIn } from "../support.ts";

workIn();
const train = "train --data moons --epochs 3 --batch-size 100";
const small = "--points 5 --samples 60";
beforeAll(async () => {
  if (!isFast) return;
  await gradus(`${train} --run a`);
  await gradus(`${train} --run b --seed 1`);
}, 60_000);

const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));

describe.runIf(isFast)("gradus landscape", () => {
  test("writes page, figures and numbers into the run, and says the main ones", async () => {
    const { code, out } = await gradus(`landscape a ${small}`);
    expect([code, out]).toEqual([0, expect.stringMatching(/^plane +25\/25/)]);
    expect(out).toMatch(/loss +[\d.]+ on 60 of 720 training examples/);
    expect(out).toMatch(/plane +pca, a path of \d+ points/);
    for (const name of ["contour", "surface", "spectrum"]) {
      expect(readFileSync(`a/landscape/${name}.svg`, "utf8")).toMatch(/^<svg/);
      expect(readFileSync(`a/landscape/${name}.png`).subarray(1, 4).toString()).toBe("PNG");
    }
    const { grid, path, explained, trace, largest, directions, samples } = json(
      "a/landscape/landscape.json",
    );
    expect([grid.losses.length, grid.losses[0].length, directions, samples]).toEqual([
      5,
      5,
      "pca",
      60,
    ]);
    expect(path.length).toBe(25); // 8 steps an epoch, and the start
    expect(explained[0] + explained[1]).toBeGreaterThan(0.5);
    expect(largest[0].value).toBeGreaterThan(largest[1].value);
    expect(trace.standardError).toBeGreaterThan(0);
  });

  test("the page is one file that explains itself: it loads nothing", () => {
    const page = readFileSync("a/landscape/landscape.html", "utf8");
    const own = page.replace(/<script>[\s\S]*?<\/script>/g, "");
    expect(own).not.toMatch(/(src|href)="(?!data:)/);
    for (const text of ["From above", "As a surface", "In numbers", "Spectrum", "Audit of the net"])
      expect(own).toContain(`<h2>${text}</h2>`);
    expect(own).toContain("60 of 720 training examples, drawn with seed 0");
    expect(own).toContain("layers.");
  });

  test("goes on with its grid, and begins anew for another sample", async () => {
    const before = statSync("a/landscape/grid.safetensors").mtimeMs;
    await gradus(`landscape a ${small}`);
    expect(statSync("a/landscape/grid.safetensors").mtimeMs).toBe(before);
    await gradus(`landscape a --points 5 --samples 50`);
    expect(statSync("a/landscape/grid.safetensors").mtimeMs).toBeGreaterThan(before);
  });

  test("to another net: a line, a curve, and their barriers as JSON", async () => {
    const { code, out } = await gradus(
      `landscape a ${small} --to b --out other --directions eigen --json`,
    );
    const result = JSON.parse(out);
    expect([code, result.directions, result.event]).toEqual([0, "eigen", "landscape"]);
    const { between } = result;
    expect(between.line[0]).toBeCloseTo(result.loss, 10);
    expect(between.curve[0]).toBe(between.line[0]);
    expect(between.curveBarrier).toBeLessThanOrEqual(between.lineBarrier + 1e-3);
    expect(result.files).toContain("other/between.svg");
  });

  test("without a trajectory says so and draws no path", async () => {
    rmSync("b/trajectory.safetensors");
    const { out } = await gradus(`landscape b ${small}`);
    expect(out).toMatch(/plane +random, no path: the run has no trajectory/);
    expect(readFileSync("b/landscape/landscape.html", "utf8")).toContain("no path is drawn");
    const { code, error } = await gradus(`landscape b ${small} --directions pca`);
    expect([code, error]).toEqual([1, expect.stringMatching(/no trajectory.*random or eigen/s)]);
  });

  test("a path that hardly moved has no plane", async () => {
    await gradus(
      "train --data moons --epochs 3 --batch-size 100 --optimizer sgd --lr 1e-300 --run still",
    );
    const { error } = await gradus(`landscape still ${small}`);
    expect(error).toMatch(/--directions pca: the run's path has no plane.*random or eigen/s);
    expect(existsSync("still/landscape")).toBe(false);
  });

  test("Ctrl-C after the plane ends it at once", async () => {
    const { code, out } = await spawned("landscape a --points 2 --out stopped", (said, kill) => {
      if (/plane/.test(said)) kill("SIGINT");
    });
    expect([code, out]).toEqual([null, expect.not.stringMatching(/page/)]);
    expect(readdirSync("stopped")).toEqual(["grid.safetensors"]);
  });

  test("refuses nets of other shapes, and folders that are no runs", async () => {
    await gradus("train --data blobs --epochs 1 --batch-size 400 --run d");
    const { code, error } = await gradus(`landscape a ${small} --to d`);
    expect([code, error]).toEqual([
      1,
      expect.stringMatching(/--to: the nets have other parameters/),
    ]);
    expect((await gradus(`landscape a ${small} --to d --out none`)).code).toBe(1);
    expect(existsSync("none")).toBe(false);
    const file = await gradus(`landscape a ${small} --out a/config.json/x`);
    expect(file.error).toMatch(/^error: a\/config.json\/x: the folder cannot be made/);
    expect((await gradus("landscape nowhere")).code).toBe(1);
    expect(existsSync("nowhere")).toBe(false);
  });
});
