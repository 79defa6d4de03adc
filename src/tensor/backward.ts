/** Reverse mode from a result back to any tensors on the way to it, with other rules where these are wanted. */
import { type BackwardRule, vjp } from "../autodiff/index.ts";
import * as op from "../ops/index.ts";
import { zerosLike } from "./create.ts";
import { Tensor } from "./tensor.ts";

/**
 * ∂y/∂x of a scalar y for tensors x from which it was computed, before either has been read.
 *
 * @param rule what a node gives its inputs in place of its derivative, where it says so.
 */
export function gradientsAt(y: Tensor, at: readonly Tensor[], rule?: BackwardRule): Tensor[] {
  // one sweep for each: a sweep for all would stop at the last of them
  return at.map((x) => {
    const [bar] = vjp([y.node], [op.filled(1, y.node)], [x.node], undefined, rule);
    return bar ? new Tensor(bar) : zerosLike(x);
  });
}
