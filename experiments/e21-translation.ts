/**
 * E21: a convolution commutes with translation; pooling makes the result less dependent on
 * position.
 */
import type { Tensor } from "gradus";
import { chart } from "gradus/draw";
import { equivarianceError, invarianceError } from "gradus/lab";
import type { Experiment, Setup } from "./shared/experiment.ts";
import { layers } from "./shared/random-layers.ts";
import { mean, standardError } from "./shared/statistics.ts";

const shifts = [1, 2, 3, 4];
const windows = [1, 2, 4, 8];

function repetition(seed: number, r: number) {
  const { images, one, stack, strided, dense, pooled, global } = layers(seed, r);
  const equivariance = (f: (x: Tensor) => Tensor) =>
    shifts.map((d) => equivarianceError(f, images, [d, d]));
  const invariance = (f: (x: Tensor) => Tensor) =>
    shifts.map((d) => invarianceError(f, images, [0, d]));
  const even = shifts.filter((d) => d % 2 === 0);
  return {
    moves: Math.max(...equivariance(one), ...equivariance(stack)),
    stridedEven: Math.max(
      ...even.map((d) => equivarianceError(strided, images, [d, d], [d / 2, d / 2])),
    ),
    // an odd shift does not become an integer one: the nearer of both neighbours
    stridedOdd: Math.min(
      ...[0, 1].map((to) => equivarianceError(strided, images, [1, 1], [to, to])),
    ),
    dense: Math.min(...equivariance(dense)),
    global: Math.max(...invariance(global)),
    changes: windows.map((window) => invariance(pooled(window))), // [window][shift]
  };
}

async function run({ quick, seed, progress }: Setup) {
  const all = Array.from({ length: quick ? 6 : 50 }, (_, r) => {
    progress(`repetition ${r + 1}`);
    return repetition(seed, r);
  });
  const rows = windows.flatMap((window, w) =>
    shifts.map((shift, s) => {
      const changes = all.map((one) => one.changes[w]![s]!);
      return { window, shift, change: mean(changes), error: standardError(changes) };
    }),
  );
  const change = (window: number) => rows.find((row) => row.window === window)!;
  /**
   * By how much each window reduces the change that the previous one left, at a shift of one pixel.
   */
  const gains = windows.slice(1).map((_, w) => {
    const falls = all.map((one) => one.changes[w]![0]! - one.changes[w + 1]![0]!);
    return { mean: mean(falls), error: standardError(falls) };
  });
  const most = (f: (one: (typeof all)[number]) => number) => Math.max(...all.map(f));
  const leastOf = (f: (one: (typeof all)[number]) => number) => Math.min(...all.map(f));
  const exact = Math.max(
    most((r) => r.moves),
    most((r) => r.stridedEven),
    most((r) => r.global),
  );
  const [dense, odd] = [leastOf((r) => r.dense), leastOf((r) => r.stridedOdd)];
  const [none, two, eight] = [change(1), change(2), change(8)];
  return {
    holds: exact < 1e-12 && gains.every((gain) => gain.mean > 2 * gain.error),
    control: dense > 0.5 && odd > 0.1 && none.change > 0.3,
    summary: `convolutions move along to ${exact} (predicted 0), as global pooling stays; a shift of 1 pixel changes a max-pooled map by ${percent(two)} with windows of 2 and ${percent(eight)} with 8, without pooling by ${percent(none)}`,
    controlSummary: `a dense layer is off by ${(100 * dense).toFixed(0)} % or more, a convolution of stride 2 under odd shifts by ${(100 * odd).toFixed(0)} % or more`,
    figures: {
      repetitions: all.length,
      "equivariance error of one convolution and of two": most((r) => r.moves),
      "of stride 2, shifts by 2 and 4": most((r) => r.stridedEven),
      "of stride 2, shift by 1, least": odd,
      "of a dense layer, least": dense,
      "invariance error of global max pooling": most((r) => r.global),
      "pooling windows": windows,
      "shifts in pixels": shifts,
      "change by each shift, mean, a row per window": windows.map((w) =>
        rows.filter((row) => row.window === w).map((row) => row.change),
      ),
      "its standard error": windows.map((w) =>
        rows.filter((row) => row.window === w).map((row) => row.error),
      ),
    },
    charts: { pooling: await picture(rows) },
    remarks: [
      `"Invariant" is too strong a word for pooling: a window of 2 still lets ${percent(two)} of change through for one pixel. Only pooling over the whole map is invariant, and strides break equivariance itself (Azulay & Weiss 2019; Zhang 2019).`,
      "Equivariance ends where something is pushed over the border, or where a bias makes the empty border differ from the padding.",
    ],
  };
}

const percent = ({ change, error }: { change: number; error: number }): string =>
  `${(100 * change).toFixed(0)} ± ${(100 * error).toFixed(0)} %`;

const colors = ["#555555", "#56b4e9", "#0072b2", "#009e73"];
const picture = (
  rows: readonly { window: number; shift: number; change: number; error: number }[],
) =>
  chart((Plot) => ({
    title: "The wider the pooling, the less a small shift matters",
    subtitle: "Relative change of a max-pooled feature map when a digit moves, ± 2 standard errors",
    legend: Object.fromEntries(
      windows.map((w, i) => [w === 1 ? "no pooling" : `window ${w} × ${w}`, colors[i]!]),
    ),
    width: 640,
    height: 340,
    marginLeft: 60,
    marginBottom: 44,
    x: { label: null, axis: null },
    fx: { label: "shift (pixels)", tickFormat: "d" },
    y: { label: "change (% of the map)", grid: true },
    marks: [
      Plot.barY(rows, {
        fx: "shift",
        x: "window",
        y: (r) => 100 * r.change,
        fill: (r) => colors[windows.indexOf(r.window)]!,
      }),
      Plot.ruleX(rows, {
        fx: "shift",
        x: "window",
        y1: (r) => 100 * (r.change - 2 * r.error),
        y2: (r) => 100 * (r.change + 2 * r.error),
        strokeWidth: 2,
      }),
      Plot.ruleY([0]),
    ],
  }));

export default {
  id: "E21",
  title: "Convolution is equivariant, pooling nearly invariant",
  claim:
    "If an image moves, its convolution moves by the same; max pooling makes the result depend less on small shifts, the more the wider its windows, and not at all if it takes in the whole map.",
  source: "LeCun et al. 1998, §II; Goodfellow, Bengio & Courville 2016, §9.2–9.3",
  measured:
    "‖f(Sx) − S f(x)‖ / ‖f(x)‖ and ‖f(Sx) − f(x)‖ / ‖f(x)‖ of layers with random filters for digits that move by 1 to 4 pixels S.",
  criterion:
    "One convolution, two with a ReLU between, one of stride 2 under even shifts, and global pooling are exact to 10⁻¹²; windows of 2, 4 and 8 each change less than the one before by more than two standard errors at a shift of 1. Control: a dense layer (above 50 %), stride 2 at odd shifts (above 10 %) and no pooling (above 30 %) must fail.",
  run,
} satisfies Experiment;
