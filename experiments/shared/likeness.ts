/** Two kinds of images, like and unlike digits, and what training on one saves on another. */
import { fromHost } from "gradus";
import {
  type Dataset,
  digits,
  makeSplit,
  readIdxFolder,
  readImageFolder,
  type Split,
} from "gradus/data";
import { dataFolder, type Setup } from "./experiment.ts";
import { convNet, draw, Learner, pretrain } from "./fine-tuning.ts";
import { gaussian, integers } from "./random.ts";
import { mean } from "./statistics.ts";

export const kinds = ["digits", "others"] as const;
export type Kind = (typeof kinds)[number];
/** What a net has seen before: nothing, one of the kinds, or digits with shuffled labels. */
export type Before = "nothing" | Kind | "shuffled";
export const transfers = ["digits", "others", "shuffled"] as const satisfies readonly Before[];

export interface Size {
  readonly counts: readonly number[];
  readonly each: number;
  readonly pretrainSteps: number;
  readonly repeats: number;
  /** So many repetitions in a row start from the same pre-trained nets. */
  readonly same: number;
  readonly steps: number;
  readonly rates: readonly number[];
  /** Whether to train with frozen convolutions too. */
  readonly frozen: boolean;
}

/** Handwritten digits and gray photographs of CIFAR-10; or drawn digits and noisy waves. */
export async function twoKinds(setup: Setup): Promise<Readonly<Record<Kind, Dataset>>> {
  if (setup.quick) {
    const drawn = digits({ train: 4000, test: 1000, seed: setup.seed });
    const [train, test] = [waves(1500, 2 * setup.seed), waves(1000, 2 * setup.seed + 1)];
    return { digits: standard(drawn), others: standard({ ...drawn, train, test }) };
  }
  setup.progress("reading MNIST and CIFAR-10");
  const photographs = await readImageFolder(`${dataFolder(setup, "cifar10")}/cifar10-jpg.tar.gz`, {
    ...{ size: 28, channels: 1 },
  });
  const written = await readIdxFolder(dataFolder(setup, "mnist"));
  return { digits: standard(written), others: standard(photographs) };
}

/** All pixels of a set to mean 0 and variance 1, so that kinds do not differ by their scale. */
function standard(data: Dataset): Dataset {
  const x = fromHost(data.train.inputs);
  const [centre, scale] = [x.mean().item(), x.std().item()];
  return mapInputs(data, (pixels) => pixels.map((v) => (v - centre) / scale));
}

/** Noisy waves `[N, 1, 28, 28]` in ten directions, of any length and phase; the class is the direction. */
function waves(count: number, seed: number): Split {
  const noise = gaussian([count, 1, 28, 28], seed, 8);
  const random = integers(1000, [count, 2], seed, 9).dataSync();
  const targets = Int32Array.from({ length: count }, (_, i) => i % 10);
  const data = Float32Array.from(noise.dataSync(), (e, at) => {
    const [i, y, x] = [Math.floor(at / 784), Math.floor((at % 784) / 28), at % 28];
    const along =
      x * Math.cos((targets[i]! * Math.PI) / 10) + y * Math.sin((targets[i]! * Math.PI) / 10);
    const [perPixel, phase] = [0.4 + random[2 * i]! / 2500, (random[2 * i + 1]! * Math.PI) / 500];
    return Math.sin(perPixel * along + phase) + 1.5 * e;
  });
  return makeSplit(
    { dtype: "float32", shape: [count, 1, 28, 28], data },
    { dtype: "int32", shape: [count], data: targets },
  );
}

function mapInputs(data: Dataset, f: (pixels: Float32Array) => Float32Array): Dataset {
  const map = ({ inputs, targets }: Split) =>
    makeSplit({ ...inputs, data: f(inputs.data as Float32Array) }, targets);
  return { ...data, train: map(data.train), test: map(data.test!) };
}

/** The layers that keep their weights when features are frozen: the convolutions. */
const frozen = ["layers.0", "layers.2"];

/** Test errors on five new classes: `[count][rate]` by kind, what was seen before, and whether frozen. */
type Errors = Record<string, number[][]>;
const key = (target: Kind, before: Before, free: boolean) =>
  `${target}, ${before}, ${free ? "free" : "frozen"}`;

/** All repetitions. */
export function measure(data: Readonly<Record<Kind, Dataset>>, size: Size, setup: Setup): Errors[] {
  const [learner, fixed] = [new Learner(convNet(0)), new Learner(convNet(0))];
  for (const path of frozen) fixed.model.freeze(path);
  const seen = (own: number) => {
    const of = (kind: Kind, stream: number) =>
      pretrain(learner, draw(data[kind].train, 0, size.each, own, stream), size.pretrainSteps, own);
    const plain = of("digits", 1);
    return { digits: plain.real, shuffled: plain.shuffled, others: of("others", 2).real };
  };
  let before: ReturnType<typeof seen> | undefined;
  return Array.from({ length: size.repeats }, (_, r) => {
    setup.progress(`repetition ${r + 1}`);
    const own = 100 * setup.seed + r;
    if (r % size.same === 0) before = seen(own);
    const nets = { nothing: convNet(own + 2), ...before! };
    const errors: Errors = {};
    for (const target of kinds) {
      const test = draw(data[target].test!, 5, 200, own, 3);
      for (const n of size.counts) {
        const few = draw(data[target].train, 5, n, own, 4);
        const learn = (name: Before, by: Learner, free: boolean) => {
          const wrong = size.rates.map((rate) => {
            by.start(nets[name]);
            by.learn(few, rate, size.steps, 32);
            return by.wrong(test);
          });
          const at = key(target, name, free);
          errors[at] = [...(errors[at] ?? []), wrong];
        };
        learn("nothing", learner, true);
        for (const name of target === "digits" ? transfers : kinds) {
          learn(name, learner, true);
          if (size.frozen) learn(name, fixed, false);
        }
      }
    }
    return errors;
  });
}

/** What was saved, of errors at the rate that is best on average. */
export class Savings {
  readonly #all: readonly Errors[];
  readonly #size: Size;

  constructor(all: readonly Errors[], size: Size) {
    this.#all = all;
    this.#size = size;
  }

  /** Test errors `[count][repetition]`. */
  errors(target: Kind, before: Before, free = true): number[][] {
    return this.#size.counts.map((_, i) => {
      const by = this.#size.rates.map((_, l) =>
        this.#all.map((errors) => errors[key(target, before, free)]![i]![l]!),
      );
      return by.reduce((a, b) => (mean(b) < mean(a) ? b : a));
    });
  }

  /** The share of the error from scratch that is saved, `[count][repetition]`. */
  saved(target: Kind, before: Before, free = true): number[][] {
    const scratch = this.errors(target, "nothing");
    return this.errors(target, before, free).map((row, i) =>
      row.map((error, r) => 1 - error / scratch[i]![r]!),
    );
  }

  /** The same on average over the counts, `[repetition]`. */
  gain(target: Kind, before: Before, free = true): number[] {
    const rows = this.saved(target, before, free);
    return rows[0]!.map((_, r) => mean(rows.map((row) => row[r]!)));
  }

  /** How much more the like kind saves than the other one, on average over both targets, `[repetition]`. */
  lead(): number[] {
    const of = kinds.map((target) => kinds.map((before) => this.gain(target, before)));
    return of[0]![0]!.map((x, r) => (x - of[0]![1]![r]! + of[1]![1]![r]! - of[1]![0]![r]!) / 2);
  }
}
