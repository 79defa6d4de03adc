/** Similarity of representations: centred kernel alignment of layers. */
import { ConfigError, checkOptions, describe, ShapeError, show } from "../base/index.ts";
import type { Module } from "../nn/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { layerActivations } from "./capture.ts";

/** The kernel of {@link cka}. */
export interface CkaOptions {
  /** "linear" (the default), or "rbf": exp(−‖x − y‖²/2σ²). */
  readonly kernel?: "linear" | "rbf" | undefined;
  /** σ as a multiple of the median distance between examples, default 1. */
  readonly bandwidth?: number | undefined;
}

/**
 * Centred kernel alignment of two representations of the same examples:
 *
 *   CKA(X, Y) = ⟨HKH, HLH⟩ / (‖HKH‖ ‖HLH‖),   H = I − 1/n,   K = k(X, X),   L = k(Y, Y)
 *
 * 1 for representations that agree up to rotation, shift and scale, 0 for those that have nothing
 * in common. For the linear kernel it is ‖YᵀX‖²/(‖XᵀX‖ ‖YᵀY‖) of centred columns.
 *
 * @param x `[n, p]`, or `[n, …]`, whose further axes are flattened. @param y `[n, q]`
 * @throws {ShapeError} if the numbers of examples differ, or are below two.
 * @see Kornblith, Norouzi, Lee & Hinton 2019, "Similarity of neural network representations
 * revisited", §3
 * @example
 * const x = tensor([[1, 2], [3, 5], [0, 1]]);
 * cka(x, x.mul(-7).add(3)); // 1
 */
export function cka(x: Tensor, y: Tensor, options: CkaOptions = {}): number {
  checkOptions("cka", options, { kernel: true, bandwidth: "positive" });
  const { kernel = "linear", bandwidth = 1 } = options;
  if (kernel !== "linear" && kernel !== "rbf")
    throw new ConfigError({
      subject: "cka",
      problem: `kernel is ${describe(kernel)}.`,
      fix: 'use "linear" or "rbf".',
    });
  const [n] = x.shape;
  if (n !== y.shape[0] || n === undefined || n < 2 || x.rank < 2 || y.rank < 2)
    throw new ShapeError({
      subject: "cka",
      problem: `takes two representations [n, …] of the same n ≥ 2 examples, got ${show(x.shape)} and ${show(y.shape)}.`,
      fix: "give both for the same examples.",
    });
  return alignment(gramOf(x, kernel, bandwidth), gramOf(y, kernel, bandwidth));
}

/** ⟨K, L⟩/(‖K‖ ‖L‖) of centred matrices; NaN if one is 0. */
const alignment = (k: Tensor, l: Tensor): number =>
  k.mul(l).sum().item() / Math.sqrt(k.square().sum().item() * l.square().sum().item());

/** The centred kernel matrix, float64. */
function gramOf(x: Tensor, kernel: "linear" | "rbf", bandwidth: number): Tensor {
  const n = x.shape[0]!;
  const rows = x.cast("float64").reshape([n, -1]);
  const centred = rows.sub(rows.mean({ axis: 0, keepDims: true }));
  const products = centred.matmul(centred.transpose()); // linear, and centred already
  if (kernel === "linear") return products;
  const norms = centred.square().sum({ axis: 1, keepDims: true });
  const squares = norms.add(norms.transpose()).sub(products.mul(2)).relu();
  const distances = [...squares.dataSync()].filter((_, i) => Math.floor(i / n) < i % n);
  distances.sort((a, b) => a - b);
  const median = distances[distances.length >> 1]!;
  const k = squares.div(-2 * bandwidth ** 2 * median).exp();
  const rowMeans = k.mean({ axis: 1, keepDims: true });
  return k.sub(rowMeans).sub(rowMeans.transpose()).add(k.mean());
}

/** Layers of two models, or of one, and their pairwise similarity. */
export interface LayerSimilarity {
  /** The rows. */
  readonly paths: readonly string[];
  /** The columns. */
  readonly others: readonly string[];
  /** `[paths][others]`, from 0 to 1. */
  readonly similarity: readonly (readonly number[])[];
}

/** Another model, its inputs, and the kernel. */
export interface LayerSimilarityOptions extends CkaOptions {
  /** By default the model itself. */
  readonly other?: Module | undefined;
  /** By default every layer that contains no other. */
  readonly paths?: readonly string[] | undefined;
  /** Layers of the other model. */
  readonly otherPaths?: readonly string[] | undefined;
}

/**
 * {@link cka} of every layer with every layer, of one model or of two.
 *
 * @param inputs `[N, …]`, some hundred examples for a stable figure.
 * @example
 * const model = new Sequential(new Linear(2, 4), new ReLU(), new Linear(4, 1));
 * const { paths, similarity } = layerSimilarity(model, tensor([[0, 1], [1, 0], [2, 2]]));
 * paths; // ["layers.0", "layers.1", "layers.2"]
 * similarity[1][1].toFixed(6); // "1.000000"
 */
export function layerSimilarity(
  model: Module,
  inputs: Tensor,
  options: LayerSimilarityOptions = {},
): LayerSimilarity {
  checkOptions("layerSimilarity", options, {
    other: true,
    paths: true,
    otherPaths: true,
    kernel: true,
    bandwidth: "positive",
  });
  const {
    other = model,
    paths,
    otherPaths = other === model ? paths : undefined,
    ...ofCka
  } = options;
  const { kernel = "linear", bandwidth = 1 } = ofCka;
  const grams = (of: Module, wanted: readonly string[] | undefined) =>
    layerActivations(of, inputs, wanted).map(({ path, output }) => ({
      path,
      gram: gramOf(output, kernel, bandwidth),
    }));
  const rows = grams(model, paths);
  const columns = grams(other, otherPaths);
  return {
    paths: rows.map(({ path }) => path),
    others: columns.map(({ path }) => path),
    similarity: rows.map(({ gram }) => columns.map((column) => alignment(gram, column.gram))),
  };
}
