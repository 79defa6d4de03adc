import { formatJson } from "../../base/index.ts";
import { extent } from "../../base/vectors.ts";
import { chart, svgToPng } from "../../draw/index.ts";
import { writeFileAtomic } from "../../formats/index.ts";
import { findLr, type LrSweep } from "../../train/index.ts";
import { settingsAndData, startOf } from "../run/start.ts";
import { freezeAsSet } from "../run/transfer.ts";
import { positiveNumber, wholeNumber } from "../settings/options.ts";
import { ruleOf } from "../settings/rules.ts";
import { readSettings } from "../settings/settings.ts";
import { readSettingsFile, splitWords } from "../settings/settings-file.ts";
import type { Define } from "./define.ts";

interface Options {
  readonly from: number;
  readonly to: number;
  readonly steps: number;
  readonly out: string;
  readonly json?: boolean;
}

const examples = `
Examples:
  gradus find-lr data=moons
  gradus find-lr config.yaml optimizer=sgd --to 100`;

export const define: Define = (command, terminal) => {
  command
    .argument("[settings...]", "a configuration file, and single settings as key=value")
    .option("--from <lr>", "the first rate", positiveNumber("--from", 1e-6), 1e-6)
    .option("--to <lr>", "the last rate", positiveNumber("--to", 10), 10)
    .option("--steps <n>", "steps of the sweep", wholeNumber("--steps", 2, 200), 200)
    .option("--out <name>", "the figure, as NAME.svg and NAME.png", "find-lr")
    .option("--json", "one JSON object instead of text")
    .addHelpText("after", examples)
    .action(async (words: string[], { from, to, steps, out, json }: Options) => {
      const { file, assignments } = splitWords(words);
      const given = readSettings(file ? await readSettingsFile(file) : undefined, assignments);
      const { settings, source: read } = await settingsAndData(given);
      const { model, source } = await startOf(settings, read, given.model?.name);
      freezeAsSet(model, settings.transfer);
      const { batchSize, seed } = settings.training;
      const optimizer = ruleOf(settings.training);
      const sweep = await findLr(model, source.train, {
        ...{ from, to, steps, batchSize, seed, optimizer },
      });
      const svg = await sweepChart(sweep, `${settings.model.name} on ${source.name}`);
      const name = out.replace(/\.(svg|png)$/, "");
      await writeFileAtomic(`${name}.svg`, svg);
      await writeFileAtomic(`${name}.png`, await svgToPng(svg));
      if (json) {
        terminal.out(formatJson({ event: "find-lr", ...sweep, figure: `${name}.svg` }));
        return;
      }
      terminal.out(`steepest descent     ${rate(sweep.steepest)}`);
      terminal.out(`a tenth of the least ${rate(sweep.tenthOfMinimum)}`);
      terminal.out(`ended because        ${sweep.stopped}`);
      terminal.out(`figure               ${name}.svg, ${name}.png`);
    });
};

/** `0.0031`, or a text that there is none. */
const rate = (lr: number | null): string =>
  lr === null ? "none: the loss never fell; try a wider range" : `lr ${Number(lr.toPrecision(2))}`;

const [soft, strong, first, second] = ["#b9c0ca", "#2459a9", "#d9822b", "#1f8a5b"];

/** The loss against the learning rate, with both suggestions marked. */
function sweepChart({ points, steepest, tenthOfMinimum }: LrSweep, what: string): Promise<string> {
  const marked = [
    ...(steepest === null ? [] : [{ lr: steepest, color: first }]),
    ...(tenthOfMinimum === null ? [] : [{ lr: tenthOfMinimum, color: second }]),
  ];
  const smoothed = points.map(({ smoothed: loss }) => loss).filter(Number.isFinite);
  const [low, high] = extent(smoothed);
  const margin = 0.08 * (high - low || 1);
  return chart((Plot) => ({
    title: `Loss against learning rate: ${what}`,
    legend: {
      "each step": soft,
      smoothed: strong,
      "steepest descent": first,
      "a tenth of the least": second,
    },
    width: 640,
    height: 360,
    grid: true,
    x: { type: "log", label: "learning rate", tickFormat: power },
    y: { label: "loss", domain: [low - margin, high + margin], clamp: true },
    marks: [
      Plot.dot(points, { x: "lr", y: "loss", fill: soft, r: 1.8, clip: true }),
      Plot.line(points, { x: "lr", y: "smoothed", stroke: strong, strokeWidth: 2 }),
      Plot.ruleX(marked, { x: "lr", stroke: "color", strokeDasharray: "4 3", strokeWidth: 1.5 }),
    ],
  }));
}

/** Powers of ten only: `1e-3`. */
const power = (x: number): string => {
  const exponent = Math.log10(x);
  return Math.abs(exponent - Math.round(exponent)) < 1e-9 ? `1e${Math.round(exponent)}` : "";
};
