/** E27: what a net has learned helps with images like those that it has seen. */
import type { Experiment, Setup } from "./shared/experiment.ts";
import {
  type Before,
  type Kind,
  kinds,
  measure,
  Savings,
  type Size,
  transfers,
  twoKinds,
} from "./shared/likeness.ts";
import { lineChart } from "./shared/line-chart.ts";
import { mean, plusMinus, standardError } from "./shared/statistics.ts";

const quickSize: Size = {
  ...{ counts: [5], each: 400, pretrainSteps: 600, repeats: 8, same: 8 },
  ...{ steps: 30, rates: [0.01], frozen: false },
};
const fullSize: Size = {
  ...{ counts: [10, 30, 100], each: 2000, pretrainSteps: 2000, repeats: 12, same: 3 },
  ...{ steps: 150, rates: [0.003, 0.01, 0.03], frozen: true },
};

const clear = (xs: readonly number[]) => mean(xs) > 2 * standardError(xs);
const percent = (xs: readonly number[]) =>
  `${plusMinus(100 * mean(xs), 100 * standardError(xs), 0)} %`;

async function run(setup: Setup) {
  const size = setup.quick ? quickSize : fullSize;
  const all = new Savings(measure(await twoKinds(setup), size, setup), size);
  const others = setup.quick ? "waves" : "photographs";
  const names: Names = { digits: "digits", others };
  const lead = all.lead();
  const shuffled = all.gain("digits", "shuffled");
  return {
    holds: clear(lead),
    control: !clear(shuffled),
    summary: `digits before save ${percent(all.gain("digits", "digits"))} of the error on new digits and ${percent(all.gain("others", "digits"))} on ${others}; ${others} before save ${percent(all.gain("digits", "others"))} on digits and ${percent(all.gain("others", "others"))} on new ${others}`,
    controlSummary: `digits with shuffled labels save ${percent(shuffled)} on new digits`,
    figures: {
      repetitions: size.repeats,
      ...figures(all, size, names),
      "lead of the like kind": lead,
    },
    charts: { saved: await chartOf(size, all, names) },
    remarks: [
      setup.quick
        ? "The quick version knows no photographs: noisy waves in ten directions stand for them. Only the full version tests the claim."
        : "Photographs are hard for so small a net on 14 × 14 gray pixels. That they can be helped is shown by what other photographs save.",
      "Rates are chosen by the test error, for all alike.",
    ],
  };
}

type Names = Readonly<Record<Kind, string>>;

function figures(all: Savings, { counts, frozen }: Size, names: Names) {
  const pairs: (readonly [target: Kind, before: Exclude<Before, "nothing">])[] = [
    ...transfers.map((before) => ["digits", before] as const),
    ...kinds.map((before) => ["others", before] as const),
  ];
  const each = <T>(f: (target: Kind, before: Before) => T) =>
    Object.fromEntries(
      pairs.map(([target, before]) => {
        const from = before === "shuffled" ? "digits, labels shuffled" : names[before];
        return [`${from} → ${names[target]}`, f(target, before)];
      }),
    );
  return {
    "examples of each new class": [...counts],
    "test error from scratch": Object.fromEntries(
      kinds.map((kind) => [names[kind], all.errors(kind, "nothing").map(mean)]),
    ),
    "test error": each((target, before) => all.errors(target, before).map(mean)),
    "share of the error saved": each((...pair) => all.saved(...pair).map(mean)),
    "standard error of the share": each((...pair) => all.saved(...pair).map(standardError)),
    ...(frozen && {
      "share saved, convolutions frozen": each((...pair) => all.saved(...pair, false).map(mean)),
      "standard error of the share, convolutions frozen": each((...pair) =>
        all.saved(...pair, false).map(standardError),
      ),
    }),
  };
}

const chartOf = ({ counts }: Size, all: Savings, names: Names) =>
  lineChart({
    title: "What helps is what is like",
    subtitle: "Share of the test error saved by what was learned before, ± 2 s.e.; dashed: unlike",
    x: "examples of each new class",
    y: "error saved (%)",
    log: "x",
    rules: [0],
    curves: kinds.flatMap((target) =>
      kinds.map((before) => ({
        name: `${names[before]} → ${names[target]}`,
        dots: true,
        dashed: before !== target,
        points: all
          .saved(target, before)
          .map((row, i): [number, number, number] => [
            counts[i]!,
            100 * mean(row),
            100 * standardError(row),
          ]),
      })),
    ),
  });

export default {
  id: "E27",
  title: "Transfer needs likeness",
  claim:
    "What a net has learned saves errors on new classes with few examples if these are like the old ones, digits for digits; it saves little or nothing if they are not, digits for photographs.",
  source: "Yosinski et al. 2014; the course's rule on fine-tuning for dissimilar data",
  measured:
    "The share of the test error that a small convolutional net saves on five new classes, with 10 to 100 examples of each, if it was trained on five others before, digits or gray photographs, on either; against the same net from scratch, each at its best of three learning rates. The quick version takes drawn digits and noisy waves in ten directions.",
  criterion:
    "Holds if, on average over both kinds of new classes, training on the like kind before saves more than training on the other one, by more than two standard errors. Control: digits with shuffled labels, alike in their pixels alone, must not save as clearly on new digits.",
  run,
} satisfies Experiment;
