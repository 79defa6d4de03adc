import {
  adam,
  adamW,
  chain,
  clipByGlobalNorm,
  constant,
  cosine,
  lion,
  momentum,
  nesterov,
  oneCycle,
  type Rule,
  rmsprop,
  type Schedule,
  sgd,
  warmup,
  weightDecay,
} from "../../optim/index.ts";

/** Update rules by name, with the default learning rate and weight decay of each. */
export const optimizers = {
  adam: { rule: (decay) => adam({ weightDecay: decay }), lr: 1e-3, decay: 0 },
  adamW: { rule: (decay) => adamW({ weightDecay: decay }), lr: 1e-3, decay: 0.01 },
  momentum: { rule: (decay) => decayed(decay, momentum()), lr: 0.02, decay: 0 },
  nesterov: { rule: (decay) => decayed(decay, nesterov()), lr: 0.02, decay: 0 },
  sgd: { rule: (decay) => decayed(decay, sgd()), lr: 0.1, decay: 0 },
  rmsprop: { rule: (decay) => decayed(decay, rmsprop()), lr: 1e-3, decay: 0 },
  lion: { rule: (decay) => lion({ weightDecay: decay }), lr: 1e-4, decay: 0 },
} satisfies Record<string, { rule: (decay: number) => Rule; lr: number; decay: number }>;
export type OptimizerName = keyof typeof optimizers;
export const optimizerNames = Object.keys(optimizers) as readonly OptimizerName[];

/** Adds the gradient of an L2 penalty, for rules without a decay of their own. */
const decayed = (decay: number, rule: Rule): Rule =>
  decay > 0 ? chain(weightDecay(decay), rule) : rule;

/** The schedule of the learning rate over all steps of a training. */
const schedules = {
  cosine: (lr, steps) => cosine(lr, { steps }),
  constant: (lr) => constant(lr),
  oneCycle: (lr, steps) => oneCycle(lr, { steps }),
} satisfies Record<string, (lr: number, steps: number) => Schedule>;
export type ScheduleName = keyof typeof schedules;
export const scheduleNames = Object.keys(schedules) as readonly ScheduleName[];

/** The settings of a training's steps. */
interface StepSettings {
  readonly optimizer: OptimizerName;
  readonly weightDecay: number;
  readonly clipNorm?: number | undefined;
  readonly schedule: ScheduleName;
  readonly lr: number;
  readonly epochs: number;
  readonly warmup: number;
}

/** The update rule of the settings. */
export function ruleOf({ optimizer, weightDecay: decay, clipNorm }: StepSettings): Rule {
  const rule = optimizers[optimizer].rule(decay);
  return clipNorm === undefined ? rule : chain(clipByGlobalNorm(clipNorm), rule);
}

/** The learning rate of each step. @param perEpoch steps per epoch. */
export function scheduleOf(
  { schedule, lr, epochs, warmup: rise }: StepSettings,
  perEpoch: number,
): Schedule {
  const steps = epochs * perEpoch;
  const after = schedules[schedule](lr, Math.max(1, steps - rise));
  return rise > 0 ? warmup(after, { steps: rise }) : after;
}
