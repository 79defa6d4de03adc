/** Normalisations over batches, layers, groups and instances. */
import { normalizeAxis } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { Call, Operator, Output } from "../call.ts";
import { perChannel } from "./convolutions.ts";

const axesFrom = (start: number, rank: number): number[] =>
  Array.from({ length: rank - start }, (_, i) => start + i);

/** (x − E x) / √(Var x + ε), with mean and 1/√(…). */
function standardised(x: Tensor, axis: number[], eps: number) {
  const mean = x.mean({ axis, keepDims: true });
  const rate = x.variance({ axis, keepDims: true }).add(eps).rsqrt();
  return { y: x.sub(mean).mul(rate), mean, rate };
}

/**
 * γ (x − μ) / √(σ² + ε) + β, by running statistics, or in training by those of the batch, which then
 * move the running ones.
 */
function batchNormalization(call: Call): readonly Output[] {
  const x = call.t(0);
  const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((i) => call.t(i)) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const eps = call.float("epsilon", 1e-5);
  const wide = (p: Tensor) => perChannel(p, Math.max(2, x.rank));
  const asked =
    call.version >= 14
      ? call.int("training_mode", 0)
      : call.version < 7
        ? 1 - call.int("is_test", 0)
        : 0;
  const isTraining = asked !== 0 || call.around.training;
  if (!isTraining) {
    const scale = gamma.mul(variance.add(eps).rsqrt());
    return [call.value(x.sub(wide(mean)).mul(wide(scale)).add(wide(beta)).cast(x.dtype))];
  }
  const axis = x.shape.map((_, i) => i).filter((i) => i !== 1);
  const [batchMean, batchVariance] = [x.mean({ axis }), x.variance({ axis })];
  const momentum = call.float("momentum", 0.9);
  const moved = (old: Tensor, now: Tensor) =>
    old
      .mul(momentum)
      .add(now.stopGradient().mul(1 - momentum))
      .cast(old.dtype);
  // the operator's own training mode keeps the variance of the batch, layers the estimate from it
  const estimate = call.around.training ? x.variance({ axis, correction: 1 }) : batchVariance;
  const [newMean, newVariance] = [moved(mean, batchMean), moved(variance, estimate)];
  if (call.around.training) {
    call.around.assign(3, newMean);
    call.around.assign(4, newVariance);
  }
  const scale = gamma.mul(batchVariance.add(eps).rsqrt());
  const y = x.sub(wide(batchMean)).mul(wide(scale)).add(wide(beta)).cast(x.dtype);
  return [
    call.value(y),
    call.value(newMean, call.x(3).type),
    call.value(newVariance, call.x(4).type),
  ];
}

/** Over the axes from one on, in the precision of float32 or more. */
function layerNormalization(call: Call): readonly Output[] {
  const x = call.t(0);
  const axis = axesFrom(normalizeAxis("LayerNormalization", call.int("axis", -1), x.rank), x.rank);
  const { y, mean, rate } = standardised(x, axis, call.float("epsilon", 1e-5));
  const scaled = y.mul(call.t(1));
  const b = call.optional(2);
  return [(b ? scaled.add(b.tensor) : scaled).cast(x.dtype), mean, rate].map((t) => call.value(t));
}

function rmsNormalization(call: Call): Tensor {
  const x = call.t(0);
  const axis = axesFrom(normalizeAxis("RMSNormalization", call.int("axis", -1), x.rank), x.rank);
  const mean = x.square().mean({ axis, keepDims: true });
  return x
    .mul(mean.add(call.float("epsilon", 1e-5)).rsqrt())
    .mul(call.t(1))
    .cast(x.dtype);
}

function instanceNormalization(call: Call): Tensor {
  const x = call.t(0);
  const { y } = standardised(x, axesFrom(2, x.rank), call.float("epsilon", 1e-5));
  return y
    .mul(perChannel(call.t(1), x.rank))
    .add(perChannel(call.t(2), x.rank))
    .cast(x.dtype);
}

/** Over groups of channels; before opset 21 scale and bias are one number per group. */
function groupNormalization(call: Call): Tensor {
  const x = call.t(0);
  const groups = call.int("num_groups", 1);
  const [n, c, ...rest] = x.shape as [number, number, ...number[]];
  const split = x.reshape([n, groups, c / groups, -1]);
  const { y } = standardised(split, [2, 3], call.float("epsilon", 1e-5));
  const ranked = (p: Tensor) =>
    p.size === c ? p.reshape([groups, c / groups, 1]) : p.reshape([groups, 1, 1]);
  return y
    .mul(ranked(call.t(1)))
    .add(ranked(call.t(2)))
    .reshape([n, c, ...rest])
    .cast(x.dtype);
}

/** x over its norm along an axis; 0 where the norm is. */
function lpNormalization(call: Call): Tensor {
  const x = call.t(0);
  const axis = normalizeAxis("LpNormalization", call.int("axis", -1), x.rank);
  const options = { axis, keepDims: true };
  const norm = call.int("p", 2) === 1 ? x.abs().sum(options) : x.norm(options);
  return x.div(norm.add(norm.equal(0).cast(x.dtype as "float32")));
}

function meanVarianceNormalization(call: Call): Tensor {
  const x = call.t(0);
  const axis = call.ints("axes") ?? [0, 2, 3];
  const mean = x.mean({ axis, keepDims: true });
  const std = x.square().mean({ axis, keepDims: true }).sub(mean.square()).sqrt();
  return x.sub(mean).div(std.add(1e-9));
}

export const normalisationOperators: readonly Operator[] = [
  { name: "BatchNormalization", statistics: [3, 4], run: batchNormalization },
  { name: "LayerNormalization", run: layerNormalization },
  { name: "RMSNormalization", run: rmsNormalization },
  { name: "InstanceNormalization", run: instanceNormalization },
  { name: "GroupNormalization", run: groupNormalization },
  { name: "LpNormalization", run: lpNormalization },
  { name: "MeanVarianceNormalization", run: meanVarianceNormalization },
];
