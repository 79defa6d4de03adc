/** Losses of classes. */
import { type Tensor, where } from "../../tensor/index.ts";
import type { Call, Operator, Output } from "../call.ts";

/** −x[class] of each place, by the weight of its class; what is ignored counts nothing. */
function negativeLogLikelihood(call: Call, logs: Tensor): Tensor {
  const target = call.t(1).cast("int32");
  const weight = call.optional(2)?.tensor;
  const ignored = call.has("ignore_index") ? target.equal(call.int("ignore_index", -1)) : null;
  const classes = ignored ? where(ignored, 0, target) : target;
  const picked = logs.takeAlong(classes.unsqueeze(1), { axis: 1 }).squeeze(1).neg();
  const given = weight ? weight.take(classes) : picked.mul(0).add(1).stopGradient();
  const weights = ignored ? where(ignored, 0, given) : given;
  // chosen, not multiplied: what is ignored may be infinite
  const losses = where(weights.equal(0), 0, picked.mul(weights));
  const reduction = call.text("reduction", "mean");
  if (reduction === "none") return losses;
  return reduction === "sum" ? losses.sum() : losses.sum().div(weights.sum());
}

function softmaxCrossEntropy(call: Call): Output[] {
  const logs = call.t(0).logSoftmax({ axis: 1 });
  return [negativeLogLikelihood(call, logs), call.value(logs)];
}

export const lossOperators: readonly Operator[] = [
  { name: "NegativeLogLikelihoodLoss", run: (call) => negativeLogLikelihood(call, call.t(0)) },
  { name: "SoftmaxCrossEntropyLoss", run: softmaxCrossEntropy },
];
