/** The figure of most claims: a few curves, named by color, with points, error bars and limits. */
import { chart } from "gradus/draw";

export interface Curve {
  readonly name: string;
  /** In the order of x. A third number is a standard error, drawn as a bar of ± 2 of it. */
  readonly points: readonly (readonly [x: number, y: number, error?: number])[];
  readonly color?: string;
  /** For predictions and controls. */
  readonly dashed?: boolean;
  /** Marks the points, where there are few. */
  readonly dots?: boolean;
}

export interface LineChart {
  readonly title: string;
  readonly subtitle: string;
  readonly x: string;
  readonly y: string;
  readonly log?: "x" | "y" | "xy";
  readonly curves: readonly Curve[];
  /** Horizontal limits: dashed lines. */
  readonly rules?: readonly number[];
  readonly yDomain?: readonly [number, number];
}

/** Okabe & Ito 2008, without the yellow: distinguishable for color-blind readers. */
const palette = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555"];

const superscript = (exponent: number): string =>
  String(exponent).replace(/[-0-9]/g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)]!));
const exponential = (mantissa: number, exponent: number): string =>
  `${mantissa === 1 ? "" : `${mantissa}·`}10${superscript(exponent)}`;

/** A logarithmic axis for values: ticks at powers of ten, and at 2 and 5 of them over few decades. */
export function logAxis(values: readonly number[]) {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  const [low, high] = [Math.min(...positive), Math.max(...positive)];
  const decades = Math.log10(high / low);
  const mantissas = decades > 2.5 ? [1] : decades > 0.8 ? [1, 2, 5] : [1, 2, 3, 4, 5, 6, 7, 8];
  const every = Math.ceil(decades / 10);
  const exponents = Array.from(
    { length: Math.ceil(decades / every) + 2 },
    (_, i) => every * (Math.floor(Math.log10(low) / every) + i),
  );
  const ticks = exponents
    .flatMap((e) => mantissas.map((mantissa) => ({ mantissa, e, value: mantissa * 10 ** e })))
    .filter(({ value }) => value > low * 0.999 && value < high * 1.001);
  const long = ticks.some(({ value }) => value < 0.00999 || value > 10_001);
  const names = new Map(
    ticks.map(({ mantissa, e, value }) => [
      value,
      long ? exponential(mantissa, e) : String(Number(value.toPrecision(1))),
    ]),
  );
  return {
    type: "log" as const,
    grid: true,
    ticks: ticks.map(({ value }) => value),
    tickFormat: (value: number) => names.get(value) ?? "",
  };
}

/** Curves as an SVG. */
export function lineChart({ title, subtitle, x, y, log = "" as "x", ...rest }: LineChart) {
  const { curves, rules = [], yDomain } = rest;
  const colors = curves.map(({ color }, i) => color ?? palette[i % palette.length]!);
  const drawn = (name: "x" | "y") => [
    ...(name === "y" ? rules : []),
    ...curves.flatMap(({ points }) =>
      points.flatMap(([x, y, error = 0]) =>
        name === "x" ? [x] : y > 2 * error ? [y - 2 * error, y + 2 * error] : [y],
      ),
    ),
  ];
  const axis = (name: "x" | "y", label: string) => ({
    label,
    grid: true,
    ...(log.includes(name) && logAxis(yDomain && name === "y" ? yDomain : drawn(name))),
    ...(name === "y" && yDomain && { domain: yDomain, clamp: true }),
  });
  return chart((Plot) => ({
    title,
    subtitle,
    legend: Object.fromEntries(curves.map(({ name }, i) => [name, colors[i]!])),
    width: 640,
    height: 360,
    marginLeft: 60,
    marginBottom: 40,
    x: axis("x", x),
    y: axis("y", y),
    marks: [
      Plot.ruleY(rules, { strokeDasharray: "4 4" }),
      ...curves.flatMap(({ points, dashed, dots }, i) => {
        const all = points.map(([x, y, error = 0]) => ({
          x,
          y,
          low: y - 2 * error,
          high: y + 2 * error,
        }));
        const stroke = colors[i]!;
        return [
          Plot.line(all, {
            x: "x",
            y: "y",
            stroke,
            strokeWidth: 2,
            ...(dashed && { strokeDasharray: "6 4" }),
          }),
          ...(dots ? [Plot.dot(all, { x: "x", y: "y", fill: stroke, r: 3 })] : []),
          Plot.ruleX(
            all.filter((p) => p.high > p.low && (p.low > 0 || !log.includes("y"))),
            { x: "x", y1: "low", y2: "high", stroke },
          ),
        ];
      }),
    ],
  }));
}
