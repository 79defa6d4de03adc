/** Plain gradient descent of many nets at once. */
import { compile, type Tensor, type TensorTree, valueAndGrad } from "gradus";

/**
 * w ← w − rate · ∇L(w), `steps` times, in one compiled program. If the leaves of w have a leading
 * axis of nets and L returns one loss per net, the nets are independent.
 */
export function gradientDescent<W extends Readonly<Record<string, Tensor>>>(
  losses: (w: W) => Tensor,
  start: W,
  { rate, steps }: { readonly rate: number; readonly steps: number },
): W {
  const slope = valueAndGrad((w: W) => losses(w).sum());
  const step = compile((w: TensorTree, rate: number) => {
    const { grads } = slope(w as W);
    const moved = Object.entries(w as W).map(([name, x]) => [name, x.sub(grads[name]!.mul(rate))]);
    return Object.fromEntries(moved) as W;
  });
  let w = start;
  for (let i = 0; i < steps; i++) w = step.sync(w, rate);
  return w;
}
