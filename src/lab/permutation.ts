/**
 * The permutation symmetry of hidden units: renumbering them changes the weights but not the
 * function.
 */
import { ConfigError, checkOptions, nearest, RandomStream } from "../base/index.ts";
import {
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  Conv1d,
  Conv2d,
  Conv3d,
  Dropout,
  ELU,
  Flatten,
  GELU,
  GlobalAvgPool,
  Identity,
  LeakyReLU,
  Linear,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  type Module,
  type Parameter,
  ReLU,
  type Sequential,
  Sigmoid,
  SiLU,
  Softplus,
  Tanh,
} from "../nn/index.ts";
import { type Tensor, tensor } from "../tensor/index.ts";
import { type LabData, LossSurface } from "./surface.ts";

/** Layers that treat every unit or channel alike and independently. */
const unitwise = [
  ...[ReLU, LeakyReLU, ELU, GELU, SiLU, Softplus, Sigmoid, Tanh, Identity, Dropout, Flatten],
  ...[MaxPool1d, MaxPool2d, MaxPool3d, AvgPool1d, AvgPool2d, AvgPool3d, GlobalAvgPool],
];

/** A hidden layer whose units can be renumbered. */
export interface HiddenLayer {
  /** The path of the layer that computes the units. */
  readonly path: string;
  /** K: features, or channels. */
  readonly units: number;
}

interface Pair extends HiddenLayer {
  readonly weight: Parameter; // [K, …]
  readonly bias: Parameter | null; // [K]
  readonly next: Parameter; // [out, K · positions] or [out, K, …]
}

/** The layer as one whose rows are units, or null. Grouped convolutions tie units to positions. */
function weighted(layer: Module): { weight: Parameter; bias: Parameter | null } | null {
  if (layer instanceof Linear) return layer;
  if (!(layer instanceof Conv1d || layer instanceof Conv2d || layer instanceof Conv3d)) return null;
  return (layer.options.groups ?? 1) === 1 ? layer : null;
}

function pairs(model: Sequential): Pair[] {
  const found: Pair[] = [];
  let open: Omit<Pair, "next"> | null = null;
  model.layers.forEach((layer, i) => {
    const shared = model.layers.indexOf(layer) !== model.layers.lastIndexOf(layer);
    const here = shared ? null : weighted(layer);
    if (!here && unitwise.some((kind) => layer instanceof kind)) return;
    if (here && open && here.weight.shape[1]! % open.units === 0)
      found.push({ ...open, next: here.weight });
    open = here && {
      path: `layers.${i}`,
      units: here.weight.shape[0]!,
      weight: here.weight,
      bias: here.bias,
    };
  });
  return found;
}

/**
 * The hidden layers of a net whose units can be renumbered: a `Linear` or ungrouped `Conv` layer,
 * and up to the next such layer only layers that treat units alike (activations, pooling,
 * `Flatten`, `Dropout`).
 *
 * @example
 * const model = new Sequential(new Linear(2, 5), new Tanh(), new Linear(5, 1));
 * hiddenLayers(model); // [{ path: "layers.0", units: 5 }]
 */
export const hiddenLayers = (model: Sequential): HiddenLayer[] =>
  pairs(model).map(({ path, units }) => ({ path, units }));

function pairAt(subject: string, model: Sequential, path: string): Pair {
  const all = pairs(model);
  const found = all.find((pair) => pair.path === path);
  if (found) return found;
  const known = all.map((pair) => pair.path);
  const near = nearest(path, known);
  throw new ConfigError({
    subject,
    problem: `"${path}" is not a hidden layer whose units can be renumbered.`,
    fix: near ? `did you mean "${near}"?` : `choose from: ${known.join(", ") || "none"}.`,
  });
}

/** Transforms the units of a layer: `f` maps a tensor along the axis that counts the units. */
function mapUnits(pair: Pair, f: (x: Tensor, axis: number) => Tensor): void {
  const { weight, bias, next, units } = pair;
  const columns = next.value.reshape([next.shape[0]!, units, -1]);
  const values = [
    f(weight.value, 0),
    f(columns, 1).reshape(next.shape),
    ...(bias ? [f(bias.value, 0)] : []),
  ];
  [weight, next, ...(bias ? [bias] : [])].forEach((parameter, i) => {
    parameter.value = values[i]!.evalSync();
  });
}

/**
 * Renumbers the units of a hidden layer in place: unit i becomes what unit order[i] was. With a
 * permutation matrix P,
 *
 *   W₁ ← P W₁,  b₁ ← P b₁,  W₂ ← W₂ Pᵀ:   W₂ f(W₁ x + b₁) is unchanged
 *
 * so that a layer of K units has K! equivalent sets of weights.
 *
 * @param path of the hidden layer, as {@link hiddenLayers} names it. @param order 0 … K − 1 in some
 * order.
 * @see Hecht-Nielsen 1990, "On the algebraic structure of feedforward network weight spaces"
 * @throws {ConfigError} for an invalid layer or order.
 * @example
 * const model = new Sequential(new Linear(1, 2), new Tanh(), new Linear(2, 1));
 * model.parameters()["layers.2.weight"].value = tensor([[3, 4]]);
 * permuteUnits(model, "layers.0", [1, 0]);
 * model.parameters()["layers.2.weight"].value.toArray(); // [[4, 3]]
 */
export function permuteUnits(model: Sequential, path: string, order: ArrayLike<number>): void {
  const pair = pairAt("permuteUnits", model, path);
  const sorted = Array.from(order).sort((a, b) => a - b);
  if (sorted.length !== pair.units || sorted.some((x, i) => x !== i))
    throw new ConfigError({
      subject: "permuteUnits",
      problem: `[${Array.from(order).join(", ")}] is not an order of ${pair.units} units.`,
      fix: `give each of 0 … ${pair.units - 1} once.`,
    });
  const indices = tensor(Int32Array.from(order));
  mapUnits(pair, (x, axis) => x.take(indices, { axis }));
}

/**
 * Replaces a hidden layer by the average of all K! renumberings, in place. Each unit occurs in each
 * position equally often, so every incoming row becomes the mean row and every outgoing column the
 * mean column: K identical units, equivalent to one unit.
 *
 * @example
 * const model = new Sequential(new Linear(1, 2), new Tanh(), new Linear(2, 1));
 * model.parameters()["layers.0.weight"].value = tensor([[3], [5]]);
 * averageUnits(model, "layers.0");
 * model.parameters()["layers.0.weight"].value.toArray(); // [[4], [4]]
 */
export function averageUnits(model: Sequential, path: string): void {
  mapUnits(pairAt("averageUnits", model, path), (x, axis) =>
    x.mean({ axis, keepDims: true }).broadcastTo(x.shape),
  );
}

/** The result of {@link measureSymmetry}. */
export interface SymmetryMeasure {
  readonly layers: readonly HiddenLayer[];
  /** log Π K!, natural logarithm: the number of equivalent nets. */
  readonly logEquivalents: number;
  readonly loss: number;
  /**
   * |L − L′| for the same net with all hidden layers randomly renumbered: only rounding, if all is well.
   */
  readonly permutedDifference: number;
  /** The loss of the average of all equivalent nets. */
  readonly averageLoss: number;
}

/**
 * Measures the symmetry of a net's hidden units: the loss itself, with random orders, and of the
 * average of all equivalent nets. If the loss were convex, the average could not be worse (Jensen).
 * The model is not changed.
 *
 * @param data the examples of the loss. @param options `seed` of the orders.
 * @throws {ConfigError} if no hidden layer can be renumbered.
 * @example
 * const model = new Sequential(new Linear(1, 2), new ReLU(), new Linear(2, 1));
 * model.parameters()["layers.0.weight"].value = tensor([[1], [-1]]);
 * model.parameters()["layers.2.weight"].value = tensor([[1, 1]]);
 * const data = { inputs: tensor([[-1], [1]]), targets: tensor([[1], [1]]) }; // |x|
 * const { loss, averageLoss } = measureSymmetry(model, meanSquaredError, data);
 * [loss, averageLoss]; // [0, 1]
 */
export function measureSymmetry(
  model: Sequential,
  loss: (outputs: Tensor, targets: Tensor) => Tensor,
  data: LabData,
  options: { readonly seed?: number | undefined } = {},
): SymmetryMeasure {
  checkOptions("measureSymmetry", options, { seed: "number" });
  const { seed = 0 } = options;
  const layers = hiddenLayers(model);
  if (layers.length === 0) pairAt("measureSymmetry", model, "");
  const random = new RandomStream(seed);
  const parameters = Object.values(model.parameters());
  const lossNow = () => {
    const surface = LossSurface.ofModel(model, loss, data);
    return surface.value(surface.point());
  };
  const lossAfter = (change: (layer: HiddenLayer) => void): number => {
    const before = parameters.map((p) => p.value);
    try {
      for (const layer of layers) change(layer);
      return lossNow();
    } finally {
      parameters.forEach((p, i) => {
        p.value = before[i]!;
      });
    }
  };
  const before = lossNow();
  const permuted = lossAfter(({ path, units }) =>
    permuteUnits(model, path, random.permutation(units)),
  );
  return {
    layers,
    logEquivalents: layers.reduce((sum, { units }) => sum + logFactorial(units), 0),
    loss: before,
    permutedDifference: Math.abs(permuted - before),
    averageLoss: lossAfter(({ path }) => averageUnits(model, path)),
  };
}

const logFactorial = (n: number): number =>
  Array.from({ length: n }, (_, i) => Math.log(i + 1)).reduce((a, b) => a + b, 0);
