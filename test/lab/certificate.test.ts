/** Proofs of convexity: given for what is convex by composition, and never for what is not. */
import { normal, type Tensor, tensor } from "gradus";
import { certifyConvexity, checkConvexity, judgeConvexity, LossSurface } from "gradus/lab";
import {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  hinge,
  Linear,
  type Module,
  meanAbsoluteError,
  meanSquaredError,
  ReLU,
  Sequential,
  Sigmoid,
  squaredHinge,
  Tanh,
} from "gradus/nn";
import { describe, expect, test } from "vitest";

const inputs = normal([8, 3], { key: 4 });
const classes = tensor([0, 1, 2, 0, 1, 2, 0, 1], "int32");
const signs = tensor([1, -1, 1, 1, -1, -1, 1, -1].map((y) => [y]));
const bits = tensor([1, 0, 1, 1, 0, 0, 1, 0].map((y) => [y]));
type Loss = (outputs: Tensor, targets: Tensor) => Tensor;
const surface = (model: Module, loss: Loss, targets: Tensor) =>
  LossSurface.ofModel(model, loss, { inputs, targets });

const penalised: Loss = (z, y) => crossEntropy(z, y);
const convex: [string, () => LossSurface][] = [
  ["linear regression", () => surface(new Linear(3, 1), meanSquaredError, signs)],
  ["least absolute deviations", () => surface(new Linear(3, 1), meanAbsoluteError, signs)],
  ["logistic regression", () => surface(new Linear(3, 1), binaryCrossEntropyWithLogits, bits)],
  ["softmax regression", () => surface(new Linear(3, 3), penalised, classes)],
  ["hinge", () => surface(new Linear(3, 1), hinge, signs)],
  ["squared hinge", () => surface(new Linear(3, 1), squaredHinge, signs)],
  [
    "a norm and a maximum",
    () =>
      LossSurface.of((x: Tensor) => x.abs().sum().maximum(x.sub(1).square().sum()), tensor([1, 2])),
  ],
  ["log-sum-exp", () => LossSurface.of((x: Tensor) => x.mul(3).logSumExp(), tensor([1, 2]))],
  [
    "a negated concave function",
    () => LossSurface.of((x: Tensor) => x.log().sum().neg(), tensor([1, 2])),
  ],
  [
    "a square of what is convex and positive",
    () => LossSurface.of((x: Tensor) => x.exp().square().sum(), tensor([1, 2])),
  ],
];

/** Not convex, or not by the rules. */
const notProved: [string, () => LossSurface][] = [
  [
    "a hidden layer",
    () =>
      surface(
        new Sequential(new Linear(3, 4), new Tanh(), new Linear(4, 1)),
        meanSquaredError,
        signs,
      ),
  ],
  [
    "a hidden layer of ReLUs",
    () =>
      surface(new Sequential(new Linear(3, 4), new ReLU(), new Linear(4, 3)), penalised, classes),
  ],
  [
    "two linear layers",
    () => surface(new Sequential(new Linear(3, 2), new Linear(2, 1)), meanSquaredError, signs),
  ],
  [
    "squares behind a sigmoid",
    () => surface(new Sequential(new Linear(3, 1), new Sigmoid()), meanSquaredError, bits),
  ],
  ["a negated square", () => LossSurface.of((x: Tensor) => x.square().sum().neg(), tensor([1, 2]))],
  ["a product", () => LossSurface.of((x: Tensor) => x.prod(), tensor([1, 2]))],
  [
    "a difference of convex functions",
    () => LossSurface.of((x: Tensor) => x.exp().sum().sub(x.square().sum()), tensor([1, 2])),
  ],
  [
    "a square of what may be negative",
    () => LossSurface.of((x: Tensor) => x.square().sub(1).square().sum(), tensor([1, 2])),
  ],
  [
    "a constant of both signs",
    () =>
      LossSurface.of(
        (x: Tensor) =>
          x
            .square()
            .mul(tensor([1, -1], "float64"))
            .sum(),
        tensor([1, 2]),
      ),
  ],
  ["a minimum", () => LossSurface.of((x: Tensor) => x.square().min(), tensor([1, 2]))],
  [
    "−x², its second factor hidden from derivatives",
    () => LossSurface.of((x: Tensor) => x.mul(x.stopGradient()).sum().neg(), tensor([1, 2])),
  ],
  [
    "a term hidden from derivatives",
    () =>
      LossSurface.of((x: Tensor) => x.sub(x.square().stopGradient().mul(2)).sum(), tensor([1, 2])),
  ],
  [
    "the least element, chosen by argmin",
    () => LossSurface.of((x: Tensor) => x.takeAlong(x.argmin().unsqueeze(0)).sum(), tensor([1, 2])),
  ],
  [
    "terms hidden from derivatives, along other axes",
    () =>
      LossSurface.of(
        (x: Tensor) => {
          const w = x.square().stopGradient();
          const grid = x.unsqueeze(1).add(x.unsqueeze(0));
          return grid.add(w.unsqueeze(1)).sub(w.unsqueeze(0)).slice(0, 1).sum();
        },
        tensor([1, 2]),
      ),
  ],
  [
    "half of a log-sum-exp's shift",
    () =>
      LossSurface.of(
        (x: Tensor) => x.sub(x.max().stopGradient()).exp().sum().log(),
        tensor([1, 2]),
      ),
  ],
];

describe("certifyConvexity", () => {
  for (const [name, make] of convex)
    test(`proves ${name}, of which no chord is a counter-example`, () => {
      const made = make();
      expect(certifyConvexity(made)).toMatchObject({ verdict: "convex", obstacle: null });
      const center = made.point().map((x) => Math.abs(x) + 9); // where the logarithm is defined
      expect(checkConvexity(made, { center, chords: 50, hessians: 2 }).verdict).toBe("undecided");
    });

  for (const [name, make] of notProved)
    test(`does not prove ${name}`, () => {
      const { verdict, obstacle } = certifyConvexity(make());
      expect(verdict).toBe("undecided");
      expect(obstacle).toEqual(expect.any(String));
    });
});

test("judgeConvexity: a proof, or a counter-example, and where neither is found undecided", () => {
  const judged = (make: () => LossSurface, options = {}) => judgeConvexity(make(), options).verdict;
  expect(judged(convex[2]![1])).toBe("convex");
  const hidden = judgeConvexity(notProved[0]![1](), { radius: 3 });
  expect(hidden.verdict).toBe("not convex");
  expect(hidden.certificate.obstacle).toBe("tanh");
  expect(hidden.search!.counterExample).not.toBeNull();
  const quartic = () =>
    LossSurface.of((x: Tensor) => x.square().mul(x.square()).sum(), tensor([1]));
  expect(judged(quartic)).toBe("undecided"); // convex, and beyond the rules
});
