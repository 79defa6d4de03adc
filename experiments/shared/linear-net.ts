/** Two-layer linear nets on a regression problem, as Baldi & Hornik 1989 have them. */
import { type Tensor, tensor } from "gradus";
import { eigenSymmetric } from "gradus/lab";
import { table } from "./newton.ts";
import { gaussian } from "./random.ts";
import { orthonormal } from "./vectors.ts";

export const [d, p] = [5, 2];
export type Matrix = number[][];
export const matrix = (x: Tensor) => x.toArray() as Matrix;

/** Both layers: the net maps x to ABx, d → p → d. */
export type Net = { A: Tensor; B: Tensor };

/** Data y = Wx + noise, and the quantities of the theorem: Σ = Σ_YX Σ_XX⁻¹ Σ_XY = U Λ Uᵀ. */
export function regression(seed: number, n = 100) {
  const turn = (stream: number) => table(orthonormal(matrix(gaussian([d, d], seed, stream))));
  const W = turn(0)
    .mul(tensor([3, 2.5, 2, 1.5, 1], "float64"))
    .matmul(turn(1));
  const x = gaussian([d, n], seed, 2).div(Math.sqrt(n)).evalSync();
  const y = W.matmul(x)
    .add(gaussian([d, n], seed, 3).mul(0.2 / Math.sqrt(n)))
    .evalSync();
  const xx = eigenSymmetric(matrix(x.matmul(x.transpose())));
  const Q = table(xx.vectors.map((v) => [...v]));
  const inverse = Q.transpose().matmul(Q.div(tensor(xx.values).unsqueeze(1)));
  const yx = y.matmul(x.transpose());
  const best = yx.matmul(inverse); // Σ_YX Σ_XX⁻¹: least squares without a bottleneck
  const { values, vectors } = eigenSymmetric(matrix(best.matmul(yx.transpose())));
  return {
    x,
    y,
    best: matrix(best),
    lambda: [...values],
    U: vectors.map((v) => [...v]),
    total: y.square().sum().item(), // tr Σ_YY
    /** ‖Y − ABX‖², and ‖Y − A relu(BX)‖², of one net or of many with a leading axis. */
    linear: ({ A, B }: Net) =>
      A.matmul(B)
        .matmul(x)
        .sub(y)
        .square()
        .sum({ axis: [-2, -1] }),
    relu: ({ A, B }: Net) =>
      A.matmul(B.matmul(x).relu())
        .sub(y)
        .square()
        .sum({ axis: [-2, -1] }),
  };
}
export type Regression = ReturnType<typeof regression>;

/** A = [q₁ … q_r 0] C and B = C⁻¹ [Qᵀ Σ_YX Σ_XX⁻¹; rest] for orthonormal q and some invertible C. */
export function net({ best }: Regression, q: Matrix, seed: number, rest?: Matrix): Net {
  const zeros = Array.from({ length: p - q.length }, () => Array<number>(d).fill(0));
  const turn = table(orthonormal(matrix(gaussian([p, p], seed, 4))));
  const scales = tensor([2, 0.5], "float64"); // C = turn · diag(scales)
  const A = table([...q, ...zeros])
    .transpose()
    .matmul(turn)
    .mul(scales);
  const maps = q.length ? matrix(table(q).matmul(table(best))) : [];
  const B = turn.transpose().matmul(table([...maps, ...(rest ?? zeros)]));
  return { A, B: B.div(scales.unsqueeze(1)) };
}
