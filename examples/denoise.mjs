/**
 * Removes noise from handwritten digits: a convolutional autoencoder that sees noisy digits and
 * learns to reconstruct them without noise. Writes runs/denoise.png: originals, inputs, outputs.
 *
 *   node examples/denoise.mjs DATA/mnist
 */
import { mkdir, writeFile } from "node:fs/promises";
import { fromHost, normal } from "gradus";
import { readIdxFolder, subset } from "gradus/data";
import { pictureToPng } from "gradus/draw";
import { denoisingAutoencoder } from "gradus/models";
import { cosine } from "gradus/optim";
import { fit, predict, reconstruction } from "gradus/train";
import { main, progress } from "./support.mjs";

const std = 0.5;

/** @param {import("./support.mjs").Call} call */
export async function denoise({ data, quick, print }) {
  const { train, test: held } = await readIdxFolder(data);
  if (!held) throw new Error(`${data} has no test images`);
  const rows = (/** @type {number} */ count) => Array.from({ length: count }, (_, n) => n);
  const clean = quick ? subset(train, rows(1000)) : train;
  const test = quick ? subset(held, rows(200)) : held;

  // cross-entropy of intensities: squares of a sigmoid hardly move from all black
  const model = denoisingAutoencoder({
    ...{ inputShape: [1, 28, 28], likelihood: "bernoulli", noise: std, seed: 1 },
  });
  const [epochs, batchSize] = [quick ? 1 : 5, 64];
  await fit(model, reconstruction(clean.inputs), {
    epochs,
    batchSize,
    lr: cosine(2e-3, { steps: epochs * Math.ceil(clean.size / batchSize) }),
    callbacks: [progress(print)],
    seed: 1,
  });

  const original = fromHost(test.inputs);
  const noisy = original.add(normal(original.shape, { key: 7 }).mul(std));
  const restored = (await predict(model, noisy)).sigmoid();
  const error = (/** @type {import("gradus").Tensor} */ x) =>
    x.sub(original).square().mean().item();
  const errors = {
    noisy: error(noisy),
    clipped: error(noisy.clip(0, 1)),
    restored: error(restored),
  };
  print(
    `mean squared error on ${test.size} test digits: noisy ${errors.noisy.toFixed(4)}, ` +
      `noisy and clipped to [0, 1] ${errors.clipped.toFixed(4)}, restored ${errors.restored.toFixed(4)}`,
  );

  await mkdir("runs", { recursive: true });
  await writeFile("runs/denoise.png", await picture([original, noisy, restored]));
  print("wrote runs/denoise.png: originals, with noise, restored");
  return errors;
}

/**
 * The first digits of each stack as a row of the picture, three pixels for each of theirs.
 * @param {import("gradus").Tensor[]} stacks `[N, 1, 28, 28]` each
 */
async function picture(stacks, { digits = 12, zoom = 3 } = {}) {
  const [height, width] = [stacks.length * 28 * zoom, digits * 28 * zoom];
  const images = stacks.map((stack) => stack.slice([0, digits]).dataSync());
  const values = Float32Array.from({ length: height * width }, (_, i) => {
    const [y, x] = [Math.floor(i / width / zoom), Math.floor((i % width) / zoom)];
    const [row, column] = [Math.floor(y / 28), Math.floor(x / 28)];
    return images[row]?.[column * 784 + (y % 28) * 28 + (x % 28)] ?? 0;
  });
  return pictureToPng({ channels: 1, height, width, values });
}

await main(import.meta.url, denoise);
