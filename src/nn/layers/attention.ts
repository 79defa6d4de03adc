/** Attention, and the transformer block. */
import {
  ConfigError,
  checkOptions,
  DTypeError,
  type FloatDType,
  ShapeError,
  show,
} from "../../base/index.ts";
import { arange, type Tensor, where } from "../../tensor/index.ts";
import { glorotUniform } from "../initialise.ts";
import { Module } from "../module.ts";
import { GELU } from "./activation.ts";
import { Dropout } from "./dropout.ts";
import { checkCounts, Linear } from "./linear.ts";
import { LayerNorm } from "./normalisation.ts";
import { Sequential } from "./sequential.ts";

/** The score of a masked position: e to this power is 0, and unlike −∞ it gives no NaN. */
const unseen = -1e30;

/** The mask and dropout of {@link attention}. */
export interface AttentionOptions {
  /** True where a query (axis −2) may see a key (axis −1); broadcasts to the scores. */
  readonly mask?: Tensor | undefined;
  /** Applied to the weights before they are used: dropout. */
  readonly dropout?: Module | undefined;
}

/**
 * Scaled dot-product attention: each query gets the mean of the values, weighted by how well their
 * keys match.
 *
 *   y = softmax(Q Kᵀ / √d) V
 *
 * A query whose keys are all masked gets 0.
 *
 * @param q `[…, L, d]` @param k `[…, S, d]` @param v `[…, S, e]`
 * @returns `[…, L, e]`
 * @throws {DTypeError} for a mask that is not bool.
 * @see Vaswani et al. 2017, §3.2.1
 * @example
 * const v = tensor([[1], [3]]);
 * attention(zeros([1, 2]), zeros([2, 2]), v).toArray(); // [[2]]
 * attention(zeros([1, 2]), zeros([2, 2]), v, { mask: tensor([1, 0], "bool") }).toArray(); // [[1]]
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  checkOptions("attention", options, { mask: true, dropout: true });
  const { mask, dropout } = options;
  const swapped = [...k.shape.keys()].map((i) => (i < k.rank - 2 ? i : 2 * k.rank - 3 - i));
  const scores = q.mul((q.shape.at(-1) ?? 1) ** -0.5).matmul(k.transpose(swapped)); // […, L, S]
  if (mask && mask.dtype !== "bool")
    throw new DTypeError({
      subject: "attention",
      problem: `the mask is ${mask.dtype}.`,
      fix: 'give true where a query may see a key: mask.cast("bool").',
    });
  // the second where is for fully masked rows, whose softmax is uniform
  const weights = mask ? where(mask, where(mask, scores, unseen).softmax(), 0) : scores.softmax();
  return (dropout?.forward(weights) ?? weights).matmul(v);
}

/**
 * The causal mask, under which position i sees positions 0 … i: `[length, length]` bool.
 * @example
 * causalMask(2).toArray(); // [[1, 0], [1, 1]]
 */
export const causalMask = (length: number): Tensor =>
  arange(length).unsqueeze(1).greaterEqual(arange(length).unsqueeze(0));

/**
 * Which positions of padded sequences are real: `[N]` int32 lengths → `[N, size]` bool.
 * @example
 * lengthMask(tensor([1, 3], "int32"), 3).toArray(); // [[1, 0, 0], [1, 1, 1]]
 */
export const lengthMask = (lengths: Tensor, size: number): Tensor =>
  arange(size).unsqueeze(0).less(lengths.unsqueeze(1));

/** The mask, dropout and dtype of {@link MultiHeadAttention}. */
export interface MultiHeadAttentionOptions {
  /** Position i sees positions 0 … i only. */
  readonly causal?: boolean | undefined;
  /** Probability of dropping an attention weight in training, default 0. */
  readonly dropout?: number | undefined;
  readonly dtype?: FloatDType | undefined;
}

/** Inputs of {@link MultiHeadAttention}. */
type Attended = [
  query: Tensor,
  key?: Tensor | undefined,
  value?: Tensor | undefined,
  options?: { readonly mask?: Tensor | undefined },
];

/**
 * Several attention heads side by side, each on its own projection of the inputs:
 *
 *   headᵢ = attention(x Wᵢ^Q, y Wᵢ^K, z Wᵢ^V),   result = [head₁ … headₕ] W^O
 *
 * with a bias at every projection. Without a key it is self-attention; the value defaults to the
 * key. Weights start uniform with variance 2/(n_in + n_out) (Glorot), biases at 0.
 *
 * @throws {ConfigError} if the heads do not divide the size. @throws {ShapeError} for other inputs.
 * @see Vaswani et al. 2017, §3.2.2; {@link attention}
 * @example
 * const layer = new MultiHeadAttention(8, 2);
 * layer.forward(zeros([4, 5, 8])).shape; // [4, 5, 8]
 * const sentences = zeros([4, 7, 8]);
 * const mask = lengthMask(tensor([7, 3, 2, 1], "int32"), 7).reshape([4, 1, 1, 7]);
 * layer.forward(zeros([4, 5, 8]), sentences, sentences, { mask }).shape; // [4, 5, 8]
 */
export class MultiHeadAttention extends Module<Attended> {
  readonly size: number;
  readonly heads: number;
  readonly causal: boolean;
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear;
  readonly dropout: Dropout;

  constructor(size: number, heads: number, options: MultiHeadAttentionOptions = {}) {
    super();
    checkOptions("MultiHeadAttention", options, {
      causal: "boolean",
      dropout: "number",
      dtype: true,
    });
    const { causal = false, dropout = 0, dtype } = options;
    checkCounts("MultiHeadAttention", { size, heads });
    if (size % heads !== 0)
      throw new ConfigError({
        subject: "MultiHeadAttention",
        problem: `a size of ${size} does not divide into ${heads} heads.`,
        fix: "make the size a multiple of the heads.",
      });
    this.size = size;
    this.heads = heads;
    this.causal = causal;
    const projection = () => new Linear(size, size, { init: glorotUniform, dtype });
    this.query = projection();
    this.key = projection();
    this.value = projection();
    this.output = projection();
    this.dropout = new Dropout(dropout);
  }

  /** `[N, L, size]`, with keys and values `[N, S, size]` → `[N, L, size]`; a mask broadcasts to `[N, heads, L, S]`. */
  forward(...[query, key = query, value = key, { mask } = {}]: Attended): Tensor {
    for (const x of [query, key, value]) this.#check(x);
    const heads = [
      this.#split(this.query.forward(query)),
      this.#split(this.key.forward(key)),
      this.#split(this.value.forward(value)),
    ] as const; // [N, heads, L or S, size / heads]
    const seen = this.#seen(query.shape[1]!, key.shape[1]!, mask);
    const y = attention(...heads, { mask: seen, dropout: this.dropout });
    return this.output.forward(y.transpose([0, 2, 1, 3]).reshape(query.shape));
  }

  /** `[N, L, size]` → `[N, heads, L, size / heads]` */
  #split(x: Tensor): Tensor {
    const [n, length] = x.shape as [number, number];
    return x.reshape([n, length, this.heads, this.size / this.heads]).transpose([0, 2, 1, 3]);
  }

  #seen(queries: number, keys: number, mask: Tensor | undefined): Tensor | undefined {
    if (!this.causal) return mask;
    if (queries !== keys)
      throw new ShapeError({
        subject: "MultiHeadAttention",
        problem: `causal attention of ${queries} queries to ${keys} keys.`,
        fix: "causal attention is of a sequence to itself: give a mask instead.",
      });
    const past = causalMask(queries);
    return mask ? past.logicalAnd(mask) : past;
  }

  #check(x: Tensor): void {
    if (x.rank === 3 && x.shape[2] === this.size) return;
    throw new ShapeError({
      subject: "MultiHeadAttention",
      problem: `takes [N, length, ${this.size}], got ${show(x.shape)}.`,
      fix: "give batches of sequences of vectors of this size.",
    });
  }

  override toString(): string {
    return `MultiHeadAttention ${this.size}, ${this.heads} heads`;
  }
}

/** The attention and the dense layers of a {@link TransformerBlock}. */
export interface TransformerBlockOptions extends MultiHeadAttentionOptions {
  /** Units between the two dense layers, default 4 · size. */
  readonly hidden?: number | undefined;
  /** The nonlinearity between them, default {@link GELU}. */
  readonly activation?: Module | undefined;
}

/** Inputs of {@link TransformerBlock}. */
type Blocked = [x: Tensor, options?: { readonly mask?: Tensor | undefined }];

/**
 * One block of a transformer: attention between positions, then a feed-forward network at each of
 * them.
 *
 *   x ← x + attention(norm(x)),   x ← x + W₂ φ(W₁ norm(x) + b₁) + b₂
 *
 * Normalisation comes before each part (pre-norm), which trains without warm-up where the paper's
 * order does not. A causal block sees only the past, as language models need.
 *
 * @see Vaswani et al. 2017, §3; Xiong et al. 2020 for the order; Radford et al. 2019 (GPT-2)
 * @example
 * const model = new Sequential(
 *   new TransformerBlock(16, 4, { causal: true }),
 *   new TransformerBlock(16, 4, { causal: true }),
 * );
 * model.forward(zeros([2, 10, 16])).shape; // [2, 10, 16]
 */
export class TransformerBlock extends Module<Blocked> {
  readonly norm1: LayerNorm;
  readonly attention: MultiHeadAttention;
  readonly norm2: LayerNorm;
  readonly mlp: Sequential;
  readonly dropout: Dropout;

  constructor(size: number, heads: number, options: TransformerBlockOptions = {}) {
    super();
    checkOptions("TransformerBlock", options, {
      causal: "boolean",
      dropout: "number",
      hidden: "count",
      activation: true,
      dtype: true,
    });
    const { causal, dropout = 0, hidden = 4 * size, activation = new GELU(), dtype } = options;
    this.norm1 = new LayerNorm(size, { dtype });
    this.attention = new MultiHeadAttention(size, heads, { causal, dropout, dtype });
    this.norm2 = new LayerNorm(size, { dtype });
    this.mlp = new Sequential(
      new Linear(size, hidden, { init: glorotUniform, dtype }),
      activation,
      new Linear(hidden, size, { init: glorotUniform, dtype }),
    );
    this.dropout = new Dropout(dropout);
  }

  /** `[N, L, size]` → the same shape */
  forward(...[x, { mask } = {}]: Blocked): Tensor {
    const seen = this.attention.forward(this.norm1.forward(x), undefined, undefined, { mask });
    const y = x.add(this.dropout.forward(seen));
    return y.add(this.dropout.forward(this.mlp.forward(this.norm2.forward(y))));
  }
}
