import { type Tensor, tensor } from "gradus";
import { LossSurface } from "gradus/lab";
import { Linear, meanSquaredError, Sequential, seeded, Tanh } from "gradus/nn";

/** Five fixed points of the plane with a curved target. */
export const data = {
  inputs: tensor([
    [0.5, -1],
    [1.5, 0.3],
    [-0.7, 0.8],
    [0.1, 0.2],
    [-1.2, -0.4],
  ]),
  targets: tensor([[0.3], [-0.8], [0.5], [0.1], [0.9]]),
};

/** Two inputs, three tanh units, one output: 13 parameters, in float32 like any model. */
export const smallNet = (): Sequential =>
  seeded(1, () => new Sequential(new Linear(2, 3), new Tanh(), new Linear(3, 1)));

export function smallSurface() {
  const model = smallNet();
  return { model, surface: LossSurface.ofModel(model, meanSquaredError, data) };
}

/** L = ½ θᵀAθ − bᵀθ */
export function quadraticSurface(a: number[][], b: number[] = a.map(() => 0)): LossSurface {
  const [matrix, vector] = [tensor(a, "float64"), tensor(b, "float64")];
  return LossSurface.of(
    (x: Tensor) => x.mul(matrix.matmul(x)).sum().mul(0.5).sub(x.mul(vector).sum()),
    tensor(a.map(() => 0)),
  );
}
