/**
 * Writes like Shakespeare, letter by letter: an LSTM that learns which character comes next, beside
 * a table of trigrams.
 *
 *   node examples/shakespeare.mjs DATA/text/tinyshakespeare.txt
 */
import { compile, tensor, uniform, zeros } from "gradus";
import { characterSequences, readText } from "gradus/data";
import { crossEntropy, Embedding, evaluating, Linear, LSTM, Module, seeded } from "gradus/nn";
import { adam, chain, clipByGlobalNorm, cosine } from "gradus/optim";
import { evaluate, fit } from "gradus/train";
import { main, progress } from "./support.mjs";

/** @typedef {import("gradus").Tensor} Tensor @typedef {{ h: Tensor, c: Tensor }} State */

/** Characters `[N, T]` to logits of those that follow, `[N, T, characters]`. */
class Writer extends Module {
  /** @param {number} characters @param {number} units */
  constructor(characters, units) {
    super();
    this.embedding = new Embedding(characters, 64);
    this.lstm = new LSTM(64, units);
    this.output = new Linear(units, characters);
  }
  /** @param {Tensor} x */
  forward(x) {
    return this.read(x).logits;
  }
  /** Continues from a state. @param {Tensor} x @param {State} [initial] */
  read(x, initial) {
    const { outputs, state } = this.lstm.run(this.embedding.forward(x), { initial });
    return { logits: this.output.forward(outputs), state };
  }
}

/**
 * The k with F(k − 1) ≤ u < F(k), where F are the cumulative sums of the probabilities. @param
 * {ArrayLike<number>} chances @param {number} u
 */
function draw(chances, u) {
  let k = 0;
  for (let sum = chances[0] ?? 1; sum <= u && k + 1 < chances.length; sum += chances[k] ?? 0) k++;
  return k;
}

/**
 * Continues a text, each character sampled from softmax(logits / temperature).
 * @param {Writer} model @param {import("gradus/data").Vocabulary} vocabulary
 * @param {{ prompt: string, length: number, temperature: number, seed: number }} options
 */
async function write(model, vocabulary, { prompt, length, temperature, seed }) {
  const step = compile((/** @type {Tensor} */ x, /** @type {State} */ from) =>
    evaluating(model, () => {
      const { logits, state } = model.read(x, from);
      return { chances: logits.flatten().div(temperature).softmax(), state };
    }),
  );
  const none = zeros([1, 1, model.lstm.hiddenSize]);
  const given = [...vocabulary.encode(prompt)];
  const codes = [];
  const dice = uniform([length], { key: seed }).dataSync();
  let [state, next] = [{ h: none, c: none }, given[0] ?? 0];
  for (let i = 0; i < given.length + length; i++) {
    codes.push(next);
    const read = await step(tensor([[next]], "int32"), state);
    state = read.state;
    const drawn = draw(read.chances.dataSync(), dice[i - given.length + 1] ?? 0);
    next = given[i + 1] ?? drawn;
  }
  return vocabulary.decode(codes);
}

/**
 * How often each sequence of one to three characters occurs in a text, and each of zero to two as
 * the beginning of a longer one. @param {string} text
 */
function countRuns(text) {
  /** @type {Record<"runs" | "beginnings", Map<string, number>>} */
  const { runs, beginnings } = { runs: new Map(), beginnings: new Map() };
  for (let i = 2; i < text.length; i++)
    for (let n = 0; n < 3; n++) {
      const [run, beginning] = [text.slice(i - n, i + 1), text.slice(i - n, i)];
      runs.set(run, (runs.get(run) ?? 0) + 1);
      beginnings.set(beginning, (beginnings.get(beginning) ?? 0) + 1);
    }
  return { runs, beginnings };
}

/**
 * Bits per character by counts, each smoothed with the shorter one, P(c | b) before P(c | ab): P(c
 * | ab) = (n(abc) + k P(c | b)) / (n(ab) + k).
 * @param {ReturnType<typeof countRuns>} counts @param {string} text @param {number} size @param
 * {number} k
 */
function trigramBits({ runs, beginnings }, text, size, k) {
  let bits = 0;
  for (let i = 2; i < text.length; i++) {
    let p = 1 / size;
    for (let n = 0; n < 3; n++) {
      const times = runs.get(text.slice(i - n, i + 1)) ?? 0;
      p = (times + k * p) / ((beginnings.get(text.slice(i - n, i)) ?? 0) + k);
    }
    bits -= Math.log2(p);
  }
  return bits / (text.length - 2);
}

/** @param {import("./support.mjs").Call} call */
export async function shakespeare({ data, quick, print }) {
  const text = await readText(data, { test: 0.1 });
  const { vocabulary } = text;
  const [train, test] = quick
    ? [text.train.slice(0, 20_000), text.test.slice(0, 5000)]
    : [text.train, text.test];
  print(
    `${train.length} characters to learn from, ${test.length} to judge by, ${vocabulary.size} different ones`,
  );

  const model = seeded(1, () => new Writer(vocabulary.size, quick ? 32 : 256));
  const pieces = characterSequences(train, { length: 64 });
  const [epochs, batchSize] = [quick ? 1 : 6, 32];
  await fit(model, pieces, {
    epochs,
    batchSize,
    loss: crossEntropy,
    optimizer: chain(clipByGlobalNorm(1), adam()),
    lr: cosine(4e-3, { steps: epochs * Math.ceil(pieces.size / batchSize) }),
    callbacks: [progress(print)],
    seed: 1,
  });

  const held = characterSequences(test, { length: 250 });
  const { loss = 0 } = await evaluate(model, held, { loss: crossEntropy, batchSize: 32 });
  const bits = loss / Math.log(2);
  const counts = countRuns(vocabulary.decode(train));
  const heldText = vocabulary.decode(test);
  const rates = [1, 2, 4, 8, 16].map((k) => trigramBits(counts, heldText, vocabulary.size, k));
  const trigram = Math.min(...rates); // with the k that suits the test text best
  print(
    `bits per character of the test text: LSTM ${bits.toFixed(3)}, trigrams ${trigram.toFixed(3)}`,
  );
  const prompt = "ROMEO:\n";
  const sample = await write(model, vocabulary, {
    prompt,
    length: quick ? 40 : 500,
    temperature: 0.7,
    seed: 1,
  });
  print(sample);
  return { bits, trigram, sample };
}

await main(import.meta.url, shakespeare);
