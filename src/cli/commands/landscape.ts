import { svgToPng } from "../../draw/index.ts";
import { writeFileAtomic } from "../../formats/index.ts";
import { hasOwnLoss } from "../../nn/index.ts";
import { readTrajectory, type Trajectory } from "../../train/index.ts";
import { makeFolder } from "../pages/folder.ts";
import {
  betweenChart,
  contourChart,
  spectrumChart,
  surfacePicture,
} from "../pages/landscape/figures.ts";
import {
  checkSameNet,
  type Directions,
  type Effort,
  measureAudit,
  measureBetween,
  measureCurvature,
  measurePlane,
  planeOf,
  type Scene,
  type Stage,
  sceneOf,
} from "../pages/landscape/measure.ts";
import { type Figures, type Landscape, landscapePage, number } from "../pages/landscape/page.ts";
import { pagesOf } from "../run/net-file.ts";
import { openRun, type StoredRun } from "../run/stored-run.ts";
import { oneOf, wholeNumber } from "../settings/options.ts";
import { shownPath } from "../sources/data-file.ts";
import { loadTrained } from "../sources/stored-data.ts";
import { Exit } from "../terminal/errors.ts";
import { interruptible } from "../terminal/interrupt.ts";
import { invocation, word } from "../terminal/invocation.ts";
import { Stages } from "../terminal/landscape-progress.ts";
import { styled, type Terminal } from "../terminal/terminal.ts";
import { secondsSince } from "../terminal/train-report.ts";
import type { Define } from "./define.ts";

const kinds: readonly Directions[] = ["pca", "random", "eigen"];
const defaults = { points: 25, samples: 512, seed: 0 } as const;

interface Options extends Effort {
  readonly directions?: Directions;
  readonly to?: string;
  readonly out?: string;
  readonly json?: boolean;
}

const examples = `
Examples:
  gradus landscape runs/digits-conv                        the plane of the optimiser's path
  gradus landscape runs/digits-conv --directions eigen     the plane in which the loss bends most
  gradus landscape runs/digits-conv --to runs/digits-conv2 also the way to another net`;

export const define: Define = (command, terminal) => {
  command
    .argument("<run>", "the folder of a run, such as runs/digits-conv")
    .option(
      "--directions <kind>",
      `${kinds.join(", ")}: of the path, filter-normalised, eigenvectors (default: pca, or random where the run has no path)`,
      oneOf("--directions", kinds),
    )
    .option(
      "--points <n>",
      "along each side of the plane",
      wholeNumber("--points", 2, 25),
      defaults.points,
    )
    .option(
      "--samples <n>",
      "training examples that the loss is taken over",
      wholeNumber("--samples", 1, 512),
      defaults.samples,
    )
    .option(
      "--to <run>",
      "another net of the same shape: the loss on the line and on a curve to it",
    )
    .option(
      "--seed <n>",
      "decides the sample and all random directions",
      wholeNumber("--seed", 0, 1),
      defaults.seed,
    )
    .option("--out <folder>", "where the page goes (default: landscape/ in the folder of the run)")
    .option("--json", "one JSON object instead of text")
    .addHelpText("after", examples)
    .action((run: string, options: Options) => landscape(run, options, terminal));
};

async function landscape(run: string, options: Options, terminal: Terminal): Promise<void> {
  const began = performance.now();
  const folder = options.out ?? `${await pagesOf(run)}/landscape`;
  const stages = await Stages.on(terminal, options.json === true);
  const result = await measure(run, folder, options, stages.stage, terminal)
    .finally(() => stages.end())
    .catch((error) => {
      if (error instanceof Exit)
        terminal.out(`stopped; go on where it was: ${invocation()} landscape ${word(run)}`);
      throw error;
    });
  const files = await write(folder, result);
  const seconds = secondsSince(began);
  if (options.json)
    terminal.out(JSON.stringify({ event: "landscape", ...numbersOf(result), files, seconds }));
  else print(result, files, seconds, terminal);
}

/** A run with the loss of its net. */
async function open(
  path: string,
  effort: Effort,
): Promise<{ run: StoredRun; scene: Scene; size: number }> {
  const run = await openRun(path);
  const { train } = await loadTrained(run.config);
  return { run, scene: sceneOf(run.model, train, effort), size: train.size };
}

/**
 * All steps in order; undefined if stopped. Only the plane, whose points are stored in a file,
 * stops gracefully at Ctrl-C: everything else has nothing to save and ends at once.
 */
async function measure(
  path: string,
  folder: string,
  options: Options,
  stage: Stage,
  terminal: Terminal,
): Promise<Landscape> {
  const { run, scene, size } = await open(path, options);
  const other = options.to === undefined ? undefined : (await open(options.to, options)).scene;
  if (other) checkSameNet(scene, other);
  const trajectory = await trajectoryOf(path, scene);
  const kind = options.directions ?? (trajectory ? "pca" : "random");
  const plane = planeOf(scene, kind, trajectory, options, stage);
  await makeFolder(folder);
  const grid = await interruptible(terminal, async ({ signal, exitCode }) => {
    const grid = await measurePlane(`${folder}/grid.safetensors`, scene, plane, stage, signal);
    if (grid.complete) return grid;
    throw new Exit(exitCode());
  });
  const curvature = measureCurvature(scene, options, stage);
  const between = other && measureBetween(scene, other, options, stage);
  return {
    run: path,
    about: {
      model: run.config.model.name,
      data: shownPath(run.config.data.source),
      parameters: scene.surface.size,
      ownLoss: hasOwnLoss(scene.model),
      samples: scene.sample.size,
      examples: size,
      seed: options.seed,
      path: trajectory ? trajectory.points.length : null,
    },
    plane,
    grid,
    curvature,
    audit: measureAudit(scene),
    ...(between && { between: { ...between, run: options.to! } }),
  };
}

/** The run's trajectory; none if the file is missing, too short, or for other parameters. */
async function trajectoryOf(path: string, { surface }: Scene): Promise<Trajectory | undefined> {
  const found = await readTrajectory(`${path}/trajectory.safetensors`);
  const shapes = (all: Trajectory["parameters"]) =>
    JSON.stringify(all.map(({ path, shape }) => [path, shape]));
  const fits = found && shapes(found.parameters) === shapes(surface.leaves);
  return fits && found.points.length >= 3 ? found : undefined;
}

/** Figures, page and numbers, each written atomically. @returns their paths. */
async function write(folder: string, result: Landscape): Promise<string[]> {
  const { grid, plane, curvature, about, between } = result;
  const figures: Figures = {
    contour: await contourChart(grid, plane),
    surface: surfacePicture(grid, plane),
    spectrum: await spectrumChart(curvature, about.parameters),
    ...(between && { between: await betweenChart(between) }),
  };
  const files: [name: string, content: string | Uint8Array][] = [
    ["landscape.html", await landscapePage(result, figures)],
    ["landscape.json", `${JSON.stringify(everythingOf(result), null, 1)}\n`],
  ];
  for (const [name, svg] of Object.entries(figures))
    files.push([`${name}.svg`, svg], [`${name}.png`, await svgToPng(svg)]);
  for (const [name, content] of files) await writeFileAtomic(`${folder}/${name}`, content);
  return files.map(([name]) => `${folder}/${name}`);
}

/** The values that fit on a line: no grids, no lists of masses. */
function numbersOf({ run, about, plane, curvature, audit, between }: Landscape) {
  const { spectrum: _, ...bends } = curvature;
  const { kind, explained } = plane;
  return {
    run,
    ...about,
    directions: kind,
    ...(explained && { explained }),
    ...bends,
    sharpness: bends.largest[0]!.value,
    audit,
    ...(between && { between }),
  };
}

const everythingOf = (result: Landscape) => ({
  ...numbersOf(result),
  grid: {
    x: [...result.grid.x],
    y: [...result.grid.y],
    losses: result.grid.losses.map((row) => [...row]),
  },
  path: result.plane.path,
  spectrum: Object.fromEntries(
    Object.entries(result.curvature.spectrum).map(([name, values]) => [name, [...values]]),
  ),
});

function print(
  { about, plane, curvature, audit, between }: Landscape,
  files: readonly string[],
  seconds: number,
  terminal: Terminal,
): void {
  const line = (name: string, text: string) =>
    terminal.out(`${styled(terminal, "bold", name.padEnd(9))} ${text}`);
  const { loss, gradientNorm, largest, smallest, conditionNumber, trace } = curvature;
  const path =
    about.path === null ? "no path: the run has no trajectory" : `a path of ${about.path} points`;
  line("loss", `${number(loss)} on ${about.samples} of ${about.examples} training examples`);
  line("plane", `${plane.kind}, ${path}`);
  line("gradient", `norm ${number(gradientNorm)}`);
  line(
    "curvature",
    `from ${number(smallest[0]!.value)} to ${number(largest[0]!.value)} (sharpness)`,
  );
  line(
    "condition",
    conditionNumber === null ? `not defined: ${curvature.definiteness}` : number(conditionNumber),
  );
  line("trace", `${number(trace.value)} ± ${number(trace.standardError)}`);
  const count = (of: "dead" | "saturated") =>
    audit.activations.reduce((sum, layer) => sum + layer[of].length, 0);
  line(
    "units",
    `${count("dead")} dead, ${count("saturated")} saturated, ${audit.identical.length} groups of identical ones`,
  );
  if (between)
    line(
      "barrier",
      `${number(between.lineBarrier)} on the line to ${between.run}, ${number(between.curveBarrier)} on a curve`,
    );
  line("page", `${files[0]} (${seconds.toFixed(0)} s)`);
}
