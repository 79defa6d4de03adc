/** A map of examples as a picture. */
import { extent } from "../../base/vectors.ts";
import { chart, css, viridis } from "../../draw/index.ts";
import type { MapSource } from "../sources/map-source.ts";
import { colorOf } from "./learner-charts.ts";

/** Classes up to which each has its own color in the legend. */
const mostClasses = 10;

/** The color of each point: by its class, or from dark to light by its number. */
export function colorsOf({ labels, classes, ids }: MapSource): string[] {
  if (!labels) return ids.map(() => colorOf(0));
  if (classes.length > 0) {
    const place = new Map(classes.map((name, k) => [name, k]));
    return labels.map((label) => colorOf(place.get(String(label)) ?? 0));
  }
  const numbers = labels.map(Number);
  const [low, high] = extent(numbers);
  return numbers.map((x) => css(viridis(high > low ? (0.95 * (x - low)) / (high - low) : 0.5)));
}

export function mapChart(source: MapSource, points: Float64Array, title: string): Promise<string> {
  const { ids, classes } = source;
  const colors = colorsOf(source);
  const dots = ids.map((_, n) => ({
    ...{ x: points[2 * n]!, y: points[2 * n + 1]!, fill: colors[n]! },
  }));
  const hasLegend =
    classes.length > 1 && classes.length <= mostClasses && classes.join("").length < 80;
  return chart((Plot) => ({
    title,
    ...(hasLegend && {
      legend: Object.fromEntries(classes.map((name, k) => [name, colorOf(k)])),
    }),
    ...{ width: 760, height: 640, aspectRatio: 1, grid: true },
    x: { label: null, ticks: 5 },
    y: { label: null, ticks: 5 },
    marks: [
      Plot.dot(dots, {
        ...{ x: "x", y: "y", fill: "fill", fillOpacity: 0.8 },
        r: ids.length > 2000 ? 1.6 : 3,
      }),
    ],
    color: { type: "identity" },
  }));
}
