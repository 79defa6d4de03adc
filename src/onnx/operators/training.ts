/** Steps of optimizers as operators, and what comes before nets: thresholds and counts of n-grams. */
import type { Tensor } from "../../tensor/index.ts";
import type { Call, Operator, Output } from "../call.ts";
import { hostOf } from "../host.ts";

const domain = "ai.onnx.preview.training";

/**
 * An optimizer over groups of inputs: rate, count of steps, then as many tensors of each kind as there
 * are parameters, X…, G…, and the states; outputs are X… and the states.
 */
const optimizer = (
  name: string,
  states: number,
  step: (call: Call, x: Tensor, g: Tensor, state: Tensor[]) => Tensor[],
): Operator => ({
  ...{ name, domain, settings: [1] },
  run: (call): Output[] => {
    const count = (call.inputs.length - 2) / (2 + states);
    const norm = call.float("norm_coefficient", 0);
    const kind = (k: number, i: number) => call.t(2 + k * count + i);
    const results = Array.from({ length: count }, (_, i) => {
      const [x, g] = [kind(0, i), kind(1, i)];
      const state = Array.from({ length: states }, (_, k) => kind(2 + k, i));
      return step(call, x, g.add(x.mul(norm)), state);
    });
    const order = Array.from({ length: 1 + states }, (_, k) => results.map((r) => r[k]!)).flat();
    return order.map((t) => call.value(t));
  },
});

const steps = (call: Call): number => call.must(call.number(1));

const adagrad = optimizer("Adagrad", 1, (call, x, g, [h]) => {
  const rate = call.t(0).div(1 + steps(call) * call.float("decay_factor", 0));
  const squares = h!.add(g.square());
  return [x.sub(rate.mul(g).div(squares.sqrt().add(call.float("epsilon", 1e-6)))), squares];
});

const momentum = optimizer("Momentum", 1, (call, x, g, [v]) => {
  const alpha = call.float("alpha", 0);
  const beta = steps(call) > 0 ? call.float("beta", 1) : 1;
  const speed = v!.mul(alpha).add(g.mul(beta));
  const isNesterov = call.text("mode", "standard") === "nesterov";
  return [x.sub(call.t(0).mul(isNesterov ? g.add(speed.mul(alpha)) : speed)), speed];
});

const adam = optimizer("Adam", 2, (call, x, g, [v, h]) => {
  const [alpha, beta, t] = [call.float("alpha", 0.9), call.float("beta", 0.999), steps(call)];
  const mean = v!.mul(alpha).add(g.mul(1 - alpha));
  const square = h!.mul(beta).add(g.square().mul(1 - beta));
  const correction = t > 0 ? Math.sqrt(1 - beta ** t) / (1 - alpha ** t) : 1;
  const rate = call.t(0).mul(correction);
  const next = x.sub(rate.mul(mean).div(square.sqrt().add(call.float("epsilon", 1e-6))));
  return [next.mul(1 - call.float("norm_coefficient_post", 0)), mean, square];
});

const binarizer: Operator = {
  ...{ name: "Binarizer", domain: "ai.onnx.ml" },
  run: (call) => call.value(call.t(0).greater(call.float("threshold", 0)).cast(call.t(0).dtype)),
};

/** How often each n-gram of a pool occurs in a row, with up to so many elements skipped between. */
function tfIdf(call: Call): Output {
  const x = call.x(0).read();
  const width = x.shape.at(-1)!;
  const rows = x.shape.length > 1 ? x.shape[0]! : 1;
  const pool = (call.attribute("pool_strings", "strings") ??
    call.attribute("pool_int64s", "ints"))!.map(String);
  const starts = call.must(call.ints("ngram_counts"));
  const columns = call.must(call.ints("ngram_indexes"));
  const weights = call.attribute("weights", "floats");
  const [least, most] = [call.int("min_gram_length", 1), call.int("max_gram_length", 1)];
  const entries = new Map<string, number>(); // of an n-gram, its place in the list of columns
  starts.forEach((start, k) => {
    const end = starts[k + 1] ?? pool.length;
    for (let at = start; at < end; at += k + 1)
      entries.set(pool.slice(at, at + k + 1).join("\0"), entries.size);
  });
  const size = Math.max(...columns) + 1;
  const counts = new Array<number>(rows * size).fill(0);
  const place: number[] = [];
  for (let row = 0; row < rows; row++)
    for (let n = least; n <= most; n++)
      for (let skip = 0; skip <= (n === 1 ? 0 : call.int("max_skip_count", 0)); skip++)
        for (let i = 0; i + (n - 1) * (skip + 1) < width; i++) {
          const gram = Array.from({ length: n }, (_, k) =>
            String(x.data[row * width + i + k * (skip + 1)]),
          );
          const entry = entries.get(gram.join("\0"));
          if (entry === undefined) continue;
          counts[row * size + columns[entry]!]!++;
          place[columns[entry]!] = entry;
        }
  const mode = call.text("mode", "TF");
  const weighted = (i: number) => {
    const weight = weights?.[place[i % size] ?? 0] ?? 1;
    return mode === "TF"
      ? counts[i]!
      : mode === "IDF"
        ? Number(counts[i]! > 0) * weight
        : counts[i]! * weight;
  };
  return call.constant(hostOf("float32", x.shape.length > 1 ? [rows, size] : [size], weighted));
}

export const trainingOperators: readonly Operator[] = [
  adagrad,
  momentum,
  adam,
  binarizer,
  { name: "TfIdfVectorizer", run: tfIdf },
];
