/** E26: gradient descent of a linear net of any depth ends at the global minimum. */
import { zeros } from "gradus";
import { eigenSymmetric, LossSurface } from "gradus/lab";
import {
  descents,
  layerLosses,
  leastLoss,
  type Path,
  randomLayers,
  readings,
} from "./shared/deep-linear-net.ts";
import type { Experiment, Setup } from "./shared/experiment.ts";
import { lineChart } from "./shared/line-chart.ts";
import { d, regression } from "./shared/linear-net.ts";

/** Widths of the hidden layers; the narrowest limits the rank. */
const layouts = [
  [4, 3],
  [3, 2, 4],
  [5, 5, 5],
  [2, 2, 2, 2],
];
const named = (hidden: readonly number[]) => [d, ...hidden, d].join("-");

/** The least eigenvalue of the Hessian where all weights are 0. */
function leastAtZero(hidden: readonly number[], seed: number): number {
  const loss = layerLosses([regression(100 * seed, 40)], "linear");
  const layers = randomLayers([1, 1], hidden, seed);
  const origin = Object.fromEntries(
    Object.entries(layers).map(([name, W]) => [name, zeros(W.shape, { dtype: "float64" })]),
  );
  const surface = LossSurface.of((w: typeof layers) => loss(w).sum(), origin);
  return eigenSymmetric(surface.hessian(surface.point())).values.at(-1)!;
}

async function run({ quick, seed, progress }: Setup) {
  const [count, starts, steps] = quick ? [2, 10, 2400] : [5, 20, 20_000];
  const problems = Array.from({ length: count }, (_, i) => regression(100 * seed + i, 40));
  const rows = (quick ? layouts.slice(0, 2) : layouts).map((hidden) => {
    const rank = Math.min(d, ...hidden);
    const global = problems.map((problem) => leastLoss(problem, rank));
    const paths = (activation: "linear" | "ReLU") => {
      progress(`${named(hidden)}, ${activation}`);
      return descents(problems, { hidden, activation, starts, steps, seed });
    };
    const [linear, relu] = [paths("linear"), paths("ReLU")];
    return {
      name: named(hidden),
      ...{ global, linear, relu },
      excess: linear.map((path) => path.losses.at(-1)! / global[path.problem]! - 1),
      stuck: stuck(relu),
      dead: relu.filter((path) => path.losses.at(-1)! === problems[path.problem]!.total).length,
    };
  });
  const excess = rows.flatMap((row) => row.excess);
  const highest = Math.max(...excess);
  const reached = excess.filter((x) => Math.abs(x) < 1e-6).length;
  const [shallow, deep] = [[2], [2, 2]].map((hidden) => leastAtZero(hidden, seed));
  const each = <T>(f: (row: (typeof rows)[number]) => T) =>
    Object.fromEntries(rows.map((row) => [row.name, f(row)]));
  return {
    holds: reached === excess.length,
    control: rows.every(({ stuck }) => stuck > count * starts * 0.25),
    summary: `${reached} of ${excess.length} descents of nets of ${quick ? "3 and 4" : "3 to 5"} linear layers end at the global minimum, the highest ${Math.max(highest, 1e-15).toExponential(0)} above it`,
    controlSummary: `with ReLU between the layers ${rows.map((row) => row.stuck).join(", ")} of ${count * starts} get stuck above the lowest end on their problem, by up to ${(100 * (Math.max(...rows.flatMap(({ relu }) => overLowest(relu).map(([over]) => over))) - 1)).toFixed(0)} %`,
    figures: {
      descents: excess.length,
      "that end at the global minimum": reached,
      "highest end, relative to the global minimum": each((row) => Math.max(...row.excess)),
      "global minimum of each problem": each((row) => row.global),
      "largest gradient at an end / ‖Y‖²": each((row) =>
        Math.max(...row.linear.map(({ gradient }) => gradient)),
      ),
      "with ReLU, descents that get stuck above the lowest end": each((row) => row.stuck),
      "with ReLU, highest end / lowest on its problem": each((row) =>
        Math.max(...overLowest(row.relu).map(([over]) => over)),
      ),
      "with ReLU, nets that end dead, at the loss ‖Y‖²": each((row) => row.dead),
      "least eigenvalue of the Hessian at weights of 0, 2 layers": shallow!,
      "the same, 3 layers": deep!,
    },
    charts: {
      ends: await ends(rows),
      descents: await waiting(rows.at(quick ? -1 : 2)!, steps),
    },
    remarks: [
      `No spurious minima does not mean no flat saddles. At weights of 0 a net of two layers has a direction down of curvature ${shallow!.toFixed(1)}; with three layers the Hessian there is 0, and descents that start small wait long.`,
    ],
  };
}

/** Final losses relative to the lowest on the same problem, and how much each fell in the last quarter of the steps. */
function overLowest(paths: readonly Path[]) {
  const end = ({ losses }: Path) => losses.at(-1)!;
  return paths.map((path): readonly [over: number, fell: number] => {
    const lowest = Math.min(...paths.filter((p) => p.problem === path.problem).map(end));
    return [end(path) / lowest, (path.losses.at(-1 - readings / 4)! - end(path)) / lowest];
  });
}

/** How many end more than 1 % above the lowest, and fell by less than a tenth of that at last. */
const stuck = (paths: readonly Path[]) =>
  overLowest(paths).filter(([over, fell]) => over > 1.01 && fell < (over - 1) / 10).length;

interface Row {
  readonly name: string;
  readonly global: readonly number[];
  readonly linear: readonly Path[];
  readonly relu: readonly Path[];
}

const ends = (rows: readonly Row[]) =>
  lineChart({
    title: "Where gradient descent of deep nets ends",
    subtitle: "final losses from random starts, sorted, relative to the lowest on the same problem",
    x: "share of starts",
    y: "loss / lowest loss",
    log: "y",
    curves: [
      { name: "linear, all", ends: rows.flatMap(({ linear }) => overLowest(linear)) },
      ...rows.map(({ name, relu }) => ({ name: `ReLU ${name}`, ends: overLowest(relu) })),
    ].map(({ name, ends }) => ({
      name,
      points: ends
        .map(([over]) => over)
        .sort((a, b) => a - b)
        .map((over, i) => [(i + 1) / ends.length, over] as const),
    })),
  });

const waiting = ({ name, linear, global }: Row, steps: number) =>
  lineChart({
    title: `Descents of the linear net ${name} wait at saddles and go on`,
    subtitle: "loss above the global minimum, relative, of twenty starts",
    x: "step",
    y: "loss / global minimum − 1",
    log: "y",
    curves: linear.slice(0, 20).map(({ problem, losses }) => ({
      name: "linear",
      color: "#0072b2",
      points: losses.map(
        (loss, k) =>
          [(k * steps) / readings, Math.max(loss / global[problem]! - 1, 1e-12)] as const,
      ),
    })),
  });

export default {
  id: "E26",
  title: "Deep linear nets have no spurious minima",
  claim:
    "The squared loss of a linear net of any depth and any widths has no local minimum but the global one, the loss of the best map of the rank that the narrowest layer allows.",
  source: "Kawaguchi 2016, theorem 2.3; Laurent & von Brecht 2018",
  measured:
    "The ends of gradient descent from random starts on random regression problems with d = 5, for nets of three to five layers, wide ones and ones with a bottleneck, against the closed form tr Σ_YY − Σ λⱼ, j ≤ r, of reduced-rank regression.",
  criterion:
    "Holds if every descent ends at the closed form to 1e-6. Control: with ReLU between the layers, more than a quarter of the descents of every layout must get stuck: more than 1 % above the lowest end on their problem, and falling by less than a tenth of that in the last quarter of the steps.",
  run,
} satisfies Experiment;
