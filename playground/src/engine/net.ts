/** The net, the loss and the optimizer of the settings. */
import { oneHot, type Tensor } from "gradus";
import {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  Dropout,
  ELU,
  hinge,
  huber,
  Identity,
  type Initializer,
  init,
  LeakyReLU,
  Linear,
  type Module,
  meanSquaredError,
  multiClassHinge,
  ReLU,
  Sequential,
  Sigmoid,
  SiLU,
  seeded,
  Tanh,
} from "gradus/nn";
import {
  adagrad,
  adam,
  adamW,
  lion,
  momentum,
  nesterov,
  Optimizer,
  type Rule,
  rmsprop,
  sgd,
} from "gradus/optim";
import {
  type ActivationName,
  type InitName,
  type LayerSpec,
  outputsOf,
  type Settings,
  taskOf,
} from "../state/settings.ts";

const activations: Readonly<Record<ActivationName, () => Module>> = {
  relu: () => new ReLU(),
  tanh: () => new Tanh(),
  sigmoid: () => new Sigmoid(),
  leakyRelu: () => new LeakyReLU(0.1),
  elu: () => new ELU(),
  silu: () => new SiLU(),
  identity: () => new Identity(),
};

const initializers: Readonly<Record<InitName, Initializer>> = {
  heUniform: init.heUniform,
  heNormal: init.heNormal,
  glorotUniform: init.glorotUniform,
  glorotNormal: init.glorotNormal,
  lecunNormal: init.lecunNormal,
  torchUniform: init.torchUniform,
  zeros: init.zeros,
  small: init.normal(0, 0.01),
  large: init.normal(0, 3),
};

/** One layer of the page: the modules that it consists of. */
export interface Layer {
  readonly spec: LayerSpec | { readonly kind: "output"; readonly units: number };
  /** The first with parameters, if any. */
  readonly modules: readonly Module[];
}

export interface Net {
  readonly model: Sequential;
  readonly layers: readonly Layer[];
}

/** The net of the settings with its first weights: they depend on the seed alone. */
export function netOf(settings: Settings): Net {
  const initializer = initializers[settings.init];
  return seeded(settings.seed, () => {
    const layers: Layer[] = [];
    let inputs = 2;
    const dense = (units: number, after: Module[]): Module[] => {
      const layer = new Linear(inputs, units, { init: initializer });
      inputs = units;
      return [layer, ...after];
    };
    for (const spec of settings.layers) {
      const modules =
        spec.kind === "dense"
          ? dense(spec.units, [activations[spec.activation]()])
          : [new Dropout(spec.percent / 100)];
      layers.push({ spec, modules });
    }
    const units = outputsOf(settings);
    layers.push({ spec: { kind: "output", units }, modules: dense(units, []) });
    return { model: new Sequential(layers.flatMap(({ modules }) => modules)), layers };
  });
}

/** The loss of a batch; for binary tasks of one logit per example. */
export function lossOf(settings: Settings): (outputs: Tensor, targets: Tensor) => Tensor {
  const { loss } = settings;
  const task = taskOf(settings);
  if (task === "binary") return binaryLoss(loss);
  if (task === "classes") return classLoss(loss, outputsOf(settings));
  const measure = loss === "huber" ? huber : meanSquaredError;
  if (task === "regression") return (z, t) => measure(z.reshape([-1]), t);
  return (z, t) => measure(z, t.reshape(z.shape));
}

function binaryLoss(loss: Settings["loss"]): (outputs: Tensor, targets: Tensor) => Tensor {
  const flat = (z: Tensor) => z.reshape([-1]);
  const zeroOne = (t: Tensor) => t.cast("float32");
  const signs = (t: Tensor) => zeroOne(t).mul(2).sub(1);
  if (loss === "squares") return (z, t) => meanSquaredError(flat(z).sigmoid(), zeroOne(t));
  if (loss === "hinge") return (z, t) => hinge(flat(z), signs(t));
  if (loss === "perceptron") return (z, t) => signs(t).mul(flat(z)).neg().relu().mean();
  return (z, t) => binaryCrossEntropyWithLogits(flat(z), zeroOne(t));
}

function classLoss(loss: Settings["loss"], classes: number) {
  if (loss === "squares")
    return (z: Tensor, t: Tensor) => meanSquaredError(z.softmax(), oneHot(t, classes));
  return loss === "hinge" ? multiClassHinge : crossEntropy;
}

/** The optimizer of the settings. */
export function optimizerOf(settings: Settings, model: Module): Optimizer {
  return new Optimizer(model, ruleOf(settings), { lr: settings.lr });
}

function ruleOf({ rule, rho, beta1, beta2, eps }: Settings): Rule {
  const rules: Readonly<Record<Settings["rule"], () => Rule>> = {
    sgd: () => sgd(),
    momentum: () => momentum({ rho }),
    nesterov: () => nesterov({ rho }),
    adagrad: () => adagrad({ eps }),
    rmsprop: () => rmsprop({ rho, eps }),
    adam: () => adam({ beta1, beta2, eps }),
    adamW: () => adamW({ beta1, beta2, eps }),
    lion: () => lion({ beta1, beta2 }),
  };
  return rules[rule]();
}
