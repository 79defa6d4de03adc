import { DataError, type HostArray, type Shape, show } from "../base/index.ts";
import { lightOnDark, readImage } from "../data/index.ts";
import { classification, predict } from "../train/index.ts";
import type { Define } from "./program.ts";
import { bar } from "./progress.ts";
import type { RunConfig } from "./run-config.ts";
import { openRun } from "./stored-run.ts";

export const define: Define = (command, terminal) => {
  command
    .argument("<run>", "the folder of a run, such as runs/digits-conv")
    .argument("<image>", "an image file: PNG, JPEG, WebP, GIF, AVIF, TIFF or SVG")
    .action(async (path: string, image: string) => {
      const { config, model } = await openRun(path);
      const input = await readInput(path, image, config);
      const outputs = await predict(model, input);
      const probabilities = [...classification.read(outputs).dataSync()];
      const ranked = probabilities
        .map((p, k) => ({ p, name: config.data.classes[k] ?? String(k) }))
        .sort((a, b) => b.p - a.p);
      const width = Math.max(...ranked.map(({ name }) => name.length));
      for (const { p, name } of ranked)
        terminal.out(
          `${name.padEnd(width)} ${(100 * p).toFixed(2).padStart(6)} % ${bar(p, terminal)}`.trimEnd(),
        );
    });
};

/** The image as the network was taught to see images. */
async function readInput(path: string, image: string, { data }: RunConfig): Promise<HostArray> {
  const [channels, height, width] = imageShape(path, data.inputShape);
  const input = await readImage(image, { channels, height, width });
  return data.lightOnDark ? lightOnDark(input) : input;
}

function imageShape(path: string, shape: Shape): [channels: 1 | 3, height: number, width: number] {
  const [channels, height, width] = shape;
  if (shape.length === 3 && (channels === 1 || channels === 3)) return [channels, height!, width!];
  throw new DataError({
    subject: path,
    problem: `its network takes examples of ${show(shape)}, which are no images.`,
    fix: "give a run that was trained on images.",
  });
}
