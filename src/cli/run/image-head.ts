import type { Split } from "../../data/index.ts";
import { type AnyModule, Linear } from "../../nn/index.ts";
import { fromHost, zeros } from "../../tensor/index.ts";

/**
 * Lets a net that answers with images begin with the mean image, whatever it is given: weights of
 * its last layer 0, biases the means of the targets.
 *
 * He's initial weights give thousands of outputs of size 1 for pixels of 0 to 1. All errors then
 * ask the units before for less at once, and Adam's first steps kill them: of 128 ReLUs of `conv`
 * none is left after an epoch of masked patches of digits.
 */
export function startAtMean(model: AnyModule, { targets, size }: Split): void {
  const head = Object.values(model.modules()).findLast((layer) => layer instanceof Linear);
  if (!head?.bias) return; // none of the command line's models
  head.weight.value = zeros(head.weight.shape);
  head.bias.value = fromHost(targets).reshape([size, -1]).mean({ axis: 0 }).evalSync();
}
