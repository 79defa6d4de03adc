/** The meaning of an audit's numbers: likely causes and remedies. */
import type { ActivationAudit, LayerAudit, ModelAudit } from "./audit.ts";

/** A problem of a net, in words. */
export interface Finding {
  readonly kind:
    | "not finite"
    | "no slope"
    | "dead units"
    | "saturated units"
    | "no gradient"
    | "vanishing gradient"
    | "exploding gradient"
    | "identical units";
  /** The layer or activation; "" for the whole net. */
  readonly path: string;
  readonly what: string;
  readonly cause: string;
  readonly cure: string;
}

/** The fraction of saturated units in a layer that is worth reporting. */
const worthAWord = 0.1;
/** The ratio of ‖g‖/‖θ‖ between layers that is worth reporting. */
const mostApart = 1e3;

/**
 * Describes the findings of an audit in words, with the likely cause and the usual remedy, the most
 * serious first. A healthy net gives an empty list.
 *
 * Gradients count as vanishing if ‖∂L/∂θ‖/‖θ‖ of an early layer is less than 1/1000 of that of a
 * later one, and as exploding if it is more than 1000 times as large.
 *
 * @see Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural
 * networks"; Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural
 * networks"; Goodfellow, Bengio & Courville 2016, §6.3, §8.4
 * @example
 * const model = new Sequential(new Linear(1, 2, { init: init.zeros }), new ReLU(), new Linear(2, 1));
 * const data = { inputs: tensor([[1], [2]]), targets: tensor([[1], [0]]) };
 * const findings = diagnose(auditModel(model, meanSquaredError, data));
 * findings.map(({ kind, path }) => `${kind} in ${path}`);
 * // ["dead units in layers.1", "no gradient in layers.0", "identical units in layers.0"]
 */
export function diagnose(audit: ModelAudit): Finding[] {
  return [
    ...notFinite(audit),
    ...audit.activations.flatMap(ofActivation),
    ...ofGradients(audit.layers),
    ...ofTwins(audit),
  ];
}

function notFinite({ loss, layers }: ModelAudit): Finding[] {
  const first = layers.find((l) => !Number.isFinite(l.weightNorm + l.gradientNorm));
  if (Number.isFinite(loss) && !first) return [];
  return [
    {
      kind: "not finite",
      path: first?.path ?? "",
      what: first
        ? `Weights or gradients of ${first.path} are no finite numbers; the loss is ${loss}.`
        : `The loss is ${loss}.`,
      cause:
        "Steps were too large and the weights grew without bound, or the data hold values that are no numbers.",
      cure: "Train again with a learning rate that is ten times smaller, clip gradients by their norm, and look at the inputs.",
    },
  ];
}

const stepwise = ["step", "sign"];
const bounded = ["sigmoid", "tanh", "hardTanh", "hardSigmoid"];

/** `3 of 16 units` */
const count = (units: readonly number[], all: number): string =>
  `${units.length === all ? (all === 1 ? "the one unit" : `all ${all} units`) : `${units.length} of ${all} units`}`;

const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}.`;

function ofActivation(activation: ActivationAudit): Finding[] {
  const { path, kind, units, dead, saturated } = activation;
  if (stepwise.includes(activation.activation))
    return [
      {
        kind: "no slope",
        path,
        what: `${kind || path} has slope 0 everywhere, so that no gradient passes it.`,
        cause: "Steps are flat: gradient descent learns nothing in the layers before one.",
        cure: "Train with a smooth function, such as sigmoid or tanh, and put the step in afterwards; a single layer learns by the perceptron rule.",
      },
    ];
  const alive = saturated.length - dead.length;
  return [
    ...(dead.length > 0
      ? [
          {
            kind: "dead units",
            path,
            what: sentence(
              `${count(dead, units)} ${dead.length === 1 ? "has" : "have"} slope 0 on every example`,
            ),
            ...reasons(activation),
          } as const,
        ]
      : []),
    ...(alive >= worthAWord * units && alive > 0
      ? [
          {
            kind: "saturated units",
            path,
            what: sentence(
              `${alive} of ${units} units ${alive === 1 ? "has" : "have"} next to no slope on nearly every example`,
            ),
            ...reasons(activation),
          } as const,
        ]
      : []),
  ];
}

/** Why units of this activation lose their slope: bounded ones at both ends, rectifiers below 0. */
const reasons = ({ activation }: ActivationAudit): Pick<Finding, "cause" | "cure"> =>
  bounded.includes(activation)
    ? {
        cause:
          "What they are given lies far from 0: weights have become or began too large, or inputs are not scaled.",
        cure: "Bring inputs to mean 0 and deviation 1, begin with Glorot's initial values, put a normalisation before the activation, or use ReLU in hidden layers.",
      }
    : {
        cause:
          "What they are given lies below 0 on the examples: mostly a step that was too large has made their bias very negative. After much training it may be that few examples need them.",
        cure: "Lower the learning rate or warm it up, begin with He's initial values and biases of 0, put a normalisation before the activation, or use LeakyReLU or ELU, which keep a slope below 0. A few dead units do no harm, and can be pruned.",
      };

/** Layers whose gradients are 0, or out of proportion to those of the others. */
function ofGradients(layers: readonly LayerAudit[]): Finding[] {
  const without = layers.filter(({ gradientNorm }) => gradientNorm === 0);
  const found: Finding[] = without.map(({ path }) => ({
    kind: "no gradient",
    path,
    what: `The gradient of ${path || "the model"} is 0.`,
    cause:
      without.length === layers.length
        ? "The loss does not change with any weight: the net is at a critical point, or all behind it is dead."
        : "All that follows it is dead or flat, or the outputs do not depend on it.",
    cure: "Look for dead units and steps behind it, and for a layer that its forward does not use.",
  }));
  const sizes = layers.flatMap(({ path, weightNorm, gradientNorm }, at) => {
    const relative = gradientNorm / weightNorm;
    return relative > 0 && Number.isFinite(relative) ? [{ path, at, relative }] : [];
  });
  if (sizes.length < 2) return found;
  const least = sizes.reduce((a, b) => (b.relative < a.relative ? b : a));
  const most = sizes.reduce((a, b) => (b.relative > a.relative ? b : a));
  const times = most.relative / least.relative;
  if (times < mostApart) return found;
  const [early, late] = least.at < most.at ? [least, most] : [most, least];
  return [
    ...found,
    early === least ? vanishing(early, late, times) : exploding(early, late, times),
  ];
}

type Place = { readonly path: string };

const vanishing = (early: Place, late: Place, times: number): Finding => ({
  kind: "vanishing gradient",
  path: early.path,
  what: `In proportion to its weights, the gradient of ${early.path} is ${times.toPrecision(2)} times smaller than that of ${late.path}: it learns next to nothing.`,
  cause:
    "Each layer that the gradient passes on its way back makes it smaller: saturated activations, or initial weights that are too small.",
  cure: "Use ReLU and He's initial values, normalisation layers, or connections that skip layers; bring inputs to mean 0 and deviation 1.",
});

const exploding = (early: Place, late: Place, times: number): Finding => ({
  kind: "exploding gradient",
  path: early.path,
  what: `In proportion to its weights, the gradient of ${early.path} is ${times.toPrecision(2)} times larger than that of ${late.path}.`,
  cause:
    "Each layer that the gradient passes on its way back makes it larger: weights are too large, or one weight is used over many time steps.",
  cure: "Clip gradients by their norm, begin with smaller weights (He, Glorot, or orthogonal ones in recurrent nets), lower the learning rate.",
});

const ofTwins = ({ identical }: ModelAudit): Finding[] =>
  identical.map(({ path, units, locked }) => ({
    kind: "identical units",
    path,
    what: `${units.length} units have identical weights${locked ? " and identical gradients: training will never part them" : ""}.`,
    cause: locked
      ? "They began with the same values, as zeros or a constant give them, and what cannot be told apart learns the same."
      : "They began with the same values, or were copied; what follows them differs, so that training parts them.",
    cure: locked
      ? "Begin with random weights: He's or Glorot's. Biases may be 0."
      : "Nothing, unless they stay so: then begin with random weights.",
  }));
