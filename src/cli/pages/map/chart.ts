/** A map of examples as a picture. */
import { extent } from "../../../base/vectors.ts";
import { chart, css, viridis } from "../../../draw/index.ts";
import type { MapSource } from "../../sources/map-source.ts";
import { colorOf } from "../learner/charts.ts";

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

/** The picture and its margins, in pixels. */
const frame = {
  ...{ width: 760, height: 640 },
  ...{ marginTop: 20, marginRight: 20, marginBottom: 30, marginLeft: 40 },
};

/** Domains that hold all points with one scale for both axes: distances on a map are comparable in all directions. */
function domainsOf(points: Float64Array): { x: number[]; y: number[] } {
  const along = (axis: number) => extent(points.filter((_, at) => at % 2 === axis));
  const [[left, right], [low, high]] = [along(0), along(1)];
  const wide = frame.width - frame.marginLeft - frame.marginRight;
  const tall = frame.height - frame.marginTop - frame.marginBottom;
  // 4 % around the points; where all are in one place, any unit will do
  const unit = (1.04 * Math.max((right - left) / wide, (high - low) / tall)) / 2 || 1;
  const [x, y] = [(left + right) / 2, (low + high) / 2];
  return { x: [x - unit * wide, x + unit * wide], y: [y - unit * tall, y + unit * tall] };
}

/** Points as dots in the color of their class or number. */
export function mapChart(source: MapSource, points: Float64Array, title: string): Promise<string> {
  const { ids, classes } = source;
  const colors = colorsOf(source);
  const domains = domainsOf(points);
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
    ...frame,
    grid: true,
    x: { label: null, ticks: 5, domain: domains.x },
    y: { label: null, ticks: 5, domain: domains.y },
    marks: [
      Plot.dot(dots, {
        ...{ x: "x", y: "y", fill: "fill", fillOpacity: 0.8 },
        r: ids.length > 2000 ? 1.6 : 3,
      }),
    ],
    color: { type: "identity" },
  }));
}
