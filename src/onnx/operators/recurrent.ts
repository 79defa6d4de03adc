/** RNN, GRU and LSTM, one step after another. */
import { stack, type Tensor, where, zeros } from "../../tensor/index.ts";
import type { Call, Operator, Output } from "../call.ts";
import { activations as functions } from "./functions.ts";

type Activation = (x: Tensor) => Tensor;

const named: Readonly<Record<string, (alpha?: number, beta?: number) => Activation>> = {
  relu: () => (x) => x.relu(),
  tanh: () => (x) => x.tanh(),
  sigmoid: () => (x) => x.sigmoid(),
  affine:
    (alpha = 1, beta = 0) =>
    (x) =>
      x.mul(alpha).add(beta),
  leakyrelu:
    (alpha = 0.01) =>
    (x) =>
      x.leakyRelu(alpha),
  thresholdedrelu:
    (alpha = 1) =>
    (x) =>
      where(x.greater(alpha), x, 0),
  scaledtanh:
    (alpha = 1, beta = 1) =>
    (x) =>
      x.mul(beta).tanh().mul(alpha),
  hardsigmoid:
    (alpha = 0.2, beta = 0.5) =>
    (x) =>
      functions.hardSigmoid(x, alpha, beta),
  elu:
    (alpha = 1) =>
    (x) =>
      functions.elu(x, alpha),
  softsign: () => (x) => x.div(x.abs().add(1)),
  softplus: () => (x) => x.softplus(),
};

/** The activations of every direction: as many as a cell has. */
function activationsOf(call: Call, absent: readonly string[], directions: number): Activation[][] {
  const names = call.attribute("activations", "strings") ?? [];
  const alphas = [...(call.attribute("activation_alpha", "floats") ?? [])];
  const betas = [...(call.attribute("activation_beta", "floats") ?? [])];
  const takesAlpha = /affine|leaky|threshold|scaled|hard|^elu/;
  const takesBeta = /affine|scaled|hard/;
  return Array.from({ length: directions }, (_, d) =>
    absent.map((name, i) => {
      const key = (names[d * absent.length + i] ?? name).toLowerCase();
      const make = Object.hasOwn(named, key) ? named[key] : undefined;
      if (!make) throw call.error(`has an unknown activation "${key}".`);
      return make(
        takesAlpha.test(key) ? alphas.shift() : undefined,
        takesBeta.test(key) ? betas.shift() : undefined,
      );
    }),
  );
}

/** One direction of a layer: weights, and the states that come in. */
interface Direction {
  readonly w: Tensor; // [gates · H, in]
  readonly r: Tensor; // [gates · H, H]
  readonly inputBias: Tensor; // [gates · H]
  readonly hiddenBias: Tensor;
  readonly peepholes: Tensor | null; // [3 · H]
  readonly f: readonly Activation[];
  readonly size: number;
  readonly clip: (x: Tensor) => Tensor;
}

/** The next states of a cell from the projected input `[N, gates · H]`; the first is the output. */
type Step = (projected: Tensor, states: readonly Tensor[], direction: Direction) => Tensor[];

/** Block i of H columns. */
const gate = (x: Tensor, i: number, size: number): Tensor =>
  x.slice(null, [i * size, (i + 1) * size]);
const rows = (x: Tensor, i: number, size: number): Tensor => x.slice([i * size, (i + 1) * size]);

const rnnStep: Step = (x, [h], { r, hiddenBias, f, clip }) => [
  f[0]!(clip(x.add(h!.matmul(r.transpose())).add(hiddenBias))),
];

/** Gates z, r, h. */
const gruStep =
  (resetsAfter: boolean): Step =>
  (x, [h], { r, hiddenBias, f, clip, size }) => {
    const both = h!.matmul(rows(r, 0, 2 * size).transpose()).add(rows(hiddenBias, 0, 2 * size));
    const open = f[0]!(clip(gate(x, 0, 2 * size).add(both)));
    const [z, reset] = [gate(open, 0, size), gate(open, 1, size)];
    const [own, bias] = [rows(r, 2, size).transpose(), rows(hiddenBias, 2, size)];
    const memory = resetsAfter
      ? reset.mul(h!.matmul(own).add(bias))
      : reset.mul(h!).matmul(own).add(bias);
    const next = f[1]!(clip(gate(x, 2, size).add(memory)));
    return [next.sub(z.mul(next)).add(z.mul(h!))];
  };

/** Gates i, o, f, c, with peepholes from the memory. */
const lstmStep =
  (couples: boolean): Step =>
  (x, [h, c], { r, hiddenBias, peepholes: p, f, clip, size }) => {
    const all = x.add(h!.matmul(r.transpose())).add(hiddenBias);
    const peep = (y: Tensor, i: number, cell: Tensor) =>
      p ? y.add(rows(p, i, size).mul(cell)) : y;
    const i = f[0]!(clip(peep(gate(all, 0, size), 0, c!)));
    const forget = couples ? i.neg().add(1) : f[0]!(clip(peep(gate(all, 2, size), 2, c!)));
    const next = forget.mul(c!).add(i.mul(f[1]!(clip(gate(all, 3, size)))));
    const o = f[0]!(clip(peep(gate(all, 1, size), 1, next)));
    return [o.mul(f[2]!(next)), next];
  };

/** A direction over the sequence `[T, N, in]`: all outputs, and the last states. */
function runDirection(
  x: Tensor,
  start: readonly Tensor[],
  step: Step,
  direction: Direction,
  lengths: Tensor | null,
  isReverse: boolean,
) {
  const [steps, n, width] = x.shape as [number, number, number];
  const projected = x
    .reshape([steps * n, width])
    .matmul(direction.w.transpose())
    .add(direction.inputBias)
    .reshape([steps, n, -1]);
  let states = start;
  const outputs: Tensor[] = new Array(steps);
  for (let k = 0; k < steps; k++) {
    const t = isReverse ? steps - 1 - k : k;
    const next = step(projected.slice(t), states, direction);
    // behind its end a sequence keeps its states and gives 0
    const isOn = lengths ? lengths.greater(t).unsqueeze(1) : null;
    states = isOn ? next.map((s, i) => where(isOn, s, states[i]!)) : next;
    outputs[t] = isOn ? where(isOn, next[0]!, 0) : next[0]!;
  }
  return { outputs: stack(outputs), states };
}

interface Cell {
  readonly gates: number;
  readonly states: number;
  readonly activations: readonly string[];
  readonly step: (call: Call) => Step;
}

function recurrent(call: Call, cell: Cell): Output[] {
  const isBatchFirst = call.int("layout", 0) === 1;
  const given = call.t(0);
  const x = isBatchFirst ? given.transpose([1, 0, 2]) : given;
  const name = call.text("direction", "forward");
  const directions = name === "bidirectional" ? 2 : 1;
  const size = call.t(2).shape[2]!;
  const n = x.shape[1]!;
  const lengths = call.optional(4)?.tensor.cast("int32") ?? null;
  const limit = call.float("clip", 0);
  const clip = (y: Tensor) => (limit > 0 ? y.clip(-limit, limit) : y);
  const f = activationsOf(call, cell.activations, directions);
  const start = (i: number, d: number): Tensor => {
    const s = call.optional(i)?.tensor;
    if (!s) return zeros([n, size], { dtype: x.dtype as "float32" });
    return isBatchFirst ? s.slice(null, d) : s.slice(d);
  };
  const results = Array.from({ length: directions }, (_, d) => {
    const bias =
      call.optional(3)?.tensor.slice(d) ??
      zeros([2 * cell.gates * size], { dtype: x.dtype as "float32" });
    const direction: Direction = {
      w: call.t(1).slice(d),
      r: call.t(2).slice(d),
      inputBias: rows(bias, 0, cell.gates * size),
      hiddenBias: rows(bias, 1, cell.gates * size),
      peepholes: call.optional(7)?.tensor.slice(d) ?? null,
      ...{ f: f[d]!, size, clip },
    };
    const states = Array.from({ length: cell.states }, (_, i) => start(5 + i, d));
    return runDirection(
      x,
      states,
      cell.step(call),
      direction,
      lengths,
      name === "reverse" || d === 1,
    );
  });
  return outputsOf(call, results, cell.states, isBatchFirst);
}

function outputsOf(
  call: Call,
  results: readonly { outputs: Tensor; states: readonly Tensor[] }[],
  states: number,
  isBatchFirst: boolean,
): Output[] {
  const y = stack(
    results.map(({ outputs }) => outputs),
    { axis: 1 },
  ); // [T, D, N, H]
  const last = Array.from({ length: states }, (_, i) =>
    stack(
      results.map((r) => r.states[i]!),
      { axis: isBatchFirst ? 1 : 0 },
    ),
  );
  return [isBatchFirst ? y.transpose([2, 0, 1, 3]) : y, ...last].map((t) => call.value(t));
}

const cells: Readonly<Record<string, Cell>> = {
  RNN: { gates: 1, states: 1, activations: ["Tanh"], step: () => rnnStep },
  GRU: {
    ...{ gates: 3, states: 1, activations: ["Sigmoid", "Tanh"] },
    step: (call) => gruStep(call.int("linear_before_reset", 0) === 1),
  },
  LSTM: {
    ...{ gates: 4, states: 2, activations: ["Sigmoid", "Tanh", "Tanh"] },
    step: (call) => lstmStep(call.int("input_forget", 0) === 1),
  },
};

export const recurrentOperators: readonly Operator[] = Object.entries(cells).map(
  ([name, cell]) => ({
    name,
    settings: [4],
    run: (call) => recurrent(call, cell),
  }),
);
