/**
 * E24: a deep autoencoder keeps more information in a small code than PCA; and what the code looks
 * like in the plane.
 */
import { chart } from "gradus/draw";
import { autoencoder, images, pca, planes, purity } from "./shared/codes.ts";
import type { Experiment, Setup } from "./shared/experiment.ts";
import { lineChart } from "./shared/line-chart.ts";
import { mean, standardError } from "./shared/statistics.ts";

const narrow = 8; // the largest code of the claim, and the one that is drawn

/** Learns codes of each width several times, and looks at one in the plane. */
async function learnCodes({ quick, seed, data, progress }: Setup) {
  const widths = quick ? [2, 8] : [2, 4, 8, 16, 32];
  const [n, steps, shown] = quick ? [3000, 700, 200] : [10_000, 3000, 500];
  const table = widths.map(() => ({
    pca: [] as number[],
    deep: [] as number[],
    linear: [] as number[],
    below: [] as number[], // how far a linear autoencoder is above PCA where both were fitted
  }));
  const kept: Record<string, number[]> = {};
  let pictures: { name: string; x: number; y: number; label: number }[] = [];
  for (let r = 0; r < (quick ? 3 : 4); r++) {
    const own = 100 * seed + r;
    const { train, test, labels } = await images(data, n, 1000, own);
    const projection = await pca(train, Math.max(...widths));
    for (const [i, width] of widths.entries()) {
      progress(`repetition ${r + 1}, code of ${width}`);
      const [deep, linear] = [true, false].map((deep) =>
        autoencoder(train, width, { deep, steps, seed: own }),
      ) as [Autoencoder, Autoencoder];
      const row = table[i]!;
      row.pca.push(projection(test, width));
      row.deep.push(deep.error(test));
      row.linear.push(linear.error(test));
      row.below.push(linear.error(train) / projection(train, width) - 1);
      if (width !== narrow || (quick && r > 1)) continue; // UMAP takes seconds
      const seen = await planes(deep.encode(test.slice([0, shown])), own, quick ? 300 : 1000);
      for (const [name, points] of Object.entries({ code: [] as number[][], ...seen })) {
        const all = name === "code" ? deep.encode(test.slice([0, shown])).toArray() : points;
        kept[name] = [...(kept[name] ?? []), purity(all as number[][], labels.slice(0, shown))];
        kept.chance ??= [purity(all as number[][], labels.slice(shown, 2 * shown))];
      }
      if (r === 0)
        pictures = Object.entries(seen).flatMap(([name, points]) =>
          unit(points).map(([x, y], i) => ({ name, x: x!, y: y!, label: labels[i]! })),
        );
    }
  }
  return { widths, n, table, kept, pictures };
}

async function run(setup: Setup) {
  const { widths, n, table, kept, pictures } = await learnCodes(setup);
  const gains = table.map(({ pca, deep }) => {
    const pairs = pca.map((error, r) => 1 - deep[r]! / error);
    return { mean: mean(pairs), error: standardError(pairs) };
  });
  const below = Math.min(...table.flatMap((row) => row.below));
  const linearGains = table.map(({ pca, linear }) => mean(pca) - mean(linear));
  const percent = (x: number) => `${(100 * x).toFixed(0)} %`;
  const near = (name: string) => percent(mean(kept[name]!));
  const inPlane = ["t-SNE", "UMAP"].every((name) => mean(kept[name]!) > mean(kept.PCA!));
  const tested = gains.filter((_, i) => widths[i]! <= narrow);
  return {
    holds: tested.every((g) => g.mean > 2 * g.error && g.mean > 0) && inPlane,
    control: below > -1e-4 && kept.chance![0]! < 0.25,
    summary: `a deep autoencoder errs less than PCA by ${gains.map((g, i) => `${(100 * g.mean).toFixed(1)} ± ${(100 * g.error).toFixed(1)} % at ${widths[i]}`).join(", ")}; of codes of ${narrow} the nearest neighbour is the same digit for ${near("code")}, in the plane of t-SNE ${near("t-SNE")}, of UMAP ${near("UMAP")}, of PCA ${near("PCA")}`,
    controlSummary: `a linear autoencoder is above PCA on what both were fitted to, by ${(100 * below).toFixed(1)} % or more; with labels of other images ${percent(kept.chance![0]!)} of neighbours agree`,
    figures: {
      "training images": n,
      "code widths": widths,
      "error of PCA, share of variance": table.map((row) => mean(row.pca)),
      "error of the deep autoencoder": table.map((row) => mean(row.deep)),
      "its standard error": table.map((row) => standardError(row.deep)),
      "error of the linear autoencoder": table.map((row) => mean(row.linear)),
      "gain over PCA": gains.map((g) => g.mean),
      "standard error of the gain": gains.map((g) => g.error),
      "gain of the linear autoencoder on new images": linearGains,
      "share of nearest neighbours of the same digit": Object.fromEntries(
        Object.entries(kept).map(([name, shares]) => [name, mean(shares)]),
      ),
    },
    charts: { errors: await errors(widths, table), planes: await map(pictures) },
    remarks: [
      "Distances between clusters and their sizes mean little in t-SNE and UMAP: both keep neighbours and give up the rest.",
      "Only narrow codes are claimed: the wider the code, the less is left for a deep net to gain, and PCA needs no training.",
    ],
  };
}

type Autoencoder = ReturnType<typeof autoencoder>;

/** Scaled into the square from 0 to 1. */
function unit(points: readonly (readonly number[])[]): number[][] {
  const range = [0, 1].map((k) => {
    const all = points.map((p) => p[k]!);
    return [Math.min(...all), Math.max(...all)] as const;
  });
  return points.map((p) => p.map((x, k) => (x - range[k]![0]) / (range[k]![1] - range[k]![0])));
}

type Row = Readonly<Record<"pca" | "deep" | "linear", readonly number[]>>;
const errors = (widths: readonly number[], table: readonly Row[]) =>
  lineChart({
    title: "A narrow code keeps more of a digit if the net is deep",
    subtitle: "What is lost of new images, ± 2 standard errors",
    x: "width of the code",
    y: "squared error (% of the variance)",
    curves: (["pca", "linear", "deep"] as const).map((name) => ({
      name: { pca: "PCA", linear: "linear autoencoder", deep: "deep autoencoder" }[name],
      dots: true,
      dashed: name === "linear",
      points: widths.map((width, i): [number, number, number] => {
        const row = table[i]![name];
        return [width, 100 * mean(row), 100 * standardError(row)];
      }),
    })),
  });

const map = (points: readonly { name: string; x: number; y: number; label: number }[]) =>
  chart((Plot) => ({
    title: "The same code in the plane, by PCA, t-SNE and UMAP",
    subtitle: `New images of digits, each drawn as its label; a deep autoencoder's code of ${narrow} numbers`,
    width: 640,
    height: 300,
    x: { axis: null },
    y: { axis: null },
    fx: { label: null, domain: ["PCA", "t-SNE", "UMAP"] },
    color: { type: "categorical", scheme: "Tableau10" },
    marks: [
      Plot.frame({ stroke: "#cccccc" }),
      Plot.text(points, { fx: "name", x: "x", y: "y", text: "label", fill: "label", fontSize: 9 }),
    ],
  }));

export default {
  id: "E24",
  title: "Deep autoencoders against PCA",
  claim:
    "At equal width of the code, a non-linear autoencoder loses less of an image than PCA, the best linear code; t-SNE and UMAP show the neighbourhoods of such a code in the plane better than its principal components.",
  source:
    "Hinton & Salakhutdinov 2006; van der Maaten & Hinton 2008; McInnes, Healy & Melville 2018",
  measured:
    "The squared error on new images of digits of PCA, a linear and a deep autoencoder (128 and 64 units on each side), and for which share of images the nearest neighbour in the plane is the same digit.",
  criterion: `For codes of up to ${narrow} the deep autoencoder's error is below that of PCA by more than two standard errors, and t-SNE and UMAP keep more neighbours than the first two principal components. Control: a linear autoencoder must not beat PCA on what both were fitted to; with labels of other images neighbours must agree by chance.`,
  run,
} satisfies Experiment;
