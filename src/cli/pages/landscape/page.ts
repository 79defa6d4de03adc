/** The page of `gradus landscape`. */
import {
  figure,
  interactiveSurface,
  page,
  paragraph,
  plotlyScript,
  section,
  surfaceChart,
  table,
  tiles,
  turnableStyle,
} from "../../../draw/index.ts";
import type { GridSlice, ModelAudit } from "../../../lab/index.ts";
import { findingsHead, findingsList } from "../findings.ts";
import { surfaceOf } from "./figures.ts";
import type { Between, Curvature, Plane } from "./measure.ts";

/** Everything on the page. */
export interface Landscape {
  readonly run: string;
  /** What was measured: the model, the loss, the number of examples. */
  readonly about: {
    readonly model: string;
    readonly data: string;
    readonly parameters: number;
    /** Whether the model defines its loss itself. */
    readonly ownLoss: boolean;
    readonly samples: number;
    readonly examples: number;
    readonly seed: number;
    /** Points of the trajectory, or null if the run has none. */
    readonly path: number | null;
  };
  readonly plane: Plane;
  readonly grid: GridSlice;
  readonly curvature: Curvature;
  readonly audit: ModelAudit;
  readonly between?: Between & { readonly run: string };
}

/** SVG texts by name. */
export type Figures = Readonly<Record<"contour" | "surface" | "spectrum", string>> & {
  readonly between?: string;
};

/** Three digits. */
export const number = (x: number): string => {
  const text = Number(x.toPrecision(3));
  return Math.abs(x) >= 1e5 || (x !== 0 && Math.abs(x) < 1e-3) ? x.toExponential(2) : String(text);
};

/** Figures are as wide as the text. */
const figureStyle = "<style>figure svg { width: 100%; max-width: 36rem; }</style>\n";

/** The self-contained page: works offline, and its figures without scripts. */
export async function landscapePage(landscape: Landscape, figures: Figures): Promise<string> {
  const { run, about, between } = landscape;
  const { samples, examples } = about;
  const sample =
    samples === examples
      ? `all ${examples} training examples`
      : `${samples} of ${examples} training examples, drawn with seed ${about.seed}`;
  return page({
    title: `Loss landscape of ${run}`,
    head: `${figureStyle}${turnableStyle}${findingsHead}${await plotlyScript()}`,
    body: [
      paragraph(
        `A net of ${about.parameters} parameters (${about.model}, trained on ${about.data}) is one point in a space of as many dimensions; its loss is a surface over that space. This page looks at the surface around the trained net. The loss is that of ${sample}, in evaluation (no dropout) and without penalties on weights.${about.ownLoss ? " It is the model's own: what is trained, with all that the model adds to the error of its outputs." : ""}`,
      ),
      section("From above", paragraph(planeText(landscape)), figure(figures.contour)),
      surfaceSection(landscape),
      section("In numbers", ...numbers(landscape)),
      section("Spectrum", paragraph(spectrumText(landscape)), figure(figures.spectrum)),
      ...(between && figures.between
        ? [section("Between two nets", paragraph(betweenText(between)), figure(figures.between))]
        : []),
      section("Audit of the net", ...auditTables(landscape.audit)),
    ],
  });
}

function planeText({ plane, about, grid }: Landscape): string {
  const points = `${grid.x.length} × ${grid.y.length} points`;
  const how = {
    pca: `The plane is the one in which the weights moved most while training (principal components of ${about.path} snapshots)`,
    random:
      "The plane goes through the net along two random directions, in which each unit's weights have the length that they have in the net",
    eigen: "The plane goes through the net along the two directions in which the loss bends most",
  }[plane.kind];
  const path = pathText(plane, about.path);
  return `${how}. The loss was computed at ${points} of it; each shade is a factor, not a difference. ${path}`;
}

function pathText({ kind, explained }: Plane, points: number | null): string {
  if (points === null)
    return "The run holds no trajectory (trajectory.safetensors), so no path is drawn.";
  const share = explained && (100 * (explained[0]! + explained[1]!)).toFixed(0);
  return kind === "pca"
    ? `The line is the path of the weights, as its shadow on this plane, which shows ${share} % of its variance (each axis says its own share); it begins at the ring.`
    : "The line is the shadow of the weights' path on this plane; most of the path is orthogonal to it, so it seems shorter than it is.";
}

function surfaceSection({ grid, plane }: Landscape): string {
  const [data, options] = surfaceOf(grid, plane);
  const { title: _, subtitle: __, ...plain } = options;
  const picture = surfaceChart(data, plain);
  return section(
    "As a surface",
    paragraph(
      "The same plane, with the loss as height, on a logarithmic scale. Turn it with the mouse or a finger; without WebGL it is a still picture.",
    ),
    interactiveSurface(data, options, picture),
  );
}

function numbers({ curvature }: Landscape): string[] {
  const { loss, gradientNorm, largest, smallest, conditionNumber, trace, definiteness } = curvature;
  const [top, bottom] = [largest[0]!, smallest[0]!];
  return [
    tiles({
      "loss on the sample": number(loss),
      "gradient norm": number(gradientNorm),
      "sharpness: largest eigenvalue": number(top.value),
      "smallest eigenvalue": number(bottom.value),
      "condition number": conditionNumber === null ? "not defined" : number(conditionNumber),
      trace: `${number(trace.value)} ± ${number(trace.standardError)}`,
      "largest stable learning rate": number(2 / top.value),
    }),
    paragraph(
      "The gradient norm says how steep the loss is here: 0 at a minimum. The sharpness says how fast it rises in its steepest direction; plain gradient descent is stable with learning rates below 2 / sharpness. The trace is the sum of all eigenvalues, estimated from random directions, with its standard error.",
      { soft: true },
    ),
    paragraph(
      conditionNumber === null
        ? `The condition number, largest by smallest eigenvalue, says how long and narrow a valley is. It is not defined here: the Hessian is ${definiteness} (smallest eigenvalue ${number(bottom.value)}, residual ${number(bottom.residual)}).`
        : "The condition number, largest by smallest eigenvalue, says how long and narrow the valley is: the steps that plain gradient descent needs grow with it.",
      { soft: true },
    ),
    table(
      ["eigenvalue", "λ", "residual ‖Hv − λv‖"],
      [
        ...largest.map(({ value, residual }, i) => [
          `largest ${i + 1}`,
          number(value),
          number(residual),
        ]),
        ...smallest.map(({ value, residual }, i) => [
          `smallest ${i + 1}`,
          number(value),
          number(residual),
        ]),
      ],
    ),
    paragraph("Some eigenvalue lies within the residual of each value.", { soft: true }),
  ];
}

const spectrumText = ({ curvature: { dense }, about }: Landscape): string =>
  `Each of the ${about.parameters} directions has an eigenvalue, the curvature along it: positive where the loss bends up, negative where it bends down, 0 where it is flat. Trained nets have a few large ones and a great many near 0. ${
    dense
      ? "The Hessian was formed as a whole."
      : "The numbers are estimates by stochastic Lanczos quadrature, smoothed; the Hessian was never formed."
  }`;

const betweenText = ({
  run,
  lineBarrier,
  curveBarrier,
}: NonNullable<Landscape["between"]>): string =>
  `On the straight line to ${run} the loss rises by ${number(lineBarrier)} above its ends; on a curve that was trained to stay low, by ${number(curveBarrier)}. Two minima that a line parts are often joined by such a valley.`;

/** The first indices, then how many more. */
const some = (units: readonly number[]): string =>
  units.length > 12
    ? `${units.slice(0, 12).join(", ")}, … (${units.length})`
    : units.join(", ") || "–";

function auditTables(audit: ModelAudit): string[] {
  const { layers, activations } = audit;
  return [
    paragraph(
      "Gradient norms far apart between layers mean that some learn much faster than others.",
    ),
    table(
      ["layer", "weights ‖θ‖", "gradient ‖g‖"],
      layers.map(({ path, weightNorm, gradientNorm }) => [
        path,
        number(weightNorm),
        number(gradientNorm),
      ]),
    ),
    ...(activations.length === 0
      ? [paragraph("The net has no activations that can saturate.")]
      : [
          paragraph(
            "Dead units have slope 0 on every example of the sample and cannot learn from it; saturated ones, the dead among them, have next to no slope on nearly all.",
          ),
          table(
            ["activation", "units", "dead", "saturated", "mean slope"],
            activations.map(({ path, kind, units, dead, saturated, meanSlope }) => [
              `${path} (${kind})`,
              units,
              dead.length,
              saturated.length,
              number(meanSlope),
            ]),
          ),
          ...activations.flatMap(({ path, dead }) =>
            dead.length === 0 ? [] : [paragraph(`Dead in ${path}: ${some(dead)}.`, { soft: true })],
          ),
        ]),
    findingsList(audit),
  ];
}
