/** E23: a gradient costs a small multiple of the loss, however many parameters there are. */
import { compile, concat, jvp, onesLike, type Tensor, valueAndGrad } from "gradus";
import type { Experiment, Setup } from "./shared/experiment.ts";
import { lineChart } from "./shared/line-chart.ts";
import { countOperations } from "./shared/operations.ts";
import { gaussian } from "./shared/random.ts";
import { fitPower, type Line, plusMinus } from "./shared/statistics.ts";

const batch = 32;
const limit = 5; // Griewank & Walther's bound on operations

interface Cost {
  readonly parameters: number;
  /** Arithmetic operations, for one batch. */
  readonly loss: number;
  readonly gradient: number;
  /** n forward derivatives, one along each parameter. */
  readonly forward: number;
  readonly milliseconds: number;
}

/** A tanh net of `depth` square layers of `width`, with squares on top. */
function costOf(depth: number, width: number, seed: number, repeats: number): Cost {
  const x = gaussian([batch, width], seed, 0);
  const weights = Array.from({ length: depth }, (_, i) =>
    gaussian([width, width], seed, i + 1)
      .div(Math.sqrt(width))
      .evalSync(),
  );
  const loss = (w: Tensor[]) =>
    w
      .reduce((h, w) => h.matmul(w).tanh(), x)
      .square()
      .mean();
  const all = ({ value, grads }: { value: Tensor; grads: Tensor[] }) =>
    concat([value.reshape([1]), ...grads.map((g) => g.flatten())]);
  const both = (w: Tensor[]) => all(valueAndGrad(loss)(w));
  const { value, tangent } = jvp(
    loss,
    weights,
    weights.map((w) => onesLike(w)),
  );
  const parameters = depth * width * width;
  const program = compile(both);
  const times = Array.from({ length: repeats }, () => {
    const start = performance.now();
    program.sync(weights).dataSync();
    return performance.now() - start;
  }).sort((a, b) => a - b);
  return {
    parameters,
    loss: countOperations(loss(weights)),
    gradient: countOperations(both(weights)),
    forward: parameters * countOperations(concat([value.reshape([1]), tangent.reshape([1])])),
    milliseconds: times[repeats >> 2]!,
  };
}

async function run({ quick, seed, progress }: Setup) {
  const repeats = quick ? 20 : 100;
  const measure = (shapes: readonly (readonly [depth: number, width: number])[]) =>
    shapes.map(([depth, width]) => {
      progress(`${depth} layers of ${width}`);
      return costOf(depth, width, seed, repeats);
    });
  const sizes = quick ? [2, 4, 8, 16, 32] : [2, 4, 8, 16, 32, 64];
  const deeper = measure(sizes.map((depth) => [depth, 32] as const));
  const wider = measure(sizes.map((k) => [4, 8 * k] as const));
  const exponent = (rows: readonly Cost[], of: (cost: Cost) => number) =>
    fitPower(
      rows.map((row) => row.parameters),
      rows.map(of),
    );
  const [byDepth, byWidth] = [deeper, wider].map((rows) => exponent(rows, (c) => c.gradient)) as [
    Line,
    Line,
  ];
  const timed = exponent(deeper, (c) => c.milliseconds);
  const forward = [deeper, wider].map((rows) => exponent(rows, (c) => c.forward).slope);
  const ratios = [...deeper, ...wider].map((c) => c.gradient / c.loss);
  const worst = Math.max(...ratios);
  const least = Math.min(...[...deeper, ...wider].map((c) => c.forward / c.gradient));
  const linear = ({ slope }: { slope: number }) => Math.abs(slope - 1) < 0.1;
  return {
    holds: linear(byDepth) && linear(byWidth) && worst < limit,
    control:
      forward.every((slope) => !linear({ slope }) && Math.abs(slope - 2) < 0.1) && least > limit,
    summary: `operations of a gradient grow as n^${plusMinus(byDepth.slope, byDepth.error)} with depth and n^${plusMinus(byWidth.slope, byWidth.error)} with width (predicted 1), loss included ${Math.min(...ratios).toFixed(2)} to ${worst.toFixed(2)} times those of the loss (predicted at most ${limit})`,
    controlSummary: `forward derivatives, one per parameter, grow as n^${forward.map((slope) => slope.toFixed(2)).join(" and n^")}, and take ${least.toFixed(0)} times as many operations or more`,
    figures: {
      "parameters, deeper nets": deeper.map((c) => c.parameters),
      "operations of the loss, deeper nets": deeper.map((c) => c.loss),
      "operations of loss and gradient, deeper nets": deeper.map((c) => c.gradient),
      "milliseconds of loss and gradient, deeper nets": deeper.map((c) => c.milliseconds),
      "parameters, wider nets": wider.map((c) => c.parameters),
      "operations of the loss, wider nets": wider.map((c) => c.loss),
      "operations of loss and gradient, wider nets": wider.map((c) => c.gradient),
      "milliseconds of loss and gradient, wider nets": wider.map((c) => c.milliseconds),
      "exponent of operations, by depth and by width": [byDepth.slope, byWidth.slope],
      "exponent of time, by depth": timed.slope,
      "exponent of forward derivatives": forward,
      "largest ratio of gradient to loss": worst,
    },
    charts: { operations: await picture([...deeper, ...wider]) },
    remarks: [
      `Time is measured but decides nothing, since other programs share the machine: here it grew as n^${timed.slope.toFixed(2)} with depth.`,
      "The gradient is so cheap for one output. For m outputs reverse mode takes m passes, and forward mode wins where inputs are fewer.",
    ],
  };
}

const picture = (costs: readonly Cost[]) => {
  const rows = [...costs].sort((a, b) => a.parameters - b.parameters);
  const points = (of: (cost: Cost) => number) =>
    rows.map((row): [number, number] => [row.parameters, of(row)]);
  return lineChart({
    title: "A gradient costs as much as three losses, at any size",
    subtitle: `Arithmetic operations for a batch of ${batch}, tanh nets from 2 layers to many and from narrow to wide`,
    x: "parameters n",
    y: "operations",
    log: "xy",
    curves: [
      { name: "loss", points: points((c) => c.loss), dots: true },
      { name: "loss and gradient, reverse", points: points((c) => c.gradient), dots: true },
      { name: "n forward derivatives", points: points((c) => c.forward), dashed: true },
    ],
  });
};

export default {
  id: "E23",
  title: "A gradient costs a few losses",
  claim:
    "Reverse mode gives all n derivatives of a loss for at most 5 times the operations of the loss, so the cost of a gradient is linear in the size of the net; forward mode takes a pass per parameter, which is quadratic.",
  source: "Linnainmaa 1976; Baur & Strassen 1983; Griewank & Walther 2008, §3.3",
  measured:
    "Arithmetic operations in the graphs of loss, gradient and forward derivatives of tanh nets from 2 to many layers and of growing width, and the time of the gradient.",
  criterion: `Operations of the gradient grow as n^1 ± 0.1 with depth and with width, and are never more than ${limit} times those of the loss. Control: n forward derivatives must grow as n^2 ± 0.1 and exceed that factor.`,
  run,
} satisfies Experiment;
