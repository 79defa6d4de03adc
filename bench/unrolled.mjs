#!/usr/bin/env node
/**
 * Should a recurrent layer be one program for all its steps, or one program that is run for each?
 * Both ways give the gradient of the same loss. The loop is the best that a loop construct could
 * do: inputs projected in one product, gates stored in the forward pass, and in the backward pass
 * one product for the state and one for the weights per step. The overhead of calling a program is
 * measured with one that only passes on a state, and subtracted from the loop's time. `npm run
 * build && node bench/unrolled.mjs`.
 */
import os from "node:os";
import { compile, concat, engineInfo, grad, normal, realizeSync, zeros } from "../dist/index.js";
import { LSTM } from "../dist/nn/index.js";

/** @typedef {import("../dist/index.js").Tensor} Tensor */

const [batch, inputs, hidden] = [32, 64, 128];
const repeats = 15;

/** @param {number[]} xs */
const median = (xs) => [...xs].sort((a, b) => a - b)[xs.length >> 1] ?? 0;
/** Milliseconds of one call. @param {() => void} run */
function time(run) {
  const start = performance.now();
  run();
  return performance.now() - start;
}

/**
 * An element of a list, which must exist. @template T @param {readonly T[]} list @param {number} k
 */
const nth = (list, k) => /** @type {T} */ (list.at(k));
/** @param {Tensor} all @param {number} k */
const gate = (all, k) => all.slice(null, [k * hidden, (k + 1) * hidden]);

/** @param {Tensor} all */
const gatesOf = (all) => ({
  i: gate(all, 0).sigmoid(),
  f: gate(all, 1).sigmoid(),
  g: gate(all, 2).tanh(),
  o: gate(all, 3).sigmoid(),
});

/** One forward step: the gates, and the next h and c. */
const forward = compile(
  (
    /** @type {Tensor} */ p,
    /** @type {Tensor} */ h,
    /** @type {Tensor} */ c,
    /** @type {Tensor} */ u,
  ) => {
    const all = p.add(h.matmul(u.transpose()));
    const { i, f, g, o } = gatesOf(all);
    const memory = f.mul(c).add(i.mul(g));
    const shown = memory.tanh();
    return { gates: concat([i, f, g, o], { axis: 1 }), shown, c: memory, h: o.mul(shown) };
  },
);

/** One backward step, from the gradients of h and c and the sum of the weight's gradient so far. */
const backward = compile(
  (
    /** @type {{ gates: Tensor, shown: Tensor }} */ { gates, shown },
    /** @type {Tensor} */ c,
    /** @type {Tensor} */ h,
    /** @type {Tensor} */ u,
    /** @type {Tensor} */ dh,
    /** @type {Tensor} */ dc,
    /** @type {Tensor} */ du,
  ) => {
    const [i, f] = [gate(gates, 0), gate(gates, 1)];
    const [g, o] = [gate(gates, 2), gate(gates, 3)];
    const dm = dc.add(dh.mul(o).mul(shown.square().neg().add(1)));
    const slope = (/** @type {Tensor} */ y) => y.mul(y.neg().add(1));
    const dz = concat(
      [
        dm.mul(g).mul(slope(i)),
        dm.mul(c).mul(slope(f)),
        dm.mul(i).mul(g.square().neg().add(1)),
        dh.mul(shown).mul(slope(o)),
      ],
      { axis: 1 },
    );
    return { dz, dh: dz.matmul(u), dc: dm.mul(f), du: du.add(dz.transpose().matmul(h)) };
  },
);
const project = compile(
  (/** @type {Tensor} */ x, /** @type {Tensor} */ w, /** @type {Tensor} */ b) =>
    x.matmul(w.transpose()).add(b),
);
/** The rest of the backward pass, for all steps at once. */
const inputGradient = compile((/** @type {Tensor[]} */ dz, /** @type {Tensor} */ x) =>
  concat(dz, { axis: 0 }).transpose().matmul(x),
);
const empty = compile((/** @type {Tensor} */ h, /** @type {Tensor} */ c) => ({
  h: h.neg(),
  c: c.neg(),
}));

/** @param {number} steps */
function measure(steps) {
  const layer = new LSTM(inputs, hidden);
  const x = normal([batch, steps, inputs], { key: steps });
  const seed = normal([batch, hidden], { key: 1 });
  const { inputWeight, hiddenWeight, bias } = nth(layer.cells, 0);
  const [w, u, b] = [inputWeight.value.mul(1), hiddenWeight.value.mul(1), bias.value.mul(1)];
  const xs = Array.from({ length: steps }, (_, t) => x.slice(null, t).mul(1));
  const first = { h: zeros([batch, hidden]), c: zeros([batch, hidden]) };
  realizeSync([x, seed, w, u, b, ...xs, first.h, first.c].map((t) => t.node));

  const whole = compile((/** @type {Tensor} */ input) =>
    grad((/** @type {{ w: Tensor, u: Tensor }} */ p) => {
      let [h, c] = [first.h, first.c];
      const projected = input.matmul(p.w.transpose()).add(b);
      for (let t = 0; t < steps; t++) {
        const all = projected.slice(null, t).add(h.matmul(p.u.transpose()));
        const { i, f, g, o } = gatesOf(all);
        c = f.mul(c).add(i.mul(g));
        h = o.mul(c.tanh());
      }
      return h.mul(seed).sum();
    })({ w, u }),
  );
  const loop = () => {
    const states = [first];
    const kept = [];
    const projected = xs.map((xt) => project.sync(xt, w, b));
    for (const p of projected) {
      const { gates, shown, ...next } = forward.sync(p, nth(states, -1).h, nth(states, -1).c, u);
      kept.push({ gates, shown });
      states.push(next);
    }
    let [dh, dc, du] = [seed, first.c, zeros(u.shape)];
    const dz = [];
    for (let t = steps - 1; t >= 0; t--) {
      const back = backward.sync(nth(kept, t), nth(states, t).c, nth(states, t).h, u, dh, dc, du);
      ({ dh, dc, du } = back);
      dz[t] = back.dz;
    }
    return { du, dw: inputGradient.sync(dz, concat(xs, { axis: 0 })) };
  };
  const calls = () => {
    let state = first;
    for (let n = 0; n < 3 * steps + 1; n++) state = empty.sync(state.h, state.c);
  };

  const compiling = time(() => whole.sync(x));
  const exact = whole.sync(x).u;
  const error = exact.sub(loop().du).abs().max().item() / exact.abs().max().item();
  if (!(error < 1e-4)) throw new Error(`the two gradients differ by ${error}.`);
  calls();
  const times = Array.from({ length: repeats }, () => [
    time(() => whole.sync(x)),
    time(loop),
    time(calls),
  ]);
  const of = (/** @type {number} */ k) => median(times.map((row) => nth(row, k)));
  const [one, many, calling] = [of(0), of(1), of(2)];
  return { steps, compiling, one, many, calling, ratio: (many - calling) / one };
}

console.log(
  `${os.cpus()[0]?.model}, ${engineInfo().name} engine; LSTM ${inputs} → ${hidden}, batch ${batch}; medians of ${repeats}`,
);
console.log(
  "steps  compile once  one program  a program per step  of it calling  ratio without calling",
);
for (const steps of [8, 32, 128]) {
  const r = measure(steps);
  const ms = (/** @type {number} */ x, /** @type {number} */ width) =>
    `${x.toFixed(2)} ms`.padStart(width);
  console.log(
    `${String(steps).padStart(5)}${ms(r.compiling, 14)}${ms(r.one, 13)}${ms(r.many, 20)}${ms(r.calling, 15)}${r.ratio.toFixed(2).padStart(23)}`,
  );
}
