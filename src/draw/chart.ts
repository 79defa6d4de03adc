import type { PlotOptions } from "@observablehq/plot";
import { escapeXml } from "./escape.ts";

/** A figure: the options of Observable Plot, without those that need a page. */
export interface ChartOptions extends Omit<PlotOptions, "document" | "figure" | "caption"> {
  /** The title, above the figure. */
  readonly title?: string;
  /** A smaller line below the title. */
  readonly subtitle?: string;
  /** The legend, on a line of its own: name → color. */
  readonly legend?: Readonly<Record<string, string>>;
}

/** Observable Plot: the marks (`Plot.lineY`, `Plot.dot`, `Plot.contour`, …) of a chart. */
export type Marks = typeof import("@observablehq/plot");

const ink = "#1b1e23";
const paper = "#ffffff";
/** Height of the title and of the subtitle, in pixels. */
const titleHeight = 24;
const subtitleHeight = 18;
/** Approximate widths of the letters in the legend: wide, narrow and others. */
const letterWidth = (c: string): number =>
  /[mwMW@%]/.test(c) ? 11 : /[ijltfrI.,:'| ]/.test(c) ? 4.5 : 7.5;

/**
 * Draws a figure with Observable Plot as a self-contained SVG: the same text in Node, a browser, a
 * document or a file. Plot's own legends need a page; `legend` draws one here.
 *
 * @param build receives Observable Plot and returns options: marks, axes, scales, size in pixels.
 * @returns the text of an SVG file, on white.
 * @example
 * const points = [[0, 0], [1, 1], [2, 4]] as [number, number][];
 * const svg = await chart((Plot) => ({ title: "Squares", marks: [Plot.line(points)] }));
 * svg.startsWith("<svg"); // true
 */
export async function chart(build: (Plot: Marks) => ChartOptions): Promise<string> {
  const [Plot, { parseHTML }] = await Promise.all([
    import("@observablehq/plot"),
    import("linkedom"),
  ]);
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const given = build(Plot);
  const { title, subtitle, legend, ...options } = given;
  const style = { background: "none", overflow: "visible" };
  const svg = Plot.plot({ style, ...options, document: document as never }) as unknown as Svg;
  if (svg.tagName.toLowerCase() !== "svg") throw new Error("internal: a chart is one SVG element.");
  return framed(svg, given);
}

/** The used part of an element; the DOM types are not loaded in Node. */
interface Svg {
  readonly tagName: string;
  readonly outerHTML: string;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
}

/** Adds a white background, margins, a title and a legend to Plot's drawing. */
function framed(svg: Svg, { title, subtitle, legend }: ChartOptions): string {
  const [width, height] = [Number(svg.getAttribute("width")), Number(svg.getAttribute("height"))];
  const head: string[] = [];
  let top = 8;
  const line = (height: number, draw: (baseline: number) => string) => {
    top += height;
    head.push(draw(top - 8));
  };
  if (title) line(titleHeight, (y) => text(12, y, title, { size: 15, weight: 600 }));
  if (subtitle) line(subtitleHeight, (y) => text(12, y, subtitle, { size: 12 }));
  if (legend) line(subtitleHeight, (y) => swatches(legend, y));
  svg.setAttribute("x", "0");
  svg.setAttribute("y", String(top));
  svg.setAttribute("color", ink);
  const box = `width="${width}" height="${height + top}" viewBox="0 0 ${width} ${height + top}"`;
  const name = [title, subtitle].filter(Boolean).join(". ");
  const label = name ? ` role="img" aria-label="${escapeXml(name)}"` : "";
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${box}${label}>`,
    `<rect width="100%" height="100%" fill="${paper}"/>`,
    ...head,
    standAlone(svg.outerHTML),
    "</svg>",
  ].join("\n");
}

const text = (x: number, y: number, words: string, { size, weight = 400 }: Font): string =>
  `<text x="${x}" y="${y}" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="${size}" font-weight="${weight}" fill="${ink}">${escapeXml(words)}</text>`;

interface Font {
  readonly size: number;
  readonly weight?: number;
}

/** A dot and a name for each color, from left to right. */
function swatches(legend: Readonly<Record<string, string>>, y: number): string {
  let x = 12;
  const parts = Object.entries(legend).map(([name, color]) => {
    const part = `<circle cx="${x + 5}" cy="${y - 4}" r="5" fill="${escapeXml(color)}"/>${text(x + 14, y, name, { size: 12 })}`;
    x += 14 + [...name].reduce((sum, letter) => sum + letterWidth(letter), 0) + 16;
    return part;
  });
  return parts.join("");
}

/** HTML serialized as XML, with the text color that a page would have set. */
const standAlone = (html: string): string =>
  html.replaceAll("&nbsp;", "\u00a0").replaceAll("currentColor", ink);
