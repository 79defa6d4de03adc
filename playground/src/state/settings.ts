/** Everything that decides a training, as plain data: the same settings give the same run. */

/** A layer between the inputs and the output layer, which follows from the data. */
export type LayerSpec =
  | { readonly kind: "dense"; readonly units: number; readonly activation: ActivationName }
  | { readonly kind: "dropout"; readonly percent: number };

export const dataNames = [
  ...["moons", "circles", "spiral", "xor", "blobs", "waves", "slope"],
] as const;
export const activationNames = [
  ...["relu", "tanh", "sigmoid", "leakyRelu", "elu", "silu", "identity"],
] as const;
export const initNames = [
  ...["heUniform", "heNormal", "glorotUniform", "glorotNormal", "lecunNormal", "torchUniform"],
  ...["zeros", "small", "large"],
] as const;
export const lossNames = ["crossEntropy", "squares", "hinge", "perceptron", "huber"] as const;
export const ruleNames = [
  ...["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamW", "lion"],
] as const;

export type DataName = (typeof dataNames)[number];
export type ActivationName = (typeof activationNames)[number];
export type InitName = (typeof initNames)[number];
export type LossName = (typeof lossNames)[number];
export type RuleName = (typeof ruleNames)[number];

export interface Settings {
  readonly data: DataName;
  /** 2 to 5; for sets whose number of classes can be chosen. */
  readonly classes: number;
  readonly noise: number;
  readonly size: number;
  /** Percent of the examples that train; the others test. */
  readonly split: number;
  readonly seed: number;
  readonly layers: readonly LayerSpec[];
  /** Whether the net reproduces its inputs instead of naming their class. */
  readonly reconstruct: boolean;
  readonly init: InitName;
  readonly loss: LossName;
  readonly rule: RuleName;
  readonly rho: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly lr: number;
  readonly batch: number;
  readonly l1: number;
  readonly l2: number;
}

const dense = (units: number, activation: ActivationName): LayerSpec => ({
  ...{ kind: "dense", units, activation },
});

export const defaults: Settings = {
  ...{ data: "moons", classes: 2, noise: 0.15, size: 400, split: 50, seed: 1 },
  ...{ layers: [dense(6, "tanh"), dense(4, "tanh")], reconstruct: false },
  ...{ init: "glorotUniform", loss: "crossEntropy", rule: "adam" },
  ...{ rho: 0.9, beta1: 0.9, beta2: 0.999, eps: 1e-8 },
  ...{ lr: 0.03, batch: 20, l1: 0, l2: 0 },
};

/** Least and largest value of each number. */
export const limits = {
  ...{ classes: [2, 5], noise: [0, 2], size: [4, 4000], split: [10, 90], seed: [0, 9999] },
  ...{ rho: [0, 0.999], beta1: [0, 0.999], beta2: [0, 0.9999], eps: [0, 1] },
  ...{ lr: [0, 1000], batch: [1, 1000], l1: [0, 10], l2: [0, 10] },
} as const satisfies Partial<Record<keyof Settings, readonly [number, number]>>;
export type NumberName = keyof typeof limits;

/** Limits of a net that the page can show. */
export const most = { layers: 8, units: 128 } as const;

/** The constants that each rule has besides its learning rate. */
export const constantsOf: Readonly<
  Record<RuleName, readonly ("rho" | "beta1" | "beta2" | "eps")[]>
> = {
  ...{ sgd: [], momentum: ["rho"], nesterov: ["rho"], adagrad: ["eps"] },
  ...{ rmsprop: ["rho", "eps"], adam: ["beta1", "beta2", "eps"] },
  ...{ adamW: ["beta1", "beta2", "eps"], lion: ["beta1", "beta2"] },
};

export type TaskName = "binary" | "classes" | "regression" | "reconstruction";

/** What the net is to learn. */
export function taskOf({ data, classes, reconstruct }: Settings): TaskName {
  if (reconstruct) return "reconstruction";
  if (data === "waves" || data === "slope") return "regression";
  return hasClasses(data) && classes > 2 ? "classes" : "binary";
}

/** Sets whose number of classes can be chosen. */
export const hasClasses = (data: DataName): boolean => data === "blobs" || data === "spiral";

/** Units of the output layer. */
export function outputsOf(settings: Settings): number {
  const task = taskOf(settings);
  if (task === "reconstruction") return 2;
  return task === "classes" ? settings.classes : 1;
}

/** The losses that fit a task, the usual one first. */
export function lossesOf(task: TaskName): readonly LossName[] {
  if (task === "binary") return ["crossEntropy", "squares", "hinge", "perceptron"];
  if (task === "classes") return ["crossEntropy", "squares", "hinge"];
  return ["squares", "huber"];
}

/** Whether the examples are XOR's truth table, which is trained and tested whole. */
export const isTruthTable = ({ data, size, noise }: Settings): boolean =>
  data === "xor" && size === 4 && noise === 0;

const clamp = (x: number, [least, largest]: readonly [number, number]): number =>
  Math.min(largest, Math.max(least, x));

/** Settings that can be trained: numbers within their limits, and parts that fit each other. */
export function repaired(wanted: Settings): Settings {
  const s = { ...wanted };
  for (const name of Object.keys(limits) as NumberName[]) {
    const value = Number.isFinite(s[name]) ? s[name] : defaults[name];
    s[name] = clamp(value, limits[name]);
  }
  for (const name of ["classes", "size", "seed", "batch"] as const) s[name] = Math.round(s[name]);
  if (!hasClasses(s.data)) s.classes = 2;
  const losses = lossesOf(taskOf(s));
  if (!losses.includes(s.loss)) s.loss = losses[0]!;
  const part = isTruthTable(s) ? 1 : s.split / 100;
  const trains = Math.max(1, Math.round(s.size * part));
  s.batch = Math.min(s.batch, trains);
  s.layers = s.layers.slice(0, most.layers);
  return s;
}
