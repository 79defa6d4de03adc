import { digits, makeSplit, readImageFolder, type Split, subset } from "gradus/data";
import { init } from "gradus/nn";
import { dataFolder, type Experiment, type Setup } from "./experiment.ts";
import { type Activation, crossing, errorsOf } from "./four-layer-net.ts";
import { lineChart } from "./line-chart.ts";
import { mean, plusMinus, standardError } from "./statistics.ts";

const goal = 0.25;
const count = 5000; // images of CIFAR-10, 500 of each class: a tenth
const repeats = 3;
const limit = 150; // epochs
const least = 1.2; // the factor that the ratio must exceed

/** Where a net starts: pixels 0 … range with their mean taken off, and a law of weights. */
interface Recipe {
  readonly name: string;
  readonly range: number;
  readonly law: init.Initializer;
  readonly rates: Readonly<Record<Activation, readonly number[]>>;
}

const small = init.normal(0, 0.01); // as Krizhevsky et al. start
const full: readonly Recipe[] = [
  {
    name: "the paper's start",
    range: 255,
    law: small,
    rates: { ReLU: [0.0005, 0.001, 0.002], tanh: [0.01, 0.02, 0.03] },
  },
  {
    name: "variance 1/n_in",
    range: 4,
    law: init.lecunNormal,
    rates: { ReLU: [0.003, 0.005, 0.01], tanh: [0.02, 0.03, 0.05] },
  },
];
/** On 300 digits tanh likes rates up to 0.1 and wins there: the quick version compares at one rate. */
const quickly: readonly Recipe[] = [
  {
    name: "the paper's start",
    range: 255,
    law: small,
    rates: { ReLU: [0.003], tanh: [0.003] },
  },
];

/** Images with 0 … 1 stretched to 0 … range, less the mean of all pixels. */
function scaled({ inputs, targets }: Split, range: number): Split {
  const average = mean(
    Array.from({ length: 10_000 }, (_, i) => inputs.data[(i * 7919) % inputs.data.length]!),
  );
  const data = Float32Array.from(inputs.data, (x) => (x - average) * range);
  return makeSplit({ ...inputs, data }, targets);
}

async function images(setup: Setup): Promise<Split> {
  if (setup.quick) return digits({ train: 300, test: 0, seed: setup.seed }).train;
  setup.progress("reading CIFAR-10");
  const { train } = await readImageFolder(`${dataFolder(setup, "cifar10")}/cifar10-jpg.tar.gz`);
  const each = train.size / 10; // the classes lie one after another
  return subset(
    train,
    Int32Array.from({ length: count }, (_, i) => (i % 10) * each + Math.floor(i / 10)),
  );
}

/** The epochs of three seeds at the learning rate that is best for the first of them. */
async function best(
  data: Split,
  recipe: Recipe,
  activation: Activation,
  { quick, seed, progress }: Setup,
) {
  const fixed = {
    activation,
    law: recipe.law,
    goal,
    ...(quick ? { channels: 8, batchSize: 25 } : { channels: 16, batchSize: 100 }),
  };
  let chosen: { lr: number; errors: number[]; epochs: number } | undefined;
  for (const lr of recipe.rates[activation]) {
    progress(`${recipe.name}, ${activation}, learning rate ${lr}`);
    const most = Math.min(limit, Math.ceil((chosen?.epochs ?? limit) + 1)); // none slower
    const errors = await errorsOf(data, { ...fixed, lr, seed: 100 * seed, most });
    const epochs = crossing(errors, goal);
    if (!chosen || epochs < chosen.epochs) chosen = { lr, errors, epochs };
  }
  const { lr, errors, epochs } = chosen!;
  const all = [epochs];
  for (let r = 1; r < 2 * repeats; r++) {
    progress(`${recipe.name}, ${activation}, seed ${r}`);
    if (r >= repeats && activation === "tanh") break; // the second three of ReLU are the control
    all.push(
      crossing(await errorsOf(data, { ...fixed, lr, seed: 100 * seed + r, most: limit }), goal),
    );
  }
  return { lr, errors, epochs: all.slice(0, repeats), again: all.slice(repeats) };
}

/** Mean of a over mean of b, with its standard error. */
function ratio(a: readonly number[], b: readonly number[]) {
  const value = mean(a) / mean(b);
  return {
    value,
    error: value * Math.hypot(standardError(a) / mean(a), standardError(b) / mean(b)),
  };
}
const faster = ({ value, error }: { value: number; error: number }) => value - 2 * error > least;

type Best = Awaited<ReturnType<typeof best>>;
type Ratio = ReturnType<typeof ratio>;
interface Row {
  readonly recipe: Recipe;
  readonly relu: Best;
  readonly tanh: Best;
  readonly ratio: Ratio;
  readonly self: Ratio;
}

async function run(setup: Setup) {
  const raw = await images(setup);
  const rows: Row[] = [];
  for (const recipe of setup.quick ? quickly : full) {
    const data = scaled(raw, recipe.range);
    const [relu, tanh] = [
      await best(data, recipe, "ReLU", setup),
      await best(data, recipe, "tanh", setup),
    ];
    rows.push({
      recipe,
      relu,
      tanh,
      ratio: ratio(tanh.epochs, relu.epochs),
      self: ratio(relu.again, relu.epochs),
    });
  }
  const [paper, ...others] = rows as [Row, ...Row[]];
  const shown = ({ ratio: { value, error } }: Row) => plusMinus(value, error);
  const what = setup.quick ? "300 digits" : `${count} images of CIFAR-10`;
  return {
    holds: faster(paper.ratio),
    control: !faster(paper.self),
    summary: `tanh takes ${shown(paper)} times the epochs of ReLU to ${100 * goal} % training error (${mean(paper.tanh.epochs).toFixed(1)} against ${mean(paper.relu.epochs).toFixed(1)}; the paper: about 6), on ${what}`,
    controlSummary: `ReLU against ReLU from other seeds: ${plusMinus(paper.self.value, paper.self.error)} times`,
    figures: Object.fromEntries(
      rows.flatMap(({ recipe, relu, tanh, ratio, self }) => [
        [`${recipe.name}: learning rates of ReLU and tanh`, [relu.lr, tanh.lr]],
        [`${recipe.name}: epochs of ReLU`, relu.epochs],
        [`${recipe.name}: epochs of tanh`, tanh.epochs],
        [`${recipe.name}: ratio and its standard error`, [ratio.value, ratio.error]],
        [`${recipe.name}: ReLU against itself`, [self.value, self.error]],
      ]),
    ),
    charts: {
      errors: await lineChart({
        title: "ReLU and tanh on the way to 25 % training error",
        subtitle: `Four-layer net on ${what}, each at its best learning rate, one seed`,
        x: "epoch",
        y: "training error (%)",
        rules: [100 * goal],
        curves: rows.flatMap(({ recipe, relu, tanh }, i) =>
          (
            [
              ["ReLU", relu],
              ["tanh", tanh],
            ] as const
          ).map(([name, { errors }]) => ({
            name: rows.length > 1 ? `${name}, ${recipe.name}` : name,
            dashed: i > 0,
            points: errors.map((e, k) => [k + 0.5, 100 * e] as const),
          })),
        ),
      }),
    },
    remarks: [
      "Six times is not met: the paper says itself that the size of the effect varies with the architecture; this net is smaller (16, 16 and 32 channels), sees a tenth of the images, and pools by maxima.",
      ...others.map(
        (row) =>
          `The advantage belongs to the start. With inputs of unit size and weights of ${row.recipe.name} tanh takes ${shown(row)} times the epochs of ReLU (${mean(row.tanh.epochs).toFixed(1)} against ${mean(row.relu.epochs).toFixed(1)}): pixels of 0 … 255 saturate tanh at once and leave ReLU as it is.`,
      ),
      ...(setup.quick
        ? [
            "The quick version uses the embedded digits, the same goal, and one learning rate (0.003) for both: at its own best rate (0.1) tanh is the faster one on so easy a task. Only the full version tests the claim.",
          ]
        : []),
    ],
  };
}

export default {
  id: "E10",
  title: "ReLU reaches 25 % training error sooner than tanh",
  claim:
    "A four-layer convolutional net with ReLU reaches 25 % training error on CIFAR-10 in fewer epochs than the same net with tanh, each at its best learning rate and without regularisation; the paper found six times fewer.",
  source: "Krizhevsky, Sutskever & Hinton 2012, figure 1 and §5",
  measured:
    "Epochs to 25 % training error of three 5 × 5 convolutions with max pooling and a linear layer, started as in the paper (pixels of 0 … 255 less their mean, weights N(0, 0.01²)), for the best of three learning rates and three seeds; and again with a start fitted to the fan-in.",
  rule: `With the paper's start the ratio of epochs, tanh to ReLU, exceeds ${least} by more than two standard errors (six, as printed, is reported and not asked for). Control: ReLU against itself from other seeds must not.`,
  run,
} satisfies Experiment;
