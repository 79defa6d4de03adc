/** Nets v · tanh(Wx) at a critical point, and descent from it after perturbations. */
import { compile, type Tensor, tensor, valueAndGrad } from "gradus";
import { type Classification, classify, LossSurface } from "gradus/lab";
import { gaussian } from "./random.ts";

/** η of descent. */
export const rate = 0.1;
const most = 10_000;
/** δ: the size of a perturbation. */
export const pushes = [-10, -8, -6, -4, -2].map((e) => 10 ** e);

/** Nets v · tanh(Wx) side by side: w `[S, K, 3]`, v `[S, K]`. */
type Nets = { readonly w: Tensor; readonly v: Tensor };

/** A random tanh neuron as target, and half the mean squared error of each net, `[S]`. */
export function task(seed: number, stream: number) {
  const x = gaussian([64, 3], seed, stream);
  const teacher = gaussian([1, 3], seed, stream + 1);
  const y = x.matmul(teacher.transpose()).tanh().squeeze(1).evalSync();
  const losses = ({ w, v }: Nets): Tensor => {
    const units = w.matmul(x.transpose()).tanh(); // [S, K, N]
    return units.mul(v.unsqueeze(2)).sum({ axis: 1 }).sub(y).square().mean({ axis: 1 }).div(2);
  };
  return { losses, teacher };
}

/** A point of one net: w `[1, K, 3]`, v `[1, K]`. */
export function kindOf(losses: (w: Nets) => Tensor, at: Nets): Classification {
  const surface = LossSurface.of((n: Nets) => losses(n).sum(), at);
  return classify(surface, surface.point());
}

/**
 * Descent from a point perturbed along the same random direction by each size; the first is not
 * perturbed.
 */
export function descend(
  losses: (w: Nets) => Tensor,
  at: Nets,
  seed: number,
  stream: number,
  steps = most,
) {
  const s = pushes.length + 1;
  const size = tensor([0, ...pushes], "float64");
  const along = (x: Tensor, lane: number) =>
    gaussian([1, ...x.shape.slice(1)], seed, stream + lane)
      .mul(size.reshape([s, ...x.shape.slice(1).map(() => 1)]))
      .add(x)
      .evalSync();
  const slope = valueAndGrad((nets: Nets) => losses(nets).sum());
  const step = compile((nets: Nets) => {
    const { grads } = slope(nets);
    const far = nets.w
      .sub(at.w)
      .square()
      .sum({ axis: [1, 2] });
    return {
      w: nets.w.sub(grads.w.mul(rate)),
      v: nets.v.sub(grads.v.mul(rate)),
      loss: losses(nets),
      far: far.add(nets.v.sub(at.v).square().sum({ axis: 1 })).sqrt(),
    };
  });
  let nets: Nets = { w: along(at.w, 0), v: along(at.v, 1) };
  const loss: number[][] = [];
  const far: number[][] = [];
  for (let k = 0; k < steps; k++) {
    const now = step.sync(nets);
    nets = now;
    loss.push(Array.from(now.loss.dataSync()));
    far.push(Array.from(now.far.dataSync()));
    // 30 more for the figure
    const enough = loss.at(-30)?.every((l, i) => i === 0 || l < loss[0]![0]! / 2);
    if (enough && steps === most) break;
  }
  return { loss, far };
}
