/** Reverse mode from a result back to any intermediate tensors, optionally with other rules. */
import { type BackwardRule, vjp } from "../autodiff/index.ts";
import * as op from "../ops/index.ts";
import { zerosLike } from "./create.ts";
import { Tensor } from "./tensor.ts";

/**
 * ∂y/∂x of a scalar y for tensors x from which it was computed; neither may have been read yet.
 *
 * @param rule what a node passes to its inputs in place of its derivative; undefined to use the
 * derivative.
 */
export function gradientsAt(y: Tensor, at: readonly Tensor[], rule?: BackwardRule): Tensor[] {
  // one sweep for each: a single sweep would stop at the last of them
  return at.map((x) => {
    const [bar] = vjp([y.node], [op.filled(1, y.node)], [x.node], undefined, rule);
    return bar ? new Tensor(bar) : zerosLike(x);
  });
}
