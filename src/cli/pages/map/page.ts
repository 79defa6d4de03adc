/** A map of examples as one HTML file, on which each can be inspected. */
import { type HostArray, sizeOf } from "../../../base/index.ts";
import { escapeXml, image, page, paragraph, pictureToPng, section } from "../../../draw/index.ts";
import type { MapSource } from "../../sources/map-source.ts";
import { colorOf } from "../learner/charts.ts";
import { colorsOf } from "./chart.ts";

/** The most pixels of all images on the page; examples beyond have no image. */
const mostPixels = 2 ** 23;
/** Columns shown per row. */
const mostCells = 12;
/** Classes for which the legend has a button. */
const mostButtons = 40;

/** Thumbnails of the examples, row by row in one image. */
interface Sprites {
  readonly png: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Pictures in a row of the whole. */
  readonly across: number;
  readonly count: number;
}

export async function mapPage(
  source: MapSource,
  points: Float64Array,
  title: string,
): Promise<string> {
  const { ids, classes, labels } = source;
  const sprites = await spritesOf(source.inputs);
  const buttons = classes.length > 1 && classes.length <= mostButtons ? classes : [];
  const data = {
    points: Array.from(points, (x) => Number(x.toPrecision(6))),
    colors: colorsOf(source),
    labels: labels ?? null,
    labelName: source.labelName,
    classes: buttons,
    ids,
    idName: source.idName,
    cells: source.cells
      .slice(0, mostCells)
      .map(({ name, values }) => [name, values.map((x) => (Number.isNaN(x) ? "" : x))]),
    sprites: sprites && { ...sprites, png: undefined },
  };
  const legend = buttons
    .map(
      (name, k) =>
        `<button type="button" aria-pressed="true" data-class="${escapeXml(name)}"><i style="background:${colorOf(k)}"></i>${escapeXml(name)}</button>`,
    )
    .join("");
  const body = [
    paragraph(
      `${ids.length} examples. Point at one, tap it, or move from one to the next with the arrow keys.`,
      { soft: true },
    ),
    `<div class="legend">${legend}</div>`,
    `<div class="map"><canvas tabindex="0" role="application" aria-label="${escapeXml(`Map: ${title}`)}" aria-describedby="card"></canvas>
<aside id="card" aria-live="polite"><p class="soft">No example is chosen.</p></aside></div>`,
    `<noscript>${paragraph("The map needs JavaScript; the picture beside this page does not.")}</noscript>`,
    ...(sprites ? [`<div hidden>${image(sprites.png, "", 'id="sprites"')}</div>`] : []),
    ...(source.notes.length > 0
      ? [section("Data", ...source.notes.map((note) => paragraph(note, { soft: true })))]
      : []),
    `<script>\nconst data = ${JSON.stringify(data).replaceAll("<", "\\u003c")};\n${script}</script>`,
  ];
  return page({ title, body, head: style });
}

/**
 * Images of the inputs; undefined if they are not images. Recordings and colors are shown as they
 * look.
 */
async function spritesOf({ shape, data }: HostArray): Promise<Sprites | undefined> {
  const [size, channels, height, width] = shape as readonly number[];
  if (shape.length !== 4 || (channels !== 1 && channels !== 3)) return undefined;
  const each = height! * width!;
  const count = Math.min(size!, Math.floor(mostPixels / each));
  const across = Math.max(1, Math.floor(Math.sqrt((count * height!) / width!)));
  const [wide, high] = [across * width!, Math.ceil(count / across) * height!];
  const values = new Float32Array(channels * wide * high);
  const step = sizeOf(shape.slice(1));
  for (let n = 0; n < count; n++)
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < height!; y++) {
        const from = n * step + c * each + y * width!;
        const row = Math.floor(n / across) * height! + y;
        values.set(
          data.subarray(from, from + width!) as Float32Array,
          (c * high + row) * wide + (n % across) * width!,
        );
      }
  const png = await pictureToPng({ channels, height: high, width: wide, values });
  return { png, width: width!, height: height!, across, count };
}

const style = `<style>
.map { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr) 15rem; align-items: start; }
.map canvas { width: 100%; aspect-ratio: 1; max-height: 80vh; border: 1px solid var(--line); border-radius: 8px; touch-action: manipulation; cursor: crosshair; }
.map canvas:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
#card { border: 1px solid var(--line); border-radius: 8px; padding: .7rem .9rem; overflow-wrap: anywhere; }
#card canvas { border: 0; width: 8rem; height: auto; max-height: 8rem; aspect-ratio: auto; image-rendering: pixelated; border-radius: 4px; background: #fff; }
#card dl { display: grid; grid-template-columns: auto 1fr; gap: .1rem .7rem; margin: .5rem 0 0; font-size: .9rem; }
#card dt { color: var(--soft); } #card dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; }
.legend { display: flex; flex-wrap: wrap; gap: .4rem; margin: .6rem 0; }
.legend button { font: inherit; font-size: .88rem; color: var(--ink); background: none; border: 1px solid var(--line); border-radius: 99px; padding: .15rem .7rem; min-height: 2rem; cursor: pointer; }
.legend button[aria-pressed=false] { opacity: .4; } .legend i { display: inline-block; width: .7rem; height: .7rem; border-radius: 50%; margin-right: .4rem; }
@media (max-width: 44rem) { .map { grid-template-columns: minmax(0, 1fr); } #card { min-height: 9rem; } }
</style>
`;

/** The script of the page; it uses `data`. */
const script = `
const canvas = document.querySelector(".map canvas"), card = document.getElementById("card");
const sprites = document.getElementById("sprites"), off = new Set();
const count = data.ids.length, at = new Float64Array(2 * count);
let chosen = -1, left = 0, top_ = 0, scale = 1;
const shown = (n) => !data.labels || !off.has(String(data.labels[n]));
const range = (k) => {
  let [low, high] = [Infinity, -Infinity];
  for (let n = 0; n < count; n++) { low = Math.min(low, data.points[2 * n + k]); high = Math.max(high, data.points[2 * n + k]); }
  return [low, high];
};
const [xs, ys] = [range(0), range(1)];
function draw() {
  const ratio = devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight, edge = 14;
  canvas.width = width * ratio; canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  scale = Math.min((width - 2 * edge) / (xs[1] - xs[0] || 1), (height - 2 * edge) / (ys[1] - ys[0] || 1));
  left = width / 2 - scale * (xs[0] + xs[1]) / 2; top_ = height / 2 + scale * (ys[0] + ys[1]) / 2;
  const radius = count > 2000 ? 2 : count > 500 ? 3 : 4;
  pen.globalAlpha = 0.85;
  for (let n = 0; n < count; n++) {
    at[2 * n] = left + scale * data.points[2 * n]; at[2 * n + 1] = top_ - scale * data.points[2 * n + 1];
    if (!shown(n)) continue;
    pen.fillStyle = data.colors[n];
    pen.beginPath(); pen.arc(at[2 * n], at[2 * n + 1], radius, 0, 7); pen.fill();
  }
  if (chosen < 0) return;
  pen.globalAlpha = 1; pen.lineWidth = 2.5; pen.strokeStyle = getComputedStyle(document.body).color;
  pen.beginPath(); pen.arc(at[2 * chosen], at[2 * chosen + 1], radius + 5, 0, 7); pen.stroke();
}
function choose(n) {
  if (n < 0 || n === chosen) return;
  chosen = n;
  card.replaceChildren();
  if (sprites && n < data.sprites.count) {
    const { width, height, across } = data.sprites, picture = document.createElement("canvas");
    picture.width = width; picture.height = height;
    picture.getContext("2d").drawImage(sprites, (n % across) * width, Math.floor(n / across) * height, width, height, 0, 0, width, height);
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", data.idName + " " + data.ids[n]);
    card.append(picture);
  }
  const list = document.createElement("dl");
  const line = (name, value) => {
    const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
    dt.textContent = name; dd.textContent = value; list.append(dt, dd);
  };
  line(data.idName, data.ids[n]);
  if (data.labels && !data.cells.some(([name]) => name === data.labelName)) line(data.labelName, data.labels[n]);
  for (const [name, values] of data.cells) line(name, values[n] === "" ? "–" : values[n]);
  card.append(list);
  draw();
}
function nearest(x, y, most) {
  let best = -1, least = most * most;
  for (let n = 0; n < count; n++) {
    if (!shown(n)) continue;
    const d = (at[2 * n] - x) ** 2 + (at[2 * n + 1] - y) ** 2;
    if (d < least) { least = d; best = n; }
  }
  return best;
}
function point(event, most) {
  const box = canvas.getBoundingClientRect();
  choose(nearest(event.clientX - box.left - canvas.clientLeft, event.clientY - box.top - canvas.clientTop, most));
}
canvas.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") point(event, 12); });
canvas.addEventListener("click", (event) => point(event, 40));
const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
canvas.addEventListener("keydown", (event) => {
  const way = ways[event.key];
  const first = () => nearest(canvas.clientWidth / 2, canvas.clientHeight / 2, 1e9);
  if (event.key === "Home") { event.preventDefault(); choose(first()); return; }
  if (!way) return;
  event.preventDefault();
  if (chosen < 0) { choose(first()); return; }
  let best = -1, least = Infinity; // sideways distance counts more
  for (let n = 0; n < count; n++) {
    if (n === chosen || !shown(n)) continue;
    const [dx, dy] = [at[2 * n] - at[2 * chosen], at[2 * n + 1] - at[2 * chosen + 1]];
    const along = dx * way[0] + dy * way[1], across = Math.abs(dx * way[1] + dy * way[0]);
    if (along <= 0 || across > 2 * along) continue;
    const cost = along + 2 * across;
    if (cost < least) { least = cost; best = n; }
  }
  choose(best);
});
canvas.addEventListener("focus", () => { if (chosen < 0) choose(nearest(canvas.clientWidth / 2, canvas.clientHeight / 2, 1e9)); });
for (const button of document.querySelectorAll(".legend button"))
  button.addEventListener("click", () => {
    const name = button.dataset.class;
    if (!off.delete(name)) off.add(name);
    button.setAttribute("aria-pressed", String(!off.has(name)));
    draw();
  });
addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
draw();
`;
