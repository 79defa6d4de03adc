/** Images of digits through a narrow code and back: by PCA, and by autoencoders. */
import { avgPool, compile, fromHost, type Tensor } from "gradus";
import { digits, readIdxFolder, type Split } from "gradus/data";
import { PCA, TSNE, UMAP } from "gradus/learn";
import { deepAutoencoder, linearAutoencoder } from "gradus/models";
import { valueAndGrad } from "gradus/nn";
import { adam, Optimizer } from "gradus/optim";
import { integers } from "./random.ts";

const side = 14;
const pixels = side * side;

/**
 * Handwritten digits if available, else generated ones, at half the size: `[N, 196]`, centered by
 * the training mean.
 */
export async function images(folder: string | undefined, n: number, tested: number, seed: number) {
  const all =
    folder === undefined
      ? digits({ train: n, test: tested, seed })
      : await readIdxFolder(`${folder}/mnist`);
  const [train, test] = [take(all.train, n, seed), take(all.test!, tested, seed)];
  const centre = train.x.mean({ axis: 0 }).evalSync();
  const less = (x: Tensor) => x.sub(centre).evalSync();
  return { train: less(train.x), test: less(test.x), labels: test.labels };
}

/** A random part of a set. */
function take({ inputs, targets }: Split, n: number, seed: number) {
  const rows = integers(inputs.shape[0]!, [n], seed, 31);
  const x = fromHost(inputs).take(rows).reshape([n, 1, 28, 28]);
  const labels = Array.from(rows.dataSync(), (i) => targets.data[i]!);
  return { x: avgPool(x, { size: 2 }).reshape([n, pixels]).evalSync(), labels };
}

/** Squared reconstruction error of images, as a fraction of their variance. */
const share = (x: Tensor, back: Tensor): number =>
  x.sub(back).square().sum().item() / x.square().sum().item();

/** The best linear codes: errors by width, on the first principal components. */
export async function pca(train: Tensor, widest: number) {
  const { components, mean } = await new PCA({ nComponents: widest }).fit(train);
  return (x: Tensor, width: number): number => {
    const u = components.slice([0, width]); // [width, pixels]
    const centered = x.cast("float64").sub(mean);
    return share(x, centered.matmul(u.transpose()).matmul(u).add(mean));
  };
}

interface Manner {
  readonly deep: boolean;
  readonly steps: number;
  readonly seed: number;
}

/** An autoencoder, deep or linear, trained by Adam on batches of 64 at a rate that falls to 0. */
export function autoencoder(train: Tensor, width: number, { deep, steps, seed }: Manner) {
  const options = { inputShape: [pixels], code: width, seed };
  const model = deep
    ? deepAutoencoder({ ...options, hidden: [128, 64] })
    : linearAutoencoder(options);
  const optimizer = new Optimizer(model, adam());
  const loss = (x: Tensor) => model.forward(x).sub(x).square().sum({ axis: 1 }).mean();
  const step = compile((x: Tensor, rows: Tensor, lr: number) => {
    optimizer.update(valueAndGrad(model, loss)(x.take(rows)).grads, { lr });
  });
  const rate = deep ? 0.003 : 0.02;
  for (let k = 0; k < steps; k++) {
    const rows = integers(train.shape[0]!, [64], seed, 1000 + k);
    step.sync(train, rows, rate * (1 - k / steps));
  }
  return {
    error: (x: Tensor) => share(x, model.forward(x)),
    encode: (x: Tensor) => model.encode(x).evalSync(),
  };
}

/** Codes `[N, 8]` in the plane: by their first two principal components, by t-SNE and by UMAP. */
export async function planes(codes: Tensor, seed: number, iterations: number) {
  const plane = async (learner: PCA | TSNE | UMAP) =>
    (await learner.fitTransform(codes)).toArray() as number[][];
  return {
    PCA: await plane(new PCA({ nComponents: 2 })),
    "t-SNE": await plane(new TSNE({ seed, iterations })),
    UMAP: await plane(new UMAP({ seed, iterations: iterations / 2 })),
  };
}

/** The fraction of points whose nearest neighbour has the same label. */
export function purity(points: readonly (readonly number[])[], labels: readonly number[]): number {
  const same = points.filter((p, i) => {
    const away = points.map((q, j) =>
      i === j ? Number.POSITIVE_INFINITY : q.reduce((sum, x, k) => sum + (x - p[k]!) ** 2, 0),
    );
    return labels[away.indexOf(Math.min(...away))] === labels[i];
  });
  return same.length / points.length;
}
