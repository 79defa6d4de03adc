/** What a net has learned, as one HTML file. */
import { escapeXml, figure, grid, page, paragraph, section, tiles } from "../../../draw/index.ts";
import { isAutoencoder } from "../../../models/index.ts";
import { shownPath } from "../../sources/data-file.ts";
import { shownClass } from "../class-names.ts";
import { findingsHead, findingsList } from "../findings.ts";
import { bySign, bySize, colored, type Plane, photograph, Sheet, shrink } from "../sheet.ts";
import type { Attribution } from "./attributions.ts";
import { confusionCells } from "./cells.ts";
import { probeChart, similarityChart, treeChart } from "./charts.ts";
import { answerOf, type Chosen, type Inspection } from "./measure.ts";
import { type Drawn, diagram, layerSections } from "./units.ts";
import { clipped, inWords, namesOfInputs } from "./words.ts";

/** Pixels along a side of images and attributions. */
const mostSide = 160;
/** Rows of a table of attributions. */
const mostRows = 40;

export async function inspectPage(inspection: Inspection): Promise<string> {
  const { run, config, results, chosen } = inspection;
  const seen = pictures(inspection);
  const layers = layerSections(inspection);
  const cells = results.classes && confusionCells(inspection, results.classes);
  const sheets = [...seen.sheets, ...layers.sheets, ...(cells?.sheets ?? [])];
  const rules = await Promise.all(sheets.map((sheet) => sheet.style()));
  const body = [
    paragraph(
      `${config.model.name} on ${shownPath(config.data.source)}. Choose an example: what the net makes of it is shown below.`,
      { soft: true },
    ),
    tiles(firstNumbers(inspection)),
    seen.html,
    section(
      "The net",
      paragraph(
        "From the input to the outputs: boxes are as high as maps are and as wide as there are channels, in steps of doubling.",
        {
          soft: true,
        },
      ),
      diagram(inspection),
      layers.html,
    ),
    section("Units and gradients", findingsList(results.audit)),
    ...(cells ? [section("Confusion matrix", cells.html)] : []),
    ...(await classFigures(inspection)),
  ];
  const head = `${style(chosen.length)}<style>\n${rules.join("\n")}\n</style>\n${findingsHead}`;
  return page({ title: `Inside ${run}`, body, head });
}

function firstNumbers({ results, layers }: Inspection): Record<string, string | number> {
  const { classes, numbers, audit, sizes } = results;
  const dead = audit.activations.reduce((sum, a) => sum + a.dead.length, 0);
  return {
    ...(classes && { "test accuracy": `${(100 * classes.scores.accuracy).toFixed(2)} %` }),
    ...(numbers && { "R²": numbers.rSquared.toFixed(4) }),
    "layers with parameters": layers.filter(({ parameters }) => parameters > 0).length,
    parameters: sizes.totals.parameters.toLocaleString("en-US"),
    "dead units": dead,
  };
}

/** The chooser, and the attributions of the chosen example. */
function pictures(inspection: Inspection): Drawn {
  const { chosen, inputs, attributions, config } = inspection;
  const isPicture = inputs.shape.length === 4;
  const sheet = isPicture ? pictureSheet(inspection) : undefined;
  const thumbs = isPicture ? thumbSheet(inspection) : undefined;
  const options = chosen.map((one, n) => {
    const shown = thumbs
      ? thumbs.element(n, one.name, "3rem")
      : `<code>${escapeXml(clipped(rowInWords(inspection, n)))}</code>`;
    return `<label><input type="radio" name="chosen" id="chosen-${n}"${n === 0 ? " checked" : ""}>${shown}<span>${escapeXml(answer(inspection, one))}</span></label>`;
  });
  const about = chosen.map(
    (one, n) => `<p class="of of-${n}">${escapeXml(inFull(inspection, one))}</p>`,
  );
  const figures = sheet
    ? `<div class="shares"><figure>${sheet.element(0, "the chosen example", "100%")}<figcaption><b>input</b></figcaption></figure>${attributions
        .map(
          ({ name, about: what }, k) =>
            `<figure>${sheet.element(k + 1, `${name} of the chosen example`, "100%")}<figcaption><b>${name}</b> ${escapeXml(what)}</figcaption></figure>`,
        )
        .join("\n")}</div>`
    : chosen.map((_, n) => `<div class="of of-${n}">${shareTable(inspection, n)}</div>`).join("\n");
  const html = `<fieldset class="chooser"><legend>Example</legend><div>${options.join("\n")}</div></fieldset>
${section(
  isAutoencoder(config.model.name) ? "Reconstruction" : "What the answer rests on",
  `<div aria-live="polite">${about.join("")}</div>`,
  paragraph(legend(inspection, isPicture), { soft: true }),
  figures,
)}`;
  return { html, sheets: [sheet, thumbs].filter((each) => each !== undefined) };
}

/** How the figures are to be read. */
function legend({ config }: Inspection, isPicture: boolean): string {
  if (isAutoencoder(config.model.name))
    return isPicture
      ? "Of the difference red is what the reconstruction lacks, and blue what it adds."
      : "Bars to the right are above 0, bars to the left below.";
  const target = config.data.preparation.target.task === "regression" ? "number" : "class";
  const colors = isPicture
    ? "Where a method tells for from against, red speaks for it and blue against it; else light is much and dark is little. Each is scaled to its largest value."
    : "Bars to the right speak for it, to the left against it; saliency knows no sign.";
  return `Each figure explains the predicted ${target}. ${colors}`;
}

function rowInWords({ inputs, config }: Inspection, n: number): string {
  const size = inputs.data.length / inputs.shape[0]!;
  return inWords(config.data.preparation, inputs.data.subarray(n * size, (n + 1) * size));
}

const named = ({ config }: Inspection, value: number): string =>
  shownClass(answerOf(config.data.preparation, value));

/** `7`, or `4 for 9` */
function answer(inspection: Inspection, { actual, predicted, error = 0 }: Chosen): string {
  if (predicted === undefined) return `error ${error.toPrecision(2)}`;
  return actual === undefined || actual === predicted
    ? named(inspection, predicted)
    : `${named(inspection, predicted)} for ${named(inspection, actual)}`;
}

function inFull(inspection: Inspection, one: Chosen): string {
  const { name, actual, predicted, probability, error = 0 } = one;
  if (predicted === undefined)
    return `${name}: the mean squared error of its reconstruction is ${error.toPrecision(3)}.`;
  const sure = probability === undefined ? "" : `, ${(100 * probability).toFixed(1)} %`;
  const truth =
    actual === undefined
      ? ""
      : actual === predicted
        ? ", which is right"
        : `; true is ${named(inspection, actual)}`;
  return `${name}: predicted ${named(inspection, predicted)}${sure}${truth}.`;
}

const planeOf = ({ inputs: { shape, data } }: Inspection, n: number): Plane => {
  const [, channels, height, width] = shape as [number, number, number, number];
  const size = channels * height * width;
  return { channels, height, width, values: data.subarray(n * size, (n + 1) * size) };
};

function thumbSheet(inspection: Inspection): Sheet {
  const sheet = new Sheet("thumbs", inspection.chosen.length);
  inspection.chosen.forEach((_, n) => {
    sheet.put(n, photograph(shrink(planeOf(inspection, n), 64)));
  });
  return sheet;
}

/** The example and its attributions, a row for each example. */
function pictureSheet(inspection: Inspection): Sheet {
  const { chosen, attributions } = inspection;
  const sheet = new Sheet("shares", 1 + attributions.length, chosen.length);
  chosen.forEach((_, n) => {
    sheet.put(0, photograph(shrink(planeOf(inspection, n), mostSide)), n);
    attributions.forEach((attribution, k) => {
      const plane = shrink(shareOf(attribution, n), mostSide);
      sheet.put(k + 1, attribution.isExample ? photograph(plane) : inColors(plane, attribution), n);
    });
  });
  return sheet;
}

/** Colors up to the largest value. */
function inColors(plane: Plane, { signed }: Attribution) {
  const most = Array.from(plane.values).reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  return colored(plane, signed ? bySign(most) : bySize(0, most));
}

/** `[C, H, W]`, `[H, W]`, or `[D]`, of an example. */
function shareOf({ values }: Attribution, n: number): Plane {
  const shape = values.shape.slice(1);
  const [channels, height, width] = [1, 1, ...shape].slice(-3) as [number, number, number];
  const size = channels * height * width;
  const data = values.dataSync().subarray(n * size, (n + 1) * size);
  return { channels, height, width, values: data };
}

/** Attributions of columns, or of characters, as bars: the largest ones. */
function shareTable(inspection: Inspection, n: number): string {
  const { attributions, config } = inspection;
  const { preparation } = config.data;
  const all = attributions.map((attribution) => shareOf(attribution, n).values);
  const size = all[0]?.length ?? 0;
  const most = all.map((values) =>
    Array.from(values).reduce((m, v) => Math.max(m, Math.abs(v)), 0),
  );
  const weight = (i: number) =>
    all.reduce((sum, values, k) => sum + Math.abs(values[i]!) / (most[k] || 1), 0);
  const order = Array.from({ length: size }, (_, i) => i);
  if (size > mostRows) order.sort((a, b) => weight(b) - weight(a));
  const shown = order.slice(0, mostRows).sort((a, b) => a - b);
  const names =
    preparation.inputs.kind === "text"
      ? characters(inspection, n)
      : namesOfInputs(preparation, size);
  const header = attributions.map(
    ({ name, about }) => `<th scope="col" title="${escapeXml(about)}">${name}</th>`,
  );
  const rows = shown.map((i) => {
    const bars = all.map((values, k) => bar(values[i]!, most[k]!));
    return `<tr><th scope="row">${escapeXml(names[i] ?? String(i))}</th>${bars.join("")}</tr>`;
  });
  const note =
    size > mostRows
      ? paragraph(`The ${mostRows} of ${size} inputs that weigh most.`, { soft: true })
      : "";
  return `${note}<div class="scroll"><table class="bars"><thead><tr><th scope="col">input</th>${header.join("")}</tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}

const bar = (value: number, most: number): string => {
  const share = most > 0 ? (50 * Math.abs(value)) / most : 0;
  const side = value < 0 ? `right:50%` : `left:50%`;
  return `<td><span class="bar${value < 0 ? " against" : ""}"><i style="${side};width:${share.toFixed(1)}%"></i></span>${Number(value.toPrecision(3))}</td>`;
};

/** Each character of a text with its position before the end. */
function characters({ inputs, config }: Inspection, n: number): string[] {
  const { inputs: of } = config.data.preparation;
  const length = inputs.shape[1]!;
  const codes = Array.from(inputs.data.subarray(n * length, (n + 1) * length));
  return codes.map(
    (code, i) =>
      `${i - length} ${JSON.stringify(of.kind === "text" ? (of.characters[code] ?? "") : String(code))}`,
  );
}

async function classFigures(inspection: Inspection): Promise<string[]> {
  const { tree, probes, similarity, config } = inspection;
  const { target } = config.data.preparation;
  const names = target.task === "classification" ? target.classes.map(shownClass) : [];
  const layers = [
    ...(probes ? [figure(await probeChart(probes))] : []),
    ...(similarity ? [figure(await similarityChart(similarity))] : []),
  ];
  return [
    ...(tree && names.length > 1
      ? [
          section(
            "Which classes are alike",
            paragraph(
              "Classes that are most often taken for each other meet first, from the left; the number is the share of their examples.",
              { soft: true },
            ),
            figure(treeChart(tree, names)),
          ),
        ]
      : []),
    ...(layers.length > 0
      ? [
          section(
            "What the layers know",
            paragraph(
              `${probes ? "A linear classifier on a layer's outputs tells how far the net has come there in parting the classes: it learns from half of the sample of test examples and is measured on the other. " : ""}Two layers with a similarity of 1 hold the same but for rotation and scale.`,
              { soft: true },
            ),
            grid(...layers),
          ),
        ]
      : []),
  ];
}

/** For each example: what is shown while it is chosen. */
const style = (count: number): string => `<style>
:root { --chosen: 0; scroll-padding-top: 8.5rem; }
${Array.from({ length: count }, (_, n) => `:root:has(#chosen-${n}:checked) { --chosen: ${n}; } :root:has(#chosen-${n}:checked) .of:not(.of-${n}) { display: none; }`).join("\n")}
.tile { display: block; image-rendering: pixelated; border: 1px solid var(--line); border-radius: 4px; background-color: #fff; background-repeat: no-repeat; }
.chooser { min-width: 0; position: sticky; top: 0; z-index: 1; margin: 1rem 0 0; padding: .3rem .2rem .5rem; border: 0; border-bottom: 1px solid var(--line); background: var(--paper); }
.chooser legend { float: left; padding: .2rem .6rem 0 0; color: var(--soft); font-size: .9rem; } .chooser > div { display: flex; gap: .5rem; overflow-x: auto; padding: 3px; clear: both; }
.chooser label { position: relative; flex: none; max-width: 16rem; padding: .3rem; border: 2px solid transparent; border-radius: 8px; cursor: pointer; font-size: .82rem; text-align: center; }
.chooser label:has(:checked) { border-color: var(--accent); } .chooser label:has(:focus-visible) { outline: 3px solid var(--accent); outline-offset: 1px; }
.chooser input { position: absolute; opacity: 0; } .chooser .tile { margin: 0 auto; } .chooser span { display: block; overflow-wrap: anywhere; }
.chooser code { display: block; font-size: .76rem; text-align: left; overflow-wrap: anywhere; }
.shares { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); } .shares figure { margin: 0; }
.net { display: flex; flex-wrap: wrap; gap: .4rem 1.3rem; align-items: flex-end; list-style: none; margin: .8rem 0; padding: 0 0 0 1.2rem; }
.net li { position: relative; display: flex; flex-direction: column; align-items: center; gap: .25rem; font-size: .8rem; text-align: center; }
.net li + li::before { content: "→"; position: absolute; left: -1.15rem; bottom: 1.3rem; color: var(--soft); }
.net i { display: block; background: var(--accent); opacity: .75; border-radius: 2px; } .net small { display: block; color: var(--soft); } .net em, .units em { color: #c0392b; font-style: normal; font-size: .8rem; margin-left: .3rem; }
@media (prefers-color-scheme: dark) { .net em, .units em { color: #ff8a80; } }
.layer { border-top: 1px solid var(--line); padding: .45rem 0; } .layer summary { cursor: pointer; overflow-wrap: anywhere; }
a:focus-visible, summary:focus-visible, button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.units { display: grid; gap: .8rem 1.2rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); list-style: none; margin: .6rem 0; padding: 0; }
.units h3, #cell h3 { font-size: .86rem; margin: 0 0 .25rem; } .units .row { display: flex; flex-wrap: wrap; gap: .4rem; align-items: center; margin-bottom: .3rem; }
.texts { margin: 0; padding-left: 1rem; font-size: .85rem; overflow-wrap: anywhere; }
.cells { border-collapse: separate; border-spacing: 2px; } .cells td, .cells th { border: 0; padding: .1rem .25rem; text-align: center; } .cells td { padding: 0; }
.cells button { min-width: 2.5rem; min-height: 2.2rem; padding: 0 .3rem; border: 1px solid var(--line); border-radius: 4px; font: inherit; color: var(--ink); cursor: pointer; background: color-mix(in srgb, var(--accent) var(--share), var(--paper)); }
.cells button.full { color: var(--paper); } .cells button[aria-pressed=true] { outline: 3px solid var(--ink); outline-offset: 1px; }
#cell { min-height: 3rem; margin-top: .8rem; } .found { list-style: none; margin: 0; padding: 0; font-size: .85rem; overflow-wrap: anywhere; }
.found.pictures { display: flex; flex-wrap: wrap; gap: .5rem; } .found.pictures li { width: 3.4rem; color: var(--soft); font-size: .76rem; }
.bars td { min-width: 6rem; } .bar { display: block; position: relative; height: .55rem; margin-left: .6rem; background: linear-gradient(var(--line), var(--line)) center / 1px 100% no-repeat; }
.bar i { position: absolute; top: 0; bottom: 0; background: #b2182b; } .bar.against i { background: #4393c3; }
</style>
`;
