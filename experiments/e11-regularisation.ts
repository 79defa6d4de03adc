import { digits } from "gradus/data";
import { chart } from "gradus/draw";
import type { Experiment, Setup } from "./shared/experiment.ts";
import { examples, learn, type Manner, type Result, side } from "./shared/overfitting.ts";
import { mean, plusMinus, standardError } from "./shared/statistics.ts";

const tested = 1000;
const least = 0.05; // of plain training's gap

const manners: Readonly<Record<string, Manner>> = {
  augmentation: { shifts: true },
  dropout: { dropout: 0.6 },
  "early stopping": { early: true },
  "weight decay": { decay: 0.02 },
  "nothing (control)": { another: true },
};

const gap = ({ train, test }: Result): number => test[0] - train[0];

async function run({ quick, seed, progress }: Setup) {
  const train = quick ? 100 : 200;
  const sizes = quick ? { hidden: 128, steps: 120 } : { hidden: 256, steps: 300 };
  const repeats = quick ? 4 : 8;
  const results: Record<string, Result[]> = {};
  for (let r = 0; r < repeats; r++) {
    const all = digits({ train: 2 * train, test: tested, seed: 100 * seed + r });
    const data = {
      train: examples(all.train, 0, train),
      validation: examples(all.train, train, train),
      test: examples(all.test!, 0, tested),
    };
    for (const [name, manner] of Object.entries({ plain: {}, ...manners })) {
      progress(`repetition ${r + 1} of ${repeats}: ${name}`);
      const result = learn(manner, data, sizes, 100 * seed + r);
      results[name] = [...(results[name] ?? []), result];
    }
  }
  const plain = results.plain!.map(gap);
  const rows = Object.keys(manners).map((name) => {
    const falls = results[name]!.map((result, r) => (plain[r]! - gap(result)) / mean(plain));
    return { name, fall: mean(falls), error: standardError(falls) };
  });
  const reduces = (row: { fall: number; error: number }) =>
    row.fall > least && row.fall > 2 * row.error;
  const shown = rows.map((r) => `${r.name} ${plusMinus(-100 * r.fall, 100 * r.error, 0)} %`);
  const per = (f: (r: Result) => number) =>
    Object.fromEntries(Object.entries(results).map(([name, all]) => [name, mean(all.map(f))]));
  const wrong = per((r) => r.test[1]);
  const weights = side * side * sizes.hidden + 11 * sizes.hidden + 10;
  return {
    holds: rows.slice(0, -1).every(reduces),
    control: !reduces(rows.at(-1)!),
    summary: `${shown.slice(0, -1).join(", ")} of the gap`,
    controlSummary: `another start of the same net changes the gap by ${shown.at(-1)!.split(") ")[1]}`,
    figures: {
      "examples n": train,
      parameters: weights,
      repetitions: repeats,
      "gap in nats, test − training": per(gap),
      "fall of the gap, share": Object.fromEntries(rows.map((r) => [r.name, r.fall])),
      "its standard error": Object.fromEntries(rows.map((r) => [r.name, r.error])),
      "training loss": per((r) => r.train[0]),
      "test loss": per((r) => r.test[0]),
      "test error": wrong,
    },
    charts: { gaps: await picture(rows, train, weights) },
    remarks: [
      `A smaller gap is not yet a better net: of wrong answers on the test set, plain training has ${percent(wrong.plain)}, augmentation ${percent(wrong.augmentation)}, dropout ${percent(wrong.dropout)}, early stopping ${percent(wrong["early stopping"])}, weight decay ${percent(wrong["weight decay"])}. Augmentation, which brings in knowledge of the task, does most.`,
      "Early stopping uses a validation set as large as the training set, which the others could have learnt from.",
    ],
  };
}

const percent = (x: number | undefined): string => `${(100 * x!).toFixed(1)} %`;

const picture = (
  rows: readonly { name: string; fall: number; error: number }[],
  train: number,
  weights: number,
) =>
  chart((Plot) => ({
    title: "Each kind of regularisation closes some of the gap",
    subtitle: `Fall of test − training loss, ± 2 standard errors; n = ${train}, ${weights} parameters`,
    width: 640,
    height: 260,
    marginLeft: 130,
    marginBottom: 44,
    x: { label: "fall of the gap (% of plain training's)", grid: true },
    y: { label: null, domain: rows.map((r) => r.name) },
    marks: [
      Plot.barX(rows, {
        x: (r) => 100 * r.fall,
        y: "name",
        fill: (r) => (r.name.includes("control") ? "#999999" : "#0072b2"),
      }),
      Plot.ruleY(rows, {
        x1: (r) => 100 * (r.fall - 2 * r.error),
        x2: (r) => 100 * (r.fall + 2 * r.error),
        y: "name",
        strokeWidth: 2,
      }),
      Plot.ruleX([0]),
    ],
  }));

export default {
  id: "E11",
  title: "Regularisation when parameters outnumber examples",
  claim:
    "Where a net has far more parameters than examples it learns them by heart; augmentation, dropout, early stopping and weight decay each reduce the gap between training and test loss.",
  source: "Krizhevsky et al. 2012, §4; Srivastava et al. 2014; Prechelt 1998; Krogh & Hertz 1992",
  measured:
    "The gap in cross-entropy of a one-hidden-layer net on a few images of digits, for plain training and each remedy alone, paired over repetitions with new images and starts.",
  criterion: `Each remedy lowers the gap by more than ${100 * least} % of plain training's, and by more than two standard errors. Control: plain training from another start must not.`,
  run,
} satisfies Experiment;
