/** jax-js on its WebAssembly backend: the whole step in one `jit`. Arrays are owned: `.ref` keeps one. */
import fs from "node:fs";
import { serve } from "../lib/serve.mjs";

/** @typedef {import("../lib/task.mjs").Task} Task */
/** @typedef {any} A an array of jax-js; its types are not here unless it is installed */

const installed = new URL("node_modules/@jax-js/jax/", import.meta.url);
const jax = await import(new URL("dist/index.js", installed).href);
const { numpy: np, lax, nn, jit, grad, jvp, valueAndGrad } = jax;
const { version } = JSON.parse(fs.readFileSync(new URL("package.json", installed), "utf8"));

/** @param {import("../lib/data.mjs").HostArray} array @returns {A} */
const upload = ({ data, shape }) => np.array(data).reshape([...shape]);

/** @param {import("../lib/task.mjs").Layer} layer @param {A} x @param {(name: string) => A} parameter */
function apply(layer, x, parameter) {
  switch (layer.type) {
    case "linear":
      return np.matmul(x, np.transpose(parameter("weight"))).add(parameter("bias"));
    case "conv": {
      const p = layer.padding ?? 0;
      const s = layer.stride ?? 1;
      const pairs = [
        [p, p],
        [p, p],
      ];
      const y = lax.convGeneralDilated(x, parameter("weight"), [s, s], pairs);
      return y.add(parameter("bias").reshape([layer.out, 1, 1]));
    }
    case "convTranspose": {
      const { padding: p, outputPadding: o, stride: s } = layer;
      const pairs = [
        [p, p - o],
        [p, p - o],
      ];
      const options = { transposeKernel: true };
      const y = lax.convTranspose(x, parameter("weight"), [s, s], pairs, options);
      return y.add(parameter("bias").reshape([layer.out, 1, 1]));
    }
    case "maxPool": {
      const stride = layer.stride ?? layer.size;
      const [n, c, h, w] = x.shape;
      const k = layer.size;
      if (stride !== k || h % k || w % k) {
        const max = (/** @type {A} */ v) => np.max(v);
        return lax.reduceWindow(x, max, [k, k], [stride, stride]);
      }
      return np.max(x.reshape([n, c, h / k, k, w / k, k]), [3, 5]);
    }
    case "relu":
      return nn.relu(x);
    case "tanh":
      return np.tanh(x);
    case "flatten":
      return x.reshape([x.shape[0], -1]);
    case "lstm":
      return lstm(layer.hidden, x, parameter);
  }
}

/** @param {number} hidden @param {A} x @param {(name: string) => A} parameter */
function lstm(hidden, x, parameter) {
  const [n, steps, inputs] = x.shape;
  const flat = np.matmul(x.reshape([n * steps, inputs]), np.transpose(parameter("weightIh")));
  const gates = np.split(flat.add(parameter("bias")).reshape([n, steps, 4 * hidden]), steps, 1);
  const weight = np.transpose(parameter("weightHh"));
  let h = np.zeros([n, hidden]);
  let c = np.zeros([n, hidden]);
  for (const gate of gates) {
    const z = gate.reshape([n, 4 * hidden]).add(np.matmul(h, weight.ref));
    const [i, f, g, o] = np.split(z, 4, 1);
    c = nn
      .sigmoid(f)
      .mul(c)
      .add(nn.sigmoid(i).mul(np.tanh(g)));
    h = nn.sigmoid(o).mul(np.tanh(c.ref));
  }
  c.dispose();
  weight.dispose();
  return h;
}

/** @param {Task} task @returns {(parameters: Record<string, A>, x: A) => A} */
const forwardOf =
  ({ network = [] }) =>
  (parameters, x) =>
    network.reduce(
      (y, layer, i) => apply(layer, y, (name) => parameters[`layers.${i}.${name}`]),
      x,
    );

/** The loss, from y as rows of probabilities for classes. @param {Task} task */
function lossOf(task) {
  const forward = forwardOf(task);
  const batch = task.input?.[0] ?? 1;
  return (/** @type {Record<string, A>} */ parameters, /** @type {A} */ x, /** @type {A} */ y) => {
    const z = forward(parameters, x);
    if (task.loss === "crossEntropy") return np.sum(nn.logSoftmax(z, -1).mul(y)).mul(-1 / batch);
    if (task.loss === "bce") {
      const positive = y.ref.mul(nn.softplus(z.ref.mul(-1)));
      return np.mean(positive.add(y.mul(-1).add(1).mul(nn.softplus(z))));
    }
    return np.mean(np.square(z.sub(y)));
  };
}

/** New parameter and state from the gradient; `bias1` and `bias2` are 1/(1 − βᵗ). @param {import("../lib/task.mjs").Update} update */
function ruleOf({ name, lr }) {
  return (
    /** @type {A} */ p,
    /** @type {A} */ g,
    /** @type {A[]} */ state,
    /** @type {A} */ bias1,
    /** @type {A} */ bias2,
  ) => {
    if (name === "sgd") return [p.sub(g.mul(lr)), []];
    if (name === "momentum") {
      const v = state[0].mul(0.9).add(g);
      return [p.sub(v.ref.mul(lr)), [v]];
    }
    const m = state[0].mul(0.9).add(g.ref.mul(0.1));
    const v = state[1].mul(0.999).add(np.square(g).mul(0.001));
    const denominator = np.sqrt(v.ref.mul(bias2.ref)).add(1e-8);
    const delta = m.ref.mul(bias1.ref).div(denominator).mul(lr);
    return [p.sub(delta), [m, v]];
  };
}

/** @param {Record<string, A>} tree */
const refs = (tree) => Object.fromEntries(Object.entries(tree).map(([k, x]) => [k, x.ref]));

/** @param {Record<string, A>} tree */
const squares = (tree) =>
  Object.values(tree)
    .map((x) => np.sum(np.square(x)))
    .reduce((a, b) => a.add(b));

/** @param {A} value */
const scalar = async (value) => Number((await value.data())[0]);

/** @param {Task} task @param {Record<string, A>} parameters @param {A} x @param {A} y */
function training(task, parameters, x, y) {
  const update = /** @type {import("../lib/task.mjs").Update} */ (task.update);
  const rule = ruleOf(update);
  const both = valueAndGrad(lossOf(task));
  const slots = { sgd: 0, momentum: 1, adam: 2 }[update.name];
  const run = jit(
    (
      /** @type {Record<string, A>} */ p,
      /** @type {Record<string, A[]>} */ states,
      /** @type {A} */ x,
      /** @type {A} */ y,
      /** @type {A} */ bias1,
      /** @type {A} */ bias2,
    ) => {
      const [loss, grads] = both(refs(p), x, y);
      /** @type {Record<string, A>} */
      const next = {};
      /** @type {Record<string, A[]>} */
      const nextStates = {};
      for (const path of Object.keys(p))
        [next[path], nextStates[path]] = rule(
          p[path],
          grads[path],
          states[path] ?? [],
          bias1,
          bias2,
        );
      bias1?.dispose();
      bias2?.dispose();
      return [loss, next, nextStates];
    },
  );
  let p = parameters;
  /** @type {Record<string, A[]>} */
  let states = Object.fromEntries(
    Object.entries(p).map(([path, { shape }]) => [
      path,
      Array.from({ length: slots }, () => np.zeros(shape)),
    ]),
  );
  let t = 0;
  /** @type {A} */
  let last;
  return () => {
    t++;
    last?.dispose();
    const corrections =
      slots === 2 ? [0.9, 0.999].map((beta) => np.array(1 / (1 - beta ** t))) : [];
    [last, p, states] = run(p, states, x.ref, y.ref, ...corrections);
    return last;
  };
}

await serve(async (task, tensors, threads) => {
  if (threads > 1) throw new Error("on Node it has one thread");
  await jax.init("wasm");
  const make = () => {
    const names = Object.keys(tensors).filter((name) => name.startsWith("layers."));
    const take = (/** @type {string} */ prefix) =>
      Object.fromEntries(
        names.map((name) => [name, upload(/** @type {any} */ (tensors[prefix + name]))]),
      );
    const parameters = take("");
    const x = upload(/** @type {any} */ (tensors.x));
    const classes = task.classes ?? 1;
    const y = !tensors.y
      ? x
      : task.loss === "crossEntropy"
        ? nn.oneHot(np.array(Array.from(tensors.y.data), { dtype: np.int32 }), classes)
        : upload(tensors.y);
    const read = (/** @type {A} */ value) => scalar(value.ref);
    const name = "jit, wasm";
    if (task.kind === "train") return { name, step: training(task, parameters, x, y), read };
    if (task.kind === "infer") {
      const run = jit(forwardOf(task));
      const sum = async (/** @type {A} */ z) => scalar(np.sum(z));
      return { name, step: () => run(refs(parameters), x.ref), read: sum };
    }
    const gradient = grad(lossOf(task));
    const total = async (/** @type {Record<string, A>} */ tree) => scalar(squares(tree));
    if (task.kind === "gradient") {
      const run = jit(gradient);
      return { name, step: () => run(refs(parameters), x.ref, y.ref), read: total };
    }
    const v = take("v.");
    const run = jit(
      (
        /** @type {Record<string, A>} */ p,
        /** @type {Record<string, A>} */ v,
        /** @type {A} */ x,
        /** @type {A} */ y,
      ) => {
        const [, product] = jvp(
          (/** @type {Record<string, A>} */ q) => gradient(q, x, y),
          [p],
          [v],
        );
        return product;
      },
    );
    return { name, step: () => run(refs(parameters), refs(v), x.ref, y.ref), read: total };
  };
  return { versions: { "jax-js": version }, variants: [make] };
});
