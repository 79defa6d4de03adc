import { checkOptions, type FloatDType } from "../../base/index.ts";
import {
  attention,
  Dropout,
  Embedding,
  init,
  LayerNorm,
  Linear,
  Module,
  seeded,
} from "../../nn/index.ts";
import { arange, type Tensor, zerosLike } from "../../tensor/index.ts";
import type { GptOptions } from "./gpt.ts";
import { checkHeads, checkLength, heads, joined, optionNames } from "./heads.ts";

/** The sizes of {@link bert}. */
export interface BertOptions extends GptOptions {
  /** Units between the two dense layers of a block, default 4 · size. */
  readonly hidden?: number | undefined;
  /** Kinds of segments, default 2. */
  readonly segments?: number | undefined;
}

/** Segments and padding of {@link Bert}'s sequences. */
export interface BertInputs {
  /** The kind of segment of each token, `[N, L]` int32; default 0. */
  readonly segments?: Tensor | undefined;
  /** True for real tokens, false for padding, `[N, L]` bool; default all. */
  readonly mask?: Tensor | undefined;
}

const weights = init.normal(0, 0.02); // as in the paper
const norm = (size: number, dtype: FloatDType | undefined) =>
  new LayerNorm(size, { eps: 1e-12, dtype });
const dense = (inputs: number, outputs: number, dtype: FloatDType | undefined) =>
  new Linear(inputs, outputs, { init: weights, dtype });

class Embeddings extends Module<[tokens: Tensor, segments: Tensor]> {
  static readonly torch = {
    fields: { layerNorm: "LayerNorm" },
    ignored: ["position_ids", "token_type_ids"],
  };
  readonly wordEmbeddings: Embedding;
  readonly positionEmbeddings: Embedding;
  readonly tokenTypeEmbeddings: Embedding;
  readonly layerNorm: LayerNorm;
  readonly dropout: Dropout;

  constructor({ vocabulary, context, size, segments = 2, dropout, dtype }: BertOptions) {
    super();
    const table = (count: number, paddingIndex?: number) =>
      new Embedding(count, size, { init: weights, dtype, paddingIndex });
    this.wordEmbeddings = table(vocabulary, 0);
    this.positionEmbeddings = table(context);
    this.tokenTypeEmbeddings = table(segments);
    this.layerNorm = norm(size, dtype);
    this.dropout = new Dropout(dropout ?? 0);
  }

  forward(tokens: Tensor, segments: Tensor): Tensor {
    const positions = arange(tokens.shape[1]!).cast("int32");
    const x = this.wordEmbeddings
      .forward(tokens)
      .add(this.tokenTypeEmbeddings.forward(segments))
      .add(this.positionEmbeddings.forward(positions));
    return this.dropout.forward(this.layerNorm.forward(x));
  }
}

/** A dense layer, dropout, and the norm of its sum with what came before. */
class Output extends Module<[y: Tensor, x: Tensor]> {
  static readonly torch = { fields: { layerNorm: "LayerNorm" } };
  readonly dense: Linear;
  readonly layerNorm: LayerNorm;
  readonly dropout: Dropout;

  constructor(inputs: number, { size, dropout, dtype }: BertOptions) {
    super();
    this.dense = dense(inputs, size, dtype);
    this.layerNorm = norm(size, dtype);
    this.dropout = new Dropout(dropout ?? 0);
  }

  forward(y: Tensor, x: Tensor): Tensor {
    return this.layerNorm.forward(this.dropout.forward(this.dense.forward(y)).add(x));
  }
}

/** Hidden states, and the mask of what may be seen. */
type Blocked = [x: Tensor, mask: Tensor | undefined];

class SelfAttention extends Module<Blocked> {
  readonly heads: number;
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly dropout: Dropout;

  constructor({ size, heads, dropout, dtype }: BertOptions) {
    super();
    this.heads = heads;
    this.query = dense(size, size, dtype);
    this.key = dense(size, size, dtype);
    this.value = dense(size, size, dtype);
    this.dropout = new Dropout(dropout ?? 0);
  }

  forward(x: Tensor, mask: Tensor | undefined): Tensor {
    const [q, k, v] = [this.query, this.key, this.value].map((layer) =>
      heads(layer.forward(x), this.heads),
    ) as [Tensor, Tensor, Tensor];
    return joined(attention(q, k, v, { mask, dropout: this.dropout }));
  }
}

class Attention extends Module<Blocked> {
  readonly self: SelfAttention;
  readonly output: Output;

  constructor(options: BertOptions) {
    super();
    this.self = new SelfAttention(options);
    this.output = new Output(options.size, options);
  }

  forward(x: Tensor, mask: Tensor | undefined): Tensor {
    return this.output.forward(this.self.forward(x, mask), x);
  }
}

class Layer extends Module<Blocked> {
  static readonly torch = { fields: { intermediate: "intermediate.dense" } };
  readonly attention: Attention;
  readonly intermediate: Linear;
  readonly output: Output;

  constructor(options: BertOptions) {
    super();
    const { size, hidden = 4 * size, dtype } = options;
    this.attention = new Attention(options);
    this.intermediate = dense(size, hidden, dtype);
    this.output = new Output(hidden, options);
  }

  forward(x: Tensor, mask: Tensor | undefined): Tensor {
    const y = this.attention.forward(x, mask);
    return this.output.forward(this.intermediate.forward(y).gelu(), y);
  }
}

/** An encoder of text; see {@link bert}. */
export class Bert extends Module<[tokens: Tensor, inputs?: BertInputs | undefined]> {
  static readonly torch = { fields: { layers: "encoder.layer", pooler: "pooler.dense" } };
  readonly context: number;
  readonly embeddings: Embeddings;
  readonly layers: readonly Layer[];
  readonly pooler: Linear;

  constructor(options: BertOptions) {
    super();
    checkOptions("bert", options ?? null, { ...optionNames, hidden: "count", segments: "count" });
    checkHeads("bert", options);
    const { context, layers, size, dtype } = options;
    this.context = context;
    this.embeddings = new Embeddings(options);
    this.layers = Array.from({ length: layers }, () => new Layer(options));
    this.pooler = dense(size, size, dtype);
  }

  /** Tokens `[N, L]` int32 → the last hidden states, `[N, L, size]` */
  forward(tokens: Tensor, { segments, mask }: BertInputs = {}): Tensor {
    checkLength("bert", tokens, this.context);
    const [n, length] = tokens.shape as [number, number];
    const x = this.embeddings.forward(tokens, segments ?? zerosLike(tokens));
    const seen = mask?.reshape([n, 1, 1, length]);
    return this.layers.reduce((y, layer) => layer.forward(y, seen), x);
  }

  /** One vector for each sequence, tanh(W h₀ + b) of its first token: `[N, L, size]` → `[N, size]` */
  pool(states: Tensor): Tensor {
    return this.pooler.forward(states.slice(null, 0)).tanh();
  }
}

/**
 * A bidirectional transformer that encodes tokens, with the layout and the names of Hugging Face's
 * `BertModel`: post-norm blocks, learned positions and segments, GELU. With 30522 tokens, a context
 * of 512, 12 layers, 12 heads and a size of 768 it is BERT base. Token 0 is padding, whose vector does
 * not learn. A file of a model with a head has
 * its names behind the prefix `"bert."`.
 *
 * @throws {ConfigError} if the heads do not divide the size.
 * @see Devlin et al. 2019, "BERT: pre-training of deep bidirectional transformers", §3; {@link loadStateDict}
 * @example
 * const model = bert({ vocabulary: 100, context: 32, layers: 2, heads: 2, size: 16 });
 * const states = model.forward(zeros([3, 10], { dtype: "int32" }));
 * states.shape; // [3, 10, 16]
 * model.pool(states).shape; // [3, 16]
 */
export function bert(options: BertOptions): Bert {
  return seeded(options?.seed, () => new Bert(options));
}
