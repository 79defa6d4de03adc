/** What each autoencoder learns, against formulas. */
import {
  fromHost,
  grad,
  hostArray,
  jacobian,
  normal,
  randomKey,
  type Tensor,
  tensor,
} from "gradus";
import { principalAngles } from "gradus/lab";
import { PCA } from "gradus/learn";
import {
  ContractiveAutoencoder,
  contractiveAutoencoder,
  DenoisingAutoencoder,
  linearAutoencoder,
  maskedAutoencoder,
  SparseAutoencoder,
  VariationalAutoencoder,
  variationalAutoencoder,
} from "gradus/models";
import { functional, Identity, Linear, Sequential, Sigmoid, Tanh, valuesOf } from "gradus/nn";
import { cosine } from "gradus/optim";
import { fit, reconstruction } from "gradus/train";
import { expect, test } from "vitest";

const gaussian = (shape: number[], seed: number) => normal(shape, { key: seed, dtype: "float64" });
const perExample = (y: Tensor, t: Tensor) =>
  y.sub(t).square().reshape([y.shape[0]!, -1]).mean({ axis: 1 });

test("linear: the decoder spans the first components of PCA, to 1e-3", async () => {
  const scales = tensor([4, 3, 1, 0.5, 0.3, 0.1], "float64");
  const turn = gaussian([6, 6], 1);
  const x = gaussian([200, 6], 2).mul(scales).matmul(turn).evalSync();
  const model = linearAutoencoder({ inputShape: [6], code: 2, dtype: "float64", seed: 1 });
  const steps = 3000;
  await fit(model, reconstruction(x.toHost()), {
    ...{ epochs: steps, batchSize: 200, lr: cosine(0.05, { steps }) },
  });
  const { components } = await new PCA({ nComponents: 2 }).fit(x.toHost());
  const weight = model.parameters()["decoder.layers.0.weight"]!.value; // [6, 2]
  expect(principalAngles(weight.transpose(), components).at(-1)).toBeLessThan(1e-3);
  const { components: others } = await new PCA({ nComponents: 3 }).fit(x.toHost());
  expect(principalAngles(weight.transpose(), others.slice([1, 3])).at(-1)).toBeGreaterThan(1);
});

test("sparse, KL: the formula of the mean of the batch, zero at ρ, finite where units are saturated", () => {
  const model = new SparseAutoencoder(new Identity(), new Identity(), { rho: 0.2, weight: 2 });
  const a = [
    [0.3, -1, 4],
    [-2, 0.1, 5],
  ];
  const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
  const means = [0, 1, 2].map((j) => (sigmoid(a[0]![j]!) + sigmoid(a[1]![j]!)) / 2);
  const kl = means.map((q) => 0.2 * Math.log(0.2 / q) + 0.8 * Math.log(0.8 / (1 - q)));
  const wanted = kl.reduce((sum, v) => sum + v, 0);
  expect(model.penalty(tensor(a, "float64")).item()).toBeCloseTo(wanted, 12);
  const atRho = tensor([[Math.log(0.25)]], "float64"); // σ = 0.2
  expect(model.penalty(atRho).item()).toBeCloseTo(0, 12);
  const far = tensor([[60, -60]]);
  expect(Number.isFinite(model.penalty(far).item())).toBe(true);
  const g = grad((x: Tensor) => model.penalty(x))(far).toArray() as number[][];
  expect(g[0]![0]).toBeCloseTo(0.8, 5); // −(1 − ρ) d log σ(−a) = (1 − ρ) σ(a)
  expect(g[0]![1]).toBeCloseTo(-0.2, 5);
  const { losses } = model.learn(tensor(a, "float64"), tensor(a, "float64"), perExample);
  const squares = a.map((row) => row.reduce((s, v) => s + (sigmoid(v) - v) ** 2, 0));
  for (const n of [0, 1])
    expect(losses.slice(n).item()).toBeCloseTo((squares[n]! + 2 * wanted) / 3, 12);
});

test("sparse, L1: Σ ReLU(a) of each example", () => {
  const model = new SparseAutoencoder(new Identity(), new Identity(), { sparsity: "l1" });
  expect(
    model
      .penalty(
        tensor([
          [1, -2, 3],
          [-1, -1, 0],
        ]),
      )
      .toArray(),
  ).toEqual([4, 0]);
  const { losses } = model.learn(tensor([[1, -2]]), tensor([[1, -2]]), perExample);
  expect(losses.item()).toBeCloseTo((4 + 0.1 * 1) / 2, 6);
});

test("contractive: Σ (z (1 − z))² ‖w‖² of a layer of sigmoids, in closed form", () => {
  const model = contractiveAutoencoder({ inputShape: [5], code: 3, dtype: "float64", seed: 1 });
  const x = gaussian([4, 5], 3);
  const z = model.encode(x);
  const w = model.parameters()["encoder.layers.1.weight"]!.value;
  const wanted = z
    .mul(z.neg().add(1))
    .square()
    .matmul(w.square().sum({ axis: 1, keepDims: true }));
  const found = model.penalty(x).dataSync();
  for (const [n, v] of Array.from(wanted.dataSync()).entries()) expect(found[n]).toBeCloseTo(v, 12);
});

test("contractive: of a deep encoder, against every partial derivative", () => {
  const layers = [
    new Linear(4, 6, { dtype: "float64" }),
    new Tanh(),
    new Linear(6, 2, { dtype: "float64" }),
    new Sigmoid(),
  ];
  const model = new ContractiveAutoencoder(
    new Sequential(layers),
    new Linear(2, 4, { dtype: "float64" }),
  );
  const x = gaussian([3, 4], 5);
  const found = model.penalty(x).dataSync();
  for (const n of [0, 1, 2]) {
    const j = jacobian((one: Tensor) => model.encoder.forward(one.unsqueeze(0)), x.slice(n));
    expect(found[n]).toBeCloseTo(j.square().sum().item(), 12);
  }
});

test("contractive: its gradient, of second order, against central differences", () => {
  const model = contractiveAutoencoder({
    inputShape: [4],
    code: 3,
    dtype: "float64",
    seed: 2,
    weight: 0.7,
  });
  const x = gaussian([5, 4], 6);
  const loss = functional(model, () => model.learn(x, x, perExample).losses.mean());
  const values = valuesOf(model.parameters());
  const grads = grad(loss)(values);
  for (const [path, value] of Object.entries(values)) {
    const direction = gaussian([...value.shape], 7);
    const along = (h: number) => loss({ ...values, [path]: value.add(direction.mul(h)) }).item();
    const h = 1e-5;
    const difference = (along(h) - along(-h)) / (2 * h);
    expect(grads[path]!.mul(direction).sum().item(), path).toBeCloseTo(difference, 8);
  }
});

/** z = m x + c with deviations s, x̂ = W z + b: what is known in closed form. */
function linearGaussian() {
  const [w, b] = [
    [2, -1, 0.5],
    [0.3, 0.1, -0.2],
  ];
  const model = new VariationalAutoencoder(
    new Linear(3, 2, { dtype: "float64" }),
    new Linear(1, 3, { dtype: "float64" }),
    1,
  );
  const set = (path: string, value: number[] | number[][]) => {
    model.parameters()[path]!.value = tensor(value as number[], "float64");
  };
  set(
    "decoder.weight",
    w.map((v) => [v]),
  );
  set("decoder.bias", b);
  // p(z|x) of p(x|z) = N(W z + b, ½): precision 1 + 2 |W|², mean 2 Wᵀ (x − b) / precision
  const precision = 1 + 2 * w.reduce((sum, v) => sum + v * v, 0);
  const m = w.map((v) => (2 * v) / precision);
  set("encoder.weight", [m, [0, 0, 0]]);
  set("encoder.bias", [-m.reduce((sum, v, i) => sum + v * b[i]!, 0), -Math.log(precision)]);
  /** log N(x; b, W Wᵀ + ½). */
  const logLikelihood = (x: readonly number[]) => {
    const r = x.map((v, i) => v - b[i]!);
    const along = r.reduce((sum, v, i) => sum + v * w[i]!, 0);
    const squares = 2 * r.reduce((sum, v) => sum + v * v, 0) - (4 * along ** 2) / precision;
    return -0.5 * (squares + Math.log(precision) - 3 * Math.log(2) + 3 * Math.log(2 * Math.PI));
  };
  return { model, set, logLikelihood, precision, m };
}

test("variational: with the true posterior every estimate of the bound is log p(x), whatever is drawn", () => {
  const { model, logLikelihood } = linearGaussian();
  const x = [
    [0.5, -1, 2],
    [-0.3, 0.2, 0.1],
  ];
  for (const samples of [1, 7])
    for (const estimate of [model.elbo, model.logLikelihood]) {
      const found = estimate.call(model, tensor(x, "float64"), { samples, seed: 3 }).dataSync();
      for (const [n, row] of x.entries()) expect(found[n]).toBeCloseTo(logLikelihood(row), 10);
    }
});

test("variational: another posterior's bound lies below by its divergence, and importance sampling closes the gap", () => {
  const { model, set, logLikelihood, precision, m } = linearGaussian();
  const variance = 2 / precision; // twice as wide as the true one
  set("encoder.bias", [
    -m.reduce((sum, v, i) => sum + v * [0.3, 0.1, -0.2][i]!, 0),
    Math.log(variance),
  ]);
  const x = tensor([[0.5, -1, 2]], "float64");
  const truth = logLikelihood([0.5, -1, 2]);
  const gap = 0.5 * (2 - 1 - Math.log(2)); // KL(N(μ, 2σ²) ‖ N(μ, σ²))
  const elbo = model.elbo(x, { samples: 40_000 }).item();
  expect(elbo).toBeCloseTo(truth - gap, 1);
  expect(Math.abs(elbo - (truth - gap))).toBeLessThan(0.25 * gap);
  expect(model.logLikelihood(x, { samples: 40_000 }).item()).toBeCloseTo(truth, 1);
});

test("variational: the bound and its estimate against integrals over the code, for a curved decoder", () => {
  const dtype = "float64" as const;
  const net = (from: number, to: number) =>
    new Sequential(new Linear(from, 4, { dtype }), new Tanh(), new Linear(4, to, { dtype }));
  const model = new VariationalAutoencoder(net(3, 2), net(1, 3), 1);
  Object.values(model.parameters()).forEach((p, k) => {
    p.value = gaussian([...p.shape], 40 + k);
  });
  const x = [0.5, -1, 0.8];
  const [mean, deviation] = Object.values(model.posterior(tensor([x], dtype))).map((t) => t.item());
  const step = 0.005;
  const z = Array.from({ length: 4001 }, (_, i) => (i - 2000) * step);
  const outputs = model.decode(tensor(z, dtype).reshape([-1, 1])).toArray() as number[][];
  const logNormal = (v: number, m: number, s: number) =>
    -0.5 * ((v - m) / s) ** 2 - Math.log(s) - 0.5 * Math.log(2 * Math.PI);
  const joint = outputs.map(
    (row, k) =>
      row.reduce((sum, m, i) => sum + logNormal(x[i]!, m, Math.SQRT1_2), 0) +
      logNormal(z[k]!, 0, 1),
  );
  const integral = (f: (k: number) => number) => z.reduce((sum, _, k) => sum + f(k) * step, 0); // the ends are 0: the trapezoid rule
  const evidence = Math.log(integral((k) => Math.exp(joint[k]!)));
  const bound = integral((k) => {
    const logQ = logNormal(z[k]!, mean!, deviation!);
    return Math.exp(logQ) * (joint[k]! - logQ);
  });
  expect(bound).toBeLessThan(evidence - 0.05);
  const draws = { samples: 40_000, seed: 2 };
  const elbo = model.elbo(tensor([x], dtype), draws).item();
  expect(Math.abs(elbo - bound)).toBeLessThan(0.1 * (evidence - bound));
  const estimate = model.logLikelihood(tensor([x], dtype), draws).item();
  expect(Math.abs(estimate - evidence)).toBeLessThan(0.1 * (evidence - bound));
});

test("variational: KL of the code by its formula, and the loss that is trained", () => {
  const model = new VariationalAutoencoder(
    new Identity(),
    new Linear(1, 2, { dtype: "float64" }),
    1,
    { beta: 3 },
  );
  const x = tensor([[0.4, -0.6]], "float64"); // μ = 0.4, log σ² = −0.6
  const kl = 0.5 * (0.4 ** 2 + Math.exp(-0.6) - 1 + 0.6);
  expect(model.divergence(x).item()).toBeCloseTo(kl, 12);
  expect(model.posterior(x).deviation.item()).toBeCloseTo(Math.exp(-0.3), 12);
  const { outputs, losses } = model.eval().learn(x, x, perExample);
  const squares = outputs.sub(x).square().sum().item();
  expect(losses.item()).toBeCloseTo((squares + 3 * kl) / 2, 12);
});

test("variational: codes in training are drawn by μ + σ ε, anew each time; the gradient passes to both", () => {
  const model = new VariationalAutoencoder(new Identity(), new Identity(), 1, { seed: 4 });
  const n = 20_000;
  const x = tensor([[0.5, Math.log(0.25)]], "float64").broadcastTo([n, 2]);
  const z = model.forward(x).evalSync();
  expect(z.mean().item()).toBeCloseTo(0.5, 1);
  expect(z.sub(z.mean()).square().mean().item()).toBeCloseTo(0.25, 1);
  expect(model.forward(x).equal(z).all().item()).toBe(0);
  const [one] = grad((v: Tensor) => model.forward(v).sum())(
    tensor([[0.5, 0]], "float64"),
  ).toArray() as number[][];
  expect(one![0]).toBe(1);
  expect(one![1]).not.toBe(0);
});

test("variational: Bernoulli's log p(x|z) sums over bits, so a blind model knows log 2 of each", () => {
  const model = variationalAutoencoder({
    inputShape: [6],
    code: 2,
    hidden: [],
    likelihood: "bernoulli",
  });
  for (const p of Object.values(model.parameters())) p.value = p.value.mul(0);
  expect(model.elbo(tensor([[0, 1, 1, 0, 1, 0]])).item()).toBeCloseTo(-6 * Math.log(2), 5);
});

test("variational: samples follow from their seed, a walk begins and ends at its codes", () => {
  const model = variationalAutoencoder({ inputShape: [6], code: 2, seed: 1 });
  expect(model.sample(4, { seed: 2 }).toArray()).toEqual(model.sample(4, { seed: 2 }).toArray());
  expect(model.sample(4, { seed: 2 }).toArray()).not.toEqual(
    model.sample(4, { seed: 3 }).toArray(),
  );
  const [a, b] = [tensor([1, 2]), tensor([-1, 0])];
  const walk = model.walk(a, b, 3);
  const middle = model.decode(
    tensor([
      [1, 2],
      [0, 1],
      [-1, 0],
    ]),
  );
  expect(walk.toArray()).toEqual(middle.toArray());
  expect(() => model.walk(a, tensor([1]))).toThrow(/a code is \[1\], not \[2\]/);
});

test("variational: an encoder of another width is an error", () => {
  const model = new VariationalAutoencoder(new Linear(3, 3), new Linear(2, 3), 2);
  expect(() => model.encode(tensor([[1, 2, 3]]))).toThrow(
    /the encoder gives \[1, 3\], not \[N, 4\]/,
  );
});

test("denoising: noise of the given deviation in training, none in evaluation", () => {
  const model = new DenoisingAutoencoder(new Identity(), new Identity(), { noise: 0.3, seed: 1 });
  const x = tensor([1], "float64").broadcastTo([20_000, 1]);
  const noise = model.forward(x).sub(x).evalSync();
  expect(noise.square().mean().item()).toBeCloseTo(0.09, 2);
  expect(model.forward(x).sub(x).equal(noise).all().item()).toBe(0); // anew each time
  expect(model.eval().forward(x).equal(x).all().item()).toBe(1);
});

test("masked: outputs of a patch do not depend on the patch, but on others", () => {
  const model = maskedAutoencoder({
    inputShape: [8, 8],
    patch: 4,
    withheld: 0.5,
    code: 8,
    dtype: "float64",
    seed: 1,
  });
  expect(model.seen).toBe(2);
  const x = gaussian([1, 8, 8], 3);
  const before = model.reconstruct(x).toArray() as number[][][];
  for (const [row, column] of [
    [0, 0],
    [0, 4],
    [4, 0],
    [4, 4],
  ] as const) {
    const mark = hostArray([1, 8, 8], new Float64Array(64));
    mark.data[row * 8 + column] = 1;
    const after = model.reconstruct(x.add(fromHost(mark))).toArray() as number[][][];
    const changed = (r: number, c: number) =>
      [0, 1, 2, 3].some((i) =>
        [0, 1, 2, 3].some((j) => after[0]![r + i]![c + j] !== before[0]![r + i]![c + j]),
      );
    expect(changed(row, column)).toBe(false);
    expect(
      [
        [0, 0],
        [0, 4],
        [4, 0],
        [4, 4],
      ].some(([r, c]) => changed(r!, c!)),
    ).toBe(true);
  }
});

test("masked: the loss in training is that of the withheld patches alone", () => {
  const model = maskedAutoencoder({
    inputShape: [8, 8],
    patch: 4,
    withheld: 0.75,
    code: 8,
    dtype: "float64",
    seed: 1,
  });
  const x = gaussian([6, 8, 8], 3);
  const shapes: number[][] = [];
  const { outputs, losses } = model.learn(x, x, (y, t) => {
    shapes.push([...y.shape]);
    return perExample(y, t);
  });
  expect(shapes).toEqual([[6, 3, 16]]);
  // of each example the mean over some three of its four patches
  const errors = outputs
    .sub(x)
    .square()
    .reshape([6, 2, 4, 2, 4])
    .mean({ axis: [2, 4] })
    .reshape([6, 4])
    .toArray() as number[][];
  const found = losses.toArray() as number[];
  errors.forEach((patches, n) => {
    const all = patches.reduce((sum, v) => sum + v, 0);
    const closest = Math.min(...patches.map((left) => Math.abs((all - left) / 3 - found[n]!)));
    expect(closest).toBeLessThan(1e-12);
  });
});

test("masked: codes of all patches keep their order, and nothing is drawn in evaluation", () => {
  const model = maskedAutoencoder({ inputShape: [8, 8], patch: 4, code: 8, seed: 1 });
  const state = () => model.random.state.value.toArray();
  const before = state();
  const x = normal([2, 8, 8], { key: randomKey(1) });
  expect(model.encode(x).shape).toEqual([2, 4, 8]);
  expect(model.reconstruct(x).toArray()).toEqual(model.reconstruct(x).toArray());
  expect(state()).toEqual(before);
  model.forward(x);
  expect(state()).not.toEqual(before);
});
