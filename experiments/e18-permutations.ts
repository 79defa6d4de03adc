import { compile, fromHost, type Tensor } from "gradus";
import { blobs, circles, type Split } from "gradus/data";
import { averageUnits, LossSurface, permuteUnits } from "gradus/lab";
import * as nn from "gradus/nn";
import { adam, Optimizer } from "gradus/optim";
import type { Experiment, Setup } from "./shared/experiment.ts";
import { lineChart } from "./shared/line-chart.ts";
import { between, centre, orders } from "./shared/points.ts";
import { mean } from "./shared/statistics.ts";

const [units, size] = [5, 200];
const hidden = "layers.0";

/**
 * Trains on all points at once by Adam. @returns the weight vectors along the way, every 25 steps.
 */
function train(model: nn.Sequential, { inputs, targets }: Split, steps: number) {
  const [x, y] = [fromHost(inputs).cast("float32"), fromHost(targets)];
  const optimizer = new Optimizer(model, adam(), { lr: 0.05 });
  const gradients = nn.valueAndGrad(model, (x: Tensor, y: Tensor) =>
    nn.crossEntropy(model.forward(x), y),
  );
  const step = compile((x: Tensor, y: Tensor) => optimizer.update(gradients(x, y).grads));
  const surface = LossSurface.ofModel(model, nn.crossEntropy, { inputs, targets });
  const points: Float64Array[] = [];
  for (let k = 0; k < steps; k++) {
    if (k % 25 === 0) points.push(surface.point());
    step.sync(x, y);
  }
  return { surface, points };
}

/** A trained net, its K! renumberings and their average. */
function study(data: Split, steps: number, seed: number) {
  const model = nn.seeded(
    seed,
    () =>
      new nn.Sequential(
        new nn.Linear(2, units, { init: nn.init.normal(0, 1) }),
        new nn.Tanh(),
        new nn.Linear(units, 2),
      ),
  );
  const { surface } = train(model, data, steps);
  const here = surface.point();
  const loss = surface.value(here);
  const points = orders(units).map((order) => {
    surface.assign(here);
    permuteUnits(model, hidden, order);
    return surface.point();
  });
  surface.assign(here);
  averageUnits(model, hidden);
  const average = surface.point();
  const middle = centre(points);
  const last = points.at(-1)!; // 0 … K − 1 is the identity; the first is the reverse
  return {
    loss,
    difference: Math.max(...points.map((p) => Math.abs(surface.value(p) - loss))),
    average: surface.value(average),
    /** Checks the lab's closed form of the average against the average. */
    apart: Math.max(...middle.map((x, i) => Math.abs(x - average[i]!))),
    path: Array.from(
      { length: 41 },
      (_, i) => [i / 40, surface.value(between(last, points[0]!, i / 40))] as const,
    ),
  };
}

async function run({ quick, seed, progress }: Setup) {
  const runs = quick ? 6 : 24;
  const steps = quick ? 300 : 600;
  const nets = Array.from({ length: runs }, (_, r) => {
    progress(`net ${r + 1} of ${runs}`);
    return study(circles({ size, noise: 0.05, seed: 100 * seed + r }), steps, 100 * seed + r);
  });
  progress("nets on separable classes, and a convex loss");
  const easyData = blobs({ size, noise: 0.5, classes: 2, seed });
  const easy = Array.from({ length: runs }, (_, r) => study(easyData, steps, 100 * seed + r));
  const linear = nn.seeded(
    seed,
    () => new nn.Sequential(new nn.Linear(2, 2, { init: nn.init.normal(0, 1) })),
  );
  const convex = train(linear, blobs({ size, noise: 1.5, classes: 2, seed }), steps);
  const values = convex.points.map((p) => convex.surface.value(p));
  const jensen = convex.surface.value(centre(convex.points)) - mean(values);

  const rises = nets.map((net) => net.average - net.loss);
  const difference = Math.max(...nets.map((net) => net.difference));
  const [least, nothing] = [Math.min(...rises), Math.log(2)];
  const contradictions = easy.filter((net) => net.average > net.loss + 1e-9).length;
  const bowl = Array.from(
    { length: 41 },
    (_, i) =>
      [
        i / 40,
        convex.surface.value(between(convex.points[0]!, convex.points.at(-1)!, i / 40)),
      ] as const,
  );
  return {
    holds: difference < 1e-9 && least > 0.1 && Math.max(...nets.map((net) => net.apart)) < 1e-6,
    control: jensen <= 0,
    summary: `${units}! = ${orders(units).length} renumberings of each of ${runs} nets have one loss to ${difference.toExponential(0)}, and their average has ${mean(nets.map((net) => net.average)).toFixed(2)} instead of ${mean(nets.map((net) => net.loss)).toFixed(3)} nats (at least ${least.toFixed(2)} more; predicted no more if convex)`,
    controlSummary: `for logistic regression the average of ${values.length} points is ${(-jensen).toFixed(3)} below their mean loss`,
    figures: {
      "hidden units K": units,
      "loss of the nets": nets.map((net) => net.loss),
      "loss of the average of all K! renumberings": nets.map((net) => net.average),
      "largest difference between renumberings": difference,
      "loss of knowing nothing, ln 2": nothing,
      "separable classes: loss": mean(easy.map((net) => net.loss)),
      "separable classes: loss of the average": easy.map((net) => net.average),
      "logistic regression: loss of the average − mean loss": jensen,
    },
    charts: { path: await pathChart(nets, bowl) },
    remarks: [
      `"Has learnt nothing" is not quite what the average is: it is a net of one unit, and may do worse than knowing nothing (here ${nets.filter((net) => net.average > nothing).length} of ${runs} exceed ln 2).`,
      `Where one unit suffices the average may do well: on two separable classes it is worse than the net in ${contradictions} of ${runs} runs, by as little as ${Math.min(...easy.map((net) => net.average - net.loss)).toExponential(0)} nats; there the argument hangs on a hair.`,
      "The argument needs a net better than its average. At a start with equal units, net and average are the same point.",
    ],
  };
}

const pathChart = (
  nets: readonly ReturnType<typeof study>[],
  bowl: readonly (readonly [number, number])[],
) =>
  lineChart({
    title: "Between a net and the same net renumbered lies a hill",
    subtitle: "Loss on the line between them; below the hill, the same for logistic regression",
    x: "part of the way",
    y: "cross-entropy (nats)",
    rules: [Math.log(2)],
    curves: [
      ...nets.slice(0, 3).map((net, i) => ({ name: `net ${i + 1}`, points: net.path })),
      { name: "logistic regression, between two points", dashed: true, points: bowl },
    ],
  });

export default {
  id: "E18",
  title: "Renumbered units, and why the loss is not convex",
  claim:
    "Renumbering the hidden units gives K! weights with one loss. If the loss were convex, their average, a net of identical units, could not be worse; it is much worse, so the loss of a net with hidden units is not convex.",
  source: "Hecht-Nielsen 1990 for the symmetry; Jensen's inequality",
  measured:
    "The loss of trained nets of five tanh units on two rings, of all their renumberings, and of the average of these.",
  criterion:
    "All renumberings have one loss to 1e-9, and the average's is higher by more than 0.1 nats for every net. Control: for logistic regression, whose loss is convex, the average of points on the way of descent must not be worse than their mean.",
  run,
} satisfies Experiment;
