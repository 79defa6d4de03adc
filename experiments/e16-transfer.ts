/**
 * E16: features learned on five digits help with five others, the more so the fewer their examples.
 */
import type { Sequential } from "gradus/nn";
import type { Experiment, Setup } from "./shared/experiment.ts";
import {
  convNet,
  draw,
  errorChart,
  Learner,
  type Pretrained,
  pretrain,
  someDigits,
} from "./shared/fine-tuning.ts";
import { mean, standardError } from "./shared/statistics.ts";

/** Which layers keep their pre-trained weights; null trains from scratch. */
const variants: Readonly<Record<string, readonly string[] | null>> = {
  "from scratch": null,
  "all free": [],
  "convolutions frozen": ["layers.0", "layers.2"],
  "head only": ["layers.0", "layers.2", "layers.5"],
};
const shuffledName = "head, shuffled";

/** Errors `[count][rate]` of each variant. */
type Table = Record<string, number[][]>;

async function run({ quick, seed, data, progress }: Setup) {
  const counts = quick ? [3, 30] : [1, 3, 10, 30, 100];
  const pre = quick ? { each: 2000, steps: 1000 } : { each: 4000, steps: 2500 };
  const [repeats, same] = quick ? [10, 5] : [12, 3]; // this many share their pre-training
  const [steps, rates] = quick ? [80, [0.004, 0.02]] : [150, [0.001, 0.003, 0.01, 0.03]];
  const all = await someDigits(data, seed);
  const learners = Object.fromEntries(
    Object.entries(variants).map(([name, frozen]) => {
      const model = convNet(0);
      for (const path of frozen ?? []) model.freeze(path);
      return [name, new Learner(model)];
    }),
  );
  const pretrainer = new Learner(convNet(0));
  const repetitions: Table[] = [];
  let pretrained: Pretrained | undefined;
  for (let r = 0; r < repeats; r++) {
    progress(`repetition ${r + 1}`);
    const own = 100 * seed + r;
    if (r % same === 0)
      pretrained = pretrain(pretrainer, draw(all.train, 0, pre.each, own, 1), pre.steps, own);
    const { real, shuffled } = pretrained!;
    const test = draw(all.test!, 5, 200, own, 3);
    const table: Table = {};
    for (const n of counts) {
      const few = draw(all.train, 5, n, own, 4);
      const learn = (name: string, learner: Learner, from: Sequential) => {
        const wrong = rates.map((rate) => {
          learner.start(from);
          learner.learn(few, rate, steps, 32);
          return learner.wrong(test);
        });
        table[name] = [...(table[name] ?? []), wrong];
      };
      for (const [name, frozen] of Object.entries(variants))
        learn(name, learners[name]!, frozen ? real : convNet(own + 2));
      learn(shuffledName, learners["head only"]!, shuffled);
    }
    repetitions.push(table);
  }
  return judge(repetitions, counts, rates);
}

/** Each variant at its best learning rate on average, for each number of examples. */
async function judge(
  repetitions: readonly Table[],
  counts: readonly number[],
  rates: readonly number[],
) {
  const names = [...Object.keys(variants), shuffledName];
  const best = (name: string, i: number) => {
    const by = rates.map((_, l) => repetitions.map((table) => table[name]![i]![l]!));
    const l = by.reduce((a, errors, b) => (mean(errors) < mean(by[a]!) ? b : a), 0);
    return { rate: rates[l]!, errors: by[l]! };
  };
  const all = names.map((name) => [name, counts.map((_, i) => best(name, i))] as const);
  const results = Object.fromEntries(all);
  /** Paired over repetitions, at the i-th number of examples. */
  const difference = (a: string, b: string, i: number, f = (x: number) => x): Difference => {
    const pairs = results[a]![i]!.errors.map((x, r) => f(x) - f(results[b]![i]!.errors[r]!));
    return { mean: mean(pairs), error: standardError(pairs), pairs };
  };
  const [fewest, many] = [counts.findIndex((n) => n >= 3), counts.length - 1];
  const gains = counts.map((_, i) => difference("from scratch", "all free", i));
  const few = gains.slice(fewest).filter((_, i) => counts[fewest + i]! <= 30);
  const averages = few[0]!.pairs.map((_, r) => mean(few.map(({ pairs }) => pairs[r]!)));
  const gain = { mean: mean(averages), error: standardError(averages), pairs: averages };
  const [cost, costLater] = [fewest, many].map((i) =>
    difference("head only", "all free", i, Math.log),
  ) as [Difference, Difference];
  const deeper = difference("head only", "convolutions frozen", many);
  const rise = costLater.pairs.map((later, r) => later - cost.pairs[r]!);
  const useless = difference(shuffledName, "head only", fewest);
  const clear = ({ mean, error }: { mean: number; error: number }) => mean > 2 * error;
  const each = (f: (result: { rate: number; errors: number[] }) => number) =>
    Object.fromEntries(names.map((name) => [name, results[name]!.map(f)]));
  const points = (one: Difference) =>
    `${(100 * one.mean).toFixed(1)} ± ${(100 * one.error).toFixed(1)}`;
  const shownRates = (name: string) => results[name]!.map(({ rate }) => rate).join(", ");
  return {
    holds: clear(gain) && clear(deeper),
    control: clear(useless),
    summary: `with 3 to 30 examples of each new digit, pre-training saves ${points(gain)} points of error; with ${counts[many]}, to freeze all but the head errs by ${points(deeper)} points more than to freeze the convolutions`,
    controlSummary: `features learnt from shuffled labels are worse by ${points(useless)} points`,
    figures: {
      repetitions: repetitions.length,
      "examples of each new digit": counts,
      "test error": each(({ errors }) => mean(errors)),
      "standard error of the test error": each(({ errors }) => standardError(errors)),
      "best learning rate": each(({ rate }) => rate),
      "gain of pre-training": gains.map((one) => one.mean),
      "its standard error": gains.map((one) => one.error),
    },
    charts: { errors: await errorChart(counts, results, shuffledName) },
    remarks: [
      `"The fewer examples, the more layers to freeze": to learn the head alone multiplies the error of learning all by ${Math.exp(cost.mean).toFixed(2)} with ${counts[fewest]} examples of each and by ${Math.exp(costLater.mean).toFixed(2)} with ${counts[many]} (log ratio + ${mean(rise).toFixed(2)} ± ${standardError(rise).toFixed(2)}). Whether it is also better with few: with ${counts[0]} the error is ${names
        .slice(1, 4)
        .map((name) => `${(100 * mean(results[name]![0]!.errors)).toFixed(0)} % with ${name}`)
        .join(", ")}.`,
      `Fine-tuning is often advised at a far lower rate than from scratch. The best rates here, with Adam, by number of examples: from scratch ${shownRates("from scratch")}; all free ${shownRates("all free")}; head only ${shownRates("head only")}.`,
      "Rates are chosen by the test error, for all variants alike.",
    ],
  };
}

interface Difference {
  readonly mean: number;
  readonly error: number;
  readonly pairs: readonly number[];
}

export default {
  id: "E16",
  title: "Transfer from five digits to five others",
  claim:
    "A net that has learnt one task learns a related one from fewer examples; its early layers serve as they are, while later ones belong to the old task and should learn on.",
  source: "Yosinski et al. 2014; Donahue et al. 2014; Girshick et al. 2014",
  measured:
    "The test error on the digits 5 to 9 of a convolutional net trained on a few of them, from scratch or after training on 0 to 4, with nothing, the convolutions or all but the head frozen, each at its best of a few learning rates.",
  criterion:
    "Averaged over 3 to 30 examples of each, pre-training lowers the error by more than two standard errors; with the most examples, freezing the convolutions errs less than freezing all but the head, by as much. Control: pre-training on shuffled labels must be worse than on true ones.",
  run,
} satisfies Experiment;
