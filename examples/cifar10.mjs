/**
 * Photographs of ten kinds of things, 32×32 pixels: a small VGG with batch normalisation, trained
 * on randomly cropped and flipped images with a one-cycle learning rate.
 *
 *   node examples/cifar10.mjs DATA/cifar10/cifar10-jpg.tar.gz
 */
import { augment, horizontalFlip, randomCrop, readImageFolder, subset } from "gradus/data";
import { vgg } from "gradus/models";
import { summary } from "gradus/nn";
import { adamW, oneCycle } from "gradus/optim";
import { evaluate, fit } from "gradus/train";
import { main, percent, progress } from "./support.mjs";

/**
 * A number of examples, evenly from all classes, which are contiguous. @param
 * {import("gradus/data").Split} split @param {number} count
 */
const sample = (split, count) =>
  subset(
    split,
    Array.from({ length: count }, (_, n) => Math.floor((n * split.size) / count)),
  );

/** @param {import("./support.mjs").Call} call */
export async function cifar10({ data, quick, print }) {
  const [epochs, batchSize] = quick ? [2, 32] : [6, 128];
  const {
    train: all,
    test: held,
    classes = [],
  } = await readImageFolder(data, quick ? { classes: ["airplane", "frog"] } : {});
  if (!held) throw new Error(`${data} has no folder test`);
  const [train, test] = quick ? [sample(all, 512), sample(held, 256)] : [all, held];
  print(`${train.size} images to learn from, ${test.size} to judge by, ${classes.length} classes`);

  const inputShape = train.inputs.shape.slice(1);
  const model = vgg({ inputShape, classes: classes.length, seed: 1 });
  print(`${summary(model, inputShape).totals.parameters} parameters`);
  const steps = epochs * Math.ceil(train.size / batchSize);
  await fit(model, train, {
    epochs,
    batchSize,
    optimizer: adamW({ weightDecay: 0.01 }),
    lr: oneCycle(0.005, { steps }),
    augment: augment([randomCrop({ padding: 4 }), horizontalFlip()]),
    callbacks: [progress(print)],
    seed: 1,
  });

  const { accuracy = 0, loss = 0 } = await evaluate(model, test);
  print(`test: accuracy ${percent(accuracy)}, loss ${loss.toFixed(4)}`);
  return { accuracy };
}

await main(import.meta.url, cifar10);
