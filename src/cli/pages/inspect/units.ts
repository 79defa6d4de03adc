/** The net as a diagram, and each of its layers with its units, as HTML. */
import { show } from "../../../base/index.ts";
import { escapeXml, paragraph } from "../../../draw/index.ts";
import type { Patch } from "../../../inspect/index.ts";
import { bySign, bySize, colored, type Plane, photograph, Sheet, shrink, strip } from "../sheet.ts";
import type { LayerView, UnitViews } from "./layers.ts";
import type { Inspection } from "./measure.ts";
import { clipped, inWords } from "./words.ts";

/** Pixels along a side of maps, kernels and patches. */
const mostSide = 64;
/** Examples of a unit that are described in words. */
const mostTexts = 3;

/** HTML with its sheets of images. */
export interface Drawn {
  readonly html: string;
  readonly sheets: readonly Sheet[];
}

/**
 * Boxes from the input to the outputs, as high as the maps and as wide as the number of channels.
 */
export function diagram({ layers, config }: Inspection): string {
  const { inputShape } = config.data.preparation;
  const box = (shape: readonly number[]) => {
    const [depth, across] = shape.length > 1 ? [shape[0]!, shape.at(-1)!] : [1, shape[0] ?? 1];
    const size = (n: number, unit: number) => Math.round(6 + unit * Math.log2(1 + n));
    return `<i aria-hidden="true" style="width:${size(depth, 4)}px;height:${size(across, 8)}px"></i>`;
  };
  const item = (content: string, shape: readonly number[]) =>
    `<li>${box(shape)}<span>${content}<small>${show(shape)}</small></span></li>`;
  const items = layers.map((layer, k) => {
    const name = `<b>${escapeXml(layer.kind)}</b>`;
    const link = `<a href="#layer-${k}" title="${escapeXml(layer.path)}">${name}</a>`;
    const dead = layer.units?.audit?.dead.length ?? 0;
    const flag = dead > 0 ? `<em>${dead} dead</em>` : "";
    return item(`${layer.units ? link : name}${flag}`, layer.outputShape);
  });
  return `<nav aria-label="The net, layer by layer"><ol class="net">${item("<b>input</b>", inputShape)}${items.join("")}</ol></nav>`;
}

/** Every layer with something to show, the first of them open. */
export function layerSections(inspection: Inspection): Drawn {
  const drawn = inspection.layers.flatMap((layer, k) =>
    layer.units ? [layerSection(layer, layer.units, k, inspection)] : [],
  );
  return {
    html: drawn.map(({ html }) => html).join("\n"),
    sheets: drawn.flatMap(({ sheets }) => sheets),
  };
}

function layerSection(
  layer: LayerView,
  units: UnitViews,
  k: number,
  inspection: Inspection,
): Drawn {
  const maps = mapSheet(units, k, inspection.chosen.length);
  const weights = units.weights && weightSheet(units.weights, k);
  const patches = units.patches && patchSheet(units.patches, k, inspection);
  const cards = units.shown.map((unit, at) =>
    unitCard(layer, units, unit, at, { maps, weights, patches }, inspection),
  );
  const { audit } = units;
  const counts = [
    show(layer.outputShape),
    layer.parameters > 0 ? `${layer.parameters.toLocaleString("en-US")} parameters` : "",
    audit && audit.dead.length > 0 ? `${audit.dead.length} dead` : "",
    audit && audit.saturated.length > audit.dead.length
      ? `${audit.saturated.length - audit.dead.length} saturated`
      : "",
  ].filter(Boolean);
  const isFirst = inspection.layers.findIndex((each) => each.units) === k;
  return {
    html: `<details class="layer"${isFirst ? " open" : ""}><summary><code>${escapeXml(layer.path)}</code> ${escapeXml(layer.kind)} <span class="soft">${escapeXml(counts.join(", "))}</span></summary>
<div id="layer-${k}">${paragraph(legend(units), { soft: true })}
<ul class="units">${cards.join("\n")}</ul></div></details>`,
    sheets: [maps, weights, patches].filter((sheet) => sheet !== undefined),
  };
}

function legend({ all, shown, weights, patches, audit, ranges }: UnitViews): string {
  const isSequence = !patches;
  const parts = [
    shown.length < all ? `The first ${shown.length} of ${all} units.` : "",
    weights ? "Weights: red above 0, blue below." : "",
    isSequence
      ? "One map of positions and features for the chosen example, dark for the least value."
      : ranges.length > 0
        ? "The map is what the unit computes of the chosen example, dark for its least and light for its greatest value among all that can be chosen."
        : "",
    patches ? "Below, the test examples to which it answers most." : "",
    audit && audit.dead.length > 0 ? `Dead: ${list(audit.dead)}.` : "",
    audit && audit.saturated.length > audit.dead.length
      ? `Saturated: ${list(audit.saturated.filter((u) => !audit.dead.includes(u)))}.`
      : "",
  ];
  return parts.filter(Boolean).join(" ");
}

const list = (units: readonly number[]): string =>
  units.length > 20 ? `${units.slice(0, 20).join(", ")}, … (${units.length})` : units.join(", ");

interface Sheets {
  readonly maps: Sheet;
  readonly weights: Sheet | undefined;
  readonly patches: Sheet | undefined;
}

function unitCard(
  { path, outputShape }: LayerView,
  { audit, weights, patches, maps: mapOf }: UnitViews,
  unit: number,
  at: number,
  sheets: Sheets,
  inspection: Inspection,
): string {
  const name = patches ? `unit ${unit}` : "all positions";
  const state = audit?.dead.includes(unit)
    ? "dead"
    : audit?.saturated.includes(unit)
      ? "saturated"
      : "";
  const isMap = outputShape.length > 1;
  const { height, width } = mapOf(unit, 0);
  const wide = isMap ? `${Math.min(20, Math.max(4.5, (4.5 * width) / height))}rem` : "1.6rem";
  const found = patches?.[at] ?? [];
  const kernels = weights?.[at] ?? [];
  const across = kernels.length > 1 ? 2.4 * kernels.length : 0.7 * (kernels[0]?.width ?? 0);
  return `<li><h3>${name}${state && ` <em>${state}</em>`}</h3><div class="row">
${sheets.weights ? sheets.weights.element(at, `weights of ${name} of ${path}`, `min(100%, ${Math.max(2.4, Math.min(13, across))}rem)`) : ""}
${sheets.maps.element(at, `what ${name} of ${path} computes of the chosen example`, `min(100%, ${wide})`)}</div>
${answers(found, at, `${name} of ${path}`, sheets.patches, inspection)}</li>`;
}

/** The examples of a unit: as images, or in words. */
function answers(
  found: readonly Patch[],
  at: number,
  name: string,
  sheet: Sheet | undefined,
  inspection: Inspection,
): string {
  if (found.length === 0) return "";
  if (sheet)
    return sheet.element(
      at,
      `what ${name} answers to most in ${found.length} test examples`,
      "100%",
    );
  const { preparation } = inspection.config.data;
  const { shape, data } = inspection.sample.inputs;
  const size = data.length / shape[0]!;
  const texts = found.slice(0, mostTexts).map(({ example }) => {
    const values = data.subarray(example * size, (example + 1) * size);
    return `<li>${escapeXml(clipped(inWords(preparation, values)))}</li>`;
  });
  return `<ul class="texts">${texts.join("")}</ul>`;
}

function mapSheet({ shown, maps, ranges }: UnitViews, k: number, examples: number): Sheet {
  const sheet = new Sheet(`maps-${k}`, shown.length, examples);
  shown.forEach((unit, at) => {
    const [low, high] = ranges[at]!;
    for (let n = 0; n < examples; n++)
      sheet.put(at, colored(shrink(maps(unit, n), mostSide), bySize(low, high)), n);
  });
  return sheet;
}

function weightSheet(weights: readonly (readonly Plane[])[], k: number): Sheet {
  const sheet = new Sheet(`weights-${k}`, weights.length);
  weights.forEach((kernels, at) => {
    let most = 0;
    for (const { values } of kernels)
      for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]!));
    const tiles = kernels.map((kernel) =>
      kernel.channels === 3
        ? photograph({
            ...kernel,
            values: Array.from(kernel.values, (w) => 0.5 + w / (2 * most || 1)),
          })
        : colored(shrink(kernel, 2 * mostSide), bySign(most)),
    );
    sheet.put(at, strip(tiles));
  });
  return sheet;
}

/** Patches side by side, cut from images, all as large as the largest; none for other inputs. */
function patchSheet(
  patches: readonly (readonly Patch[])[],
  k: number,
  { sample }: Inspection,
): Sheet | undefined {
  const { shape, data } = sample.inputs;
  if (shape.length !== 4) return undefined;
  const [, channels, height, width] = shape as [number, number, number, number];
  const boxes = patches.flat().map(({ box }) => box.map(([start, stop]) => stop - start));
  if (boxes.length === 0) return undefined;
  const [high, wide] = [0, 1].map((axis) => Math.max(...boxes.map((sides) => sides[axis]!))) as [
    number,
    number,
  ];
  const most = Math.max(1, ...patches.map((found) => found.length));
  const size = channels * height * width;
  const sheet = new Sheet(`patches-${k}`, patches.length);
  patches.forEach((found, at) => {
    const tiles = Array.from({ length: most }, (_, i) => {
      const patch = found[i];
      const values = new Float32Array(channels * high * wide).fill(1);
      const whole = patch && data.subarray(patch.example * size, (patch.example + 1) * size);
      if (whole) cut(whole, patch.box, { channels, height, width }, values, [high, wide]);
      return photograph(shrink({ channels, height: high, width: wide, values }, mostSide));
    });
    sheet.put(at, strip(tiles));
  });
  return sheet;
}

/** Copies a box of a picture into the middle of a tile of `[high, wide]`. */
function cut(
  from: ArrayLike<number>,
  box: Patch["box"],
  { channels, height, width }: Omit<Plane, "values">,
  into: Float32Array,
  [high, wide]: readonly [number, number],
): void {
  const [[top, bottom], [left, right]] = box as [[number, number], [number, number]];
  const down = (high - (bottom - top)) >> 1;
  const across = (wide - (right - left)) >> 1;
  for (let c = 0; c < channels; c++)
    for (let y = top; y < bottom; y++)
      for (let x = left; x < right; x++)
        into[(c * high + down + y - top) * wide + across + x - left] =
          from[(c * height + y) * width + x]!;
}
