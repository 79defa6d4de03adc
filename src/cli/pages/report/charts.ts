/** The figures of a report. */
import { extent } from "../../../base/vectors.ts";
import { chart } from "../../../draw/index.ts";
import type { NumberResults } from "./data.ts";

/** One line of metrics.jsonl. */
export type EpochLine = Readonly<Record<string, unknown>>;

const trainColor = "#2459a9";
const validationColor = "#d9822b";

/** The names of the curves, `loss` first: everything with a value per epoch on training data. */
export const curveNames = (lines: readonly EpochLine[]): string[] =>
  Object.keys(lines[0] ?? {}).filter(
    (name) => !["epoch", "seconds", "lr"].includes(name) && !name.startsWith("val_"),
  );

/** A quantity over the epochs, on training and on validation data. */
export function curve(name: string, lines: readonly EpochLine[]): Promise<string> {
  const points = (key: string) =>
    lines.flatMap((line) => {
      const [x, y] = [line.epoch, line[key]];
      return typeof x === "number" && typeof y === "number" ? [{ x, y }] : [];
    });
  const [train, validation] = [points(name), points(`val_${name}`)];
  return chart((Plot) => ({
    title: name,
    legend: {
      training: trainColor,
      ...(validation.length > 0 && { validation: validationColor }),
    },
    width: 460,
    height: 260,
    marginLeft: 56,
    grid: true,
    x: { label: "epoch", ticks: Math.min(10, Math.max(1, lines.length)), tickFormat: wholeOnly },
    y: { label: null, tickFormat: plainNumber },
    marks: [
      Plot.line(train, { x: "x", y: "y", stroke: trainColor, strokeWidth: 2 }),
      Plot.dot(train, { x: "x", y: "y", fill: trainColor, r: dotSize(lines) }),
      Plot.line(validation, { x: "x", y: "y", stroke: validationColor, strokeWidth: 2 }),
      Plot.dot(validation, { x: "x", y: "y", fill: validationColor, r: dotSize(lines) }),
    ],
  }));
}

const dotSize = (lines: readonly EpochLine[]): number => (lines.length > 40 ? 0 : 2.5);
const wholeOnly = (x: number): string => (Number.isInteger(x) ? String(x) : "");
const plainNumber = (x: number): string => String(Number(x.toPrecision(3)));

/** Classes up to which each cell shows its number. */
const mostWritten = 20;

/** How often a class (row) was predicted as another (column); `normalized` by rows. */
export function confusionChart(
  matrix: readonly (readonly number[])[],
  classes: readonly string[],
  { normalized }: { readonly normalized: boolean },
): Promise<string> {
  const name = (k: number) => classes[k] ?? String(k);
  const cells = matrix.flatMap((row, i) => {
    const total = row.reduce((sum, n) => sum + n, 0) || 1;
    return row.map((count, j) => ({
      i: name(i),
      j: name(j),
      share: count / total,
      text: normalized ? percent(count / total) : count > 0 ? String(count) : "",
    }));
  });
  const names = matrix.map((_, k) => name(k));
  const longest = Math.max(...names.map((each) => each.length));
  const side = Math.min(640, Math.max(240, 120 + 40 * names.length));
  const below = longest > 4 ? 3.5 * longest : 0; // names are slanted
  return chart((Plot) => ({
    title: normalized ? "Shares of each true class" : "Number of examples",
    width: side + 7 * longest,
    height: side + below,
    marginLeft: 30 + 7 * longest,
    marginBottom: 44 + below,
    padding: 0.04,
    x: { label: "predicted", domain: names, tickRotate: longest > 4 ? -30 : 0 },
    y: { label: "true", domain: names },
    color: { type: "linear", range: ["#f3f6fb", trainColor], domain: [0, 1] },
    marks: [
      Plot.cell(cells, { x: "j", y: "i", fill: "share" }),
      ...(names.length > mostWritten
        ? []
        : [
            Plot.text(cells, {
              x: "j",
              y: "i",
              text: "text",
              fill: ({ share }: { share: number }) => (share > 0.55 ? "white" : "#1b1e23"),
            }),
          ]),
    ],
  }));
}

/** `97 %`; nothing for 0, `<1 %` for little. */
const percent = (share: number): string =>
  share === 0 ? "" : share < 0.005 ? "<1 %" : `${Math.round(100 * share)} %`;

/** Predicted against true numbers; on the diagonal they agree. */
export function scatter({
  actual,
  predicted,
}: Pick<NumberResults, "actual" | "predicted">): Promise<string> {
  const points = actual.map((x, n) => ({ x, y: predicted[n]! }));
  const all = [...actual, ...predicted];
  const [low, high] = extent(all);
  return chart((Plot) => ({
    title: "Predicted against true",
    width: 460,
    height: 400,
    grid: true,
    x: { label: "true", domain: [low, high] },
    y: { label: "predicted", domain: [low, high] },
    marks: [
      Plot.line([
        [low, low],
        [high, high],
      ] as [number, number][]),
      Plot.dot(points, { x: "x", y: "y", fill: trainColor, fillOpacity: 0.5, r: 2.5 }),
    ],
  }));
}
