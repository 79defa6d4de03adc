import { checkOptions, type FloatDType } from "../../base/index.ts";
import {
  attention,
  causalMask,
  Dropout,
  Embedding,
  init,
  LayerNorm,
  Linear,
  Module,
  seeded,
} from "../../nn/index.ts";
import { arange, type Tensor } from "../../tensor/index.ts";
import { checkHeads, checkLength, heads, joined, optionNames } from "./heads.ts";

/** The sizes of {@link gpt}. */
export interface GptOptions {
  /** Number of different tokens. */
  readonly vocabulary: number;
  /** The longest sequence. */
  readonly context: number;
  readonly layers: number;
  readonly heads: number;
  /** Of the vector of each token. */
  readonly size: number;
  /** Probability of dropout, default 0. */
  readonly dropout?: number | undefined;
  readonly seed?: number | undefined;
  readonly dtype?: FloatDType | undefined;
}

const weights = init.normal(0, 0.02); // as in the paper of GPT-2

/** A dense layer whose matrix Hugging Face stores as `[in, out]`. */
class Conv1D extends Linear {
  static readonly torch = { transposed: ["weight"] };
  constructor(inputs: number, outputs: number, dtype: FloatDType | undefined) {
    super(inputs, outputs, { init: weights, dtype });
  }
}

class Attention extends Module {
  static readonly torch = {
    ignored: ["bias", "masked_bias"], // the causal mask, which old files hold
  };
  readonly heads: number;
  readonly cAttn: Conv1D;
  readonly cProj: Conv1D;
  readonly dropout: Dropout;

  constructor({ size, heads, dropout, dtype }: GptOptions) {
    super();
    this.heads = heads;
    this.cAttn = new Conv1D(size, 3 * size, dtype);
    this.cProj = new Conv1D(size, size, dtype);
    this.dropout = new Dropout(dropout ?? 0);
  }

  forward(x: Tensor): Tensor {
    const [, length, size] = x.shape as [number, number, number];
    const all = this.cAttn.forward(x);
    const [q, k, v] = [0, 1, 2].map((i) =>
      heads(all.slice(null, null, [i * size, (i + 1) * size]), this.heads),
    ) as [Tensor, Tensor, Tensor];
    const y = attention(q, k, v, { mask: causalMask(length), dropout: this.dropout });
    return this.cProj.forward(joined(y));
  }
}

class Mlp extends Module {
  readonly cFc: Conv1D;
  readonly cProj: Conv1D;

  constructor({ size, dtype }: GptOptions) {
    super();
    this.cFc = new Conv1D(size, 4 * size, dtype);
    this.cProj = new Conv1D(4 * size, size, dtype);
  }

  forward(x: Tensor): Tensor {
    return this.cProj.forward(this.cFc.forward(x).gelu("tanh"));
  }
}

class Block extends Module {
  static readonly torch = { fields: { ln1: "ln_1", ln2: "ln_2" } };
  readonly ln1: LayerNorm;
  readonly attn: Attention;
  readonly ln2: LayerNorm;
  readonly mlp: Mlp;
  readonly dropout: Dropout;

  constructor(options: GptOptions) {
    super();
    const { size, dropout, dtype } = options;
    this.ln1 = new LayerNorm(size, { dtype });
    this.attn = new Attention(options);
    this.ln2 = new LayerNorm(size, { dtype });
    this.mlp = new Mlp(options);
    this.dropout = new Dropout(dropout ?? 0);
  }

  forward(x: Tensor): Tensor {
    const y = x.add(this.dropout.forward(this.attn.forward(this.ln1.forward(x))));
    return y.add(this.dropout.forward(this.mlp.forward(this.ln2.forward(y))));
  }
}

/** The vectors and the blocks, which Hugging Face calls `transformer`. */
class Trunk extends Module {
  readonly wte: Embedding;
  readonly wpe: Embedding;
  readonly dropout: Dropout;
  readonly h: readonly Block[];
  readonly lnF: LayerNorm;

  constructor(options: GptOptions) {
    super();
    const { vocabulary, context, layers, size, dropout, dtype } = options;
    this.wte = new Embedding(vocabulary, size, { init: weights, dtype });
    this.wpe = new Embedding(context, size, { init: weights, dtype });
    this.dropout = new Dropout(dropout ?? 0);
    this.h = Array.from({ length: layers }, () => new Block(options));
    this.lnF = new LayerNorm(size, { dtype });
  }

  forward(tokens: Tensor): Tensor {
    const positions = arange(tokens.shape[1]!).cast("int32");
    const x = this.wte.forward(tokens).add(this.wpe.forward(positions));
    return this.lnF.forward(this.h.reduce((y, block) => block.forward(y), this.dropout.forward(x)));
  }
}

/** A language model; see {@link gpt}. */
export class Gpt extends Module {
  /** The head is the matrix of the tokens, which PyTorch lists under a second name. */
  static readonly torch = { ignored: ["lm_head.weight"] };
  readonly context: number;
  readonly transformer: Trunk;

  constructor(options: GptOptions) {
    super();
    checkOptions("gpt", options ?? null, optionNames);
    checkHeads("gpt", options);
    this.context = options.context;
    this.transformer = new Trunk(options);
  }

  /** Tokens `[N, L]` int32 → logits of the next one at each position, `[N, L, vocabulary]` */
  forward(tokens: Tensor): Tensor {
    checkLength("gpt", tokens, this.context);
    const x = this.transformer.forward(tokens);
    return x.matmul(this.transformer.wte.weight.value.transpose());
  }
}

/**
 * A causal transformer that predicts the next token, with the layout and the names of Hugging Face's
 * `GPT2LMHeadModel`: pre-norm blocks, learned positions, GELU in its tanh form, the head tied to the
 * embedding. With 50257 tokens, a context of 1024, 12 layers, 12 heads and a size of 768 it is the
 * smallest GPT-2.
 *
 * @throws {ConfigError} if the heads do not divide the size.
 * @see Radford et al. 2019, "Language models are unsupervised multitask learners", §2.3; {@link loadStateDict}
 * @example
 * const model = gpt({ vocabulary: 65, context: 32, layers: 2, heads: 2, size: 16 });
 * model.forward(zeros([3, 10], { dtype: "int32" })).shape; // [3, 10, 65]
 */
export function gpt(options: GptOptions): Gpt {
  return seeded(options?.seed, () => new Gpt(options));
}
