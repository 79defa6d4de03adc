/**
 * Recognizes spoken digits: a convolutional net on log-mel spectrograms of the free spoken digits,
 * tested on new recordings of known voices.
 *
 *   node examples/spoken-digits.mjs DATA/fsdd/fsdd.tar.gz
 */
import { fromHost } from "gradus";
import { augment, cutout, logMel, makeSplit, readWavFolder, shift } from "gradus/data";
import { digitsNet } from "gradus/models";
import { adamW, oneCycle } from "gradus/optim";
import { evaluate, fit } from "gradus/train";
import { main, percent, progress } from "./support.mjs";

/**
 * Recordings as images `[N, 1, mels, frames]`, each with mean 0 and variance 1: loudness carries no
 * information.
 * @param {import("gradus/data").Split} split @param {number} sampleRate
 */
function toImages({ inputs, targets }, sampleRate) {
  const options = { sampleRate, window: 256, hop: 128, count: 40, floor: 1e-5 };
  const x = fromHost(logMel(inputs, options)).unsqueeze(1);
  const axis = [1, 2, 3];
  const centered = x.sub(x.mean({ axis, keepDims: true }));
  const images = centered.div(x.std({ axis, keepDims: true }).add(1e-3));
  return makeSplit(images.toHost(), targets);
}

/** @param {import("./support.mjs").Call} call */
export async function spokenDigits({ data, quick, print }) {
  const folder = await readWavFolder(data, { length: 6000, test: 5 });
  const { sampleRate, classes = [] } = folder;
  if (!folder.test) throw new Error(`${data} has no recordings 0 to 4`);
  const [train, test] = [toImages(folder.train, sampleRate), toImages(folder.test, sampleRate)];
  const inputShape = train.inputs.shape.slice(1);
  print(
    `${train.size} recordings to learn from, ${test.size} to judge by, as images of ${inputShape.slice(1).join("×")}`,
  );

  const model = digitsNet({ inputShape, classes: classes.length, seed: 1 });
  const [epochs, batchSize] = [quick ? 1 : 12, 32];
  await fit(model, train, {
    epochs,
    batchSize,
    optimizer: adamW({ weightDecay: 0.01 }),
    lr: oneCycle(3e-3, { steps: epochs * Math.ceil(train.size / batchSize) }),
    augment: augment([shift({ shift: 0.08 }), cutout({ size: 10 })]),
    callbacks: [progress(print)],
    seed: 1,
  });

  const { accuracy = 0 } = await evaluate(model, test);
  print(`test: accuracy ${percent(accuracy)}`);
  return { accuracy };
}

await main(import.meta.url, spokenDigits);
