/** The figures of a page of `inspect`: classes as a tree, probes, similarity of layers. */
import { chart, escapeXml } from "../../../draw/index.ts";
import type { ConfusionTree, LayerSimilarity, LinearProbe } from "../../../inspect/index.ts";

const blue = "#2459a9";
const ink = "#1b1e23";
const rowHeight = 22;
/** Pixels of the tree itself, beside the names of its leaves. */
const treeWidth = 300;

interface Branch {
  /** Of its stem, in pixels. */
  readonly y: number;
  readonly x: number;
  readonly svg: string;
}

/**
 * A dendrogram of confused classes: the farther left two join, the more often they are confused.
 */
export function treeChart(tree: ConfusionTree, names: readonly string[]): string {
  const most = Math.max(1e-9, ...confusions(tree));
  const letters = Math.max(...names.map((name) => name.length));
  const left = 24 + 7.5 * Math.min(letters, 24);
  const text = (x: number, y: number, words: string, anchor: string) =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="12" fill="${ink}">${escapeXml(words)}</text>`;
  let leaves = 0;
  const draw = (part: ConfusionTree): Branch => {
    if ("class" in part) {
      const y = 16 + rowHeight * (leaves++ + 0.5);
      const name = names[part.class] ?? String(part.class);
      const shown = name.length > 24 ? `${name.slice(0, 23)}…` : name;
      return { y, x: left, svg: text(left - 8, y + 4, shown, "end") };
    }
    const [a, b] = part.parts.map(draw) as [Branch, Branch];
    const x = left + 24 + (treeWidth - 24) * (1 - part.confusion / most);
    const lines = `<path d="M${a.x.toFixed(1)},${a.y}H${x.toFixed(1)}V${b.y}H${b.x.toFixed(1)}" fill="none" stroke="${blue}" stroke-width="1.8"/>`;
    const share = `${(100 * part.confusion).toFixed(1)} %`;
    const y = (a.y + b.y) / 2;
    const label = part.confusion >= 0.0005 ? text(x + 5, y - 4, share, "start") : "";
    return { y, x, svg: `${a.svg}${b.svg}${lines}${label}` };
  };
  const { svg } = draw(tree);
  const [width, height] = [left + treeWidth + 60, 32 + rowHeight * leaves];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, 'DejaVu Sans', sans-serif" role="img" aria-label="${escapeXml(`Tree of classes that are taken for each other: ${inWords(tree, names)}`)}"><rect width="100%" height="100%" fill="#ffffff"/>${svg}</svg>`;
}

const confusions = (tree: ConfusionTree): number[] =>
  "class" in tree ? [] : [tree.confusion, ...tree.parts.flatMap(confusions)];

/** `((4, 9), 7)` */
const inWords = (tree: ConfusionTree, names: readonly string[]): string =>
  "class" in tree
    ? (names[tree.class] ?? String(tree.class))
    : `(${tree.parts.map((part) => inWords(part, names)).join(", ")})`;

/** How well the classes can be read from each layer. */
export function probeChart(probes: readonly LinearProbe[]): Promise<string> {
  const longest = Math.max(...probes.map(({ path }) => path.length));
  const bars = probes.map(({ path, accuracy }) => ({ path, accuracy }));
  return chart((Plot) => ({
    title: "Accuracy of a linear classifier on each layer",
    width: 460,
    height: 70 + 24 * probes.length,
    marginLeft: 20 + 6.5 * longest,
    marginRight: 44,
    x: { label: "accuracy", domain: [0, 1], grid: true, ticks: 5 },
    y: { label: null, domain: probes.map(({ path }) => path) },
    marks: [
      Plot.barX(bars, { x: "accuracy", y: "path", fill: blue }),
      Plot.text(bars, {
        ...{ x: "accuracy", y: "path", textAnchor: "start", dx: 4 },
        text: ({ accuracy }: { accuracy: number }) => `${(100 * accuracy).toFixed(0)} %`,
      }),
    ],
  }));
}

/** The most layers for which each cell shows its number. */
const mostWritten = 12;

/** The similarity of the layers. */
export function similarityChart({ paths, similarity }: LayerSimilarity): Promise<string> {
  const longest = Math.max(...paths.map((path) => path.length));
  const cells = similarity.flatMap((row, i) =>
    row.map((value, j) => ({ i: paths[i]!, j: paths[j]!, value })),
  );
  const side = Math.min(560, Math.max(220, 90 + 34 * paths.length));
  const below = 4.5 * longest;
  return chart((Plot) => ({
    title: "Similarity of layers (linear CKA)",
    width: side + 6.5 * longest,
    height: side + below,
    marginLeft: 20 + 6.5 * longest,
    marginBottom: 30 + below,
    padding: 0.04,
    x: { label: null, domain: paths, tickRotate: -40 },
    y: { label: null, domain: paths },
    color: { type: "linear", range: ["#f3f6fb", blue], domain: [0, 1] },
    marks: [
      Plot.cell(cells, { x: "j", y: "i", fill: "value" }),
      ...(paths.length > mostWritten
        ? []
        : [
            Plot.text(cells, {
              ...{ x: "j", y: "i", fontSize: 9 },
              text: ({ value }: { value: number }) =>
                Number.isFinite(value) ? value.toFixed(2) : "–",
              fill: ({ value }: { value: number }) => (value > 0.55 ? "white" : ink),
            }),
          ]),
    ],
  }));
}
