import { escapeXml } from "./escape.ts";

/** A self-contained page: no script, style, font or picture is loaded from elsewhere. */
export interface PageOptions {
  readonly title: string;
  /** HTML of the sections, made by the functions below or by hand. */
  readonly body: readonly string[];
  /** Styles and scripts of this page only, as HTML. */
  readonly head?: string;
}

const style = `
:root { color-scheme: light dark; --ink: #1b1e23; --soft: #5d6570; --paper: #fff; --line: #d9dde3; --accent: #2459a9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a2a9b3; --paper: #16181c; --line: #363b43; --accent: #8ab4f8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; overflow-wrap: anywhere; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
p { margin: .4rem 0; max-width: 46rem; } .soft, figcaption { color: var(--soft); font-size: .9rem; } a { color: var(--accent); }
figure { margin: .8rem 0; } figure svg, figure img { display: block; max-width: 100%; height: auto; border-radius: 6px; background: #fff; }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; } .tiles > div { border: 1px solid var(--line); border-radius: 8px; padding: .5rem .9rem; }
.tiles b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; } .tiles span { color: var(--soft); font-size: .85rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem .25rem 0; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { color: var(--soft); font-weight: 600; }
pre, code { font: .88rem/1.45 ui-monospace, "DejaVu Sans Mono", monospace; } pre { overflow-x: auto; padding: .7rem; border: 1px solid var(--line); border-radius: 6px; }
`.trim();

/**
 * A self-contained HTML page, for phone and desktop, light and dark.
 *
 * @example
 * page({ title: "Run 1", body: [section("Sizes", table(["layer", "units"], [["conv", 6272]]))] });
 */
export const page = ({ title, body, head = "" }: PageOptions): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(title)}</title>
<style>${style}</style>
${head}</head>
<body>
<h1>${escapeXml(title)}</h1>
${body.join("\n")}
</body>
</html>
`;

/** A heading with its content, as HTML. @param content HTML. */
export const section = (heading: string, ...content: readonly string[]): string =>
  `<section>\n<h2>${escapeXml(heading)}</h2>\n${content.join("\n")}\n</section>`;

/** A paragraph of plain text. */
export const paragraph = (text: string, { soft = false } = {}): string =>
  `<p${soft ? ' class="soft"' : ""}>${escapeXml(text)}</p>`;

/** An SVG, or an `<img>`, with a caption. */
export const figure = (svg: string, caption = ""): string =>
  `<figure>${svg}${caption && `<figcaption>${escapeXml(caption)}</figcaption>`}</figure>`;

/** The bytes of a PNG as an `<img>` with a data URL. */
export const image = (png: Uint8Array, alt: string, attributes = ""): string => {
  let binary = "";
  for (const byte of png) binary += String.fromCharCode(byte);
  return `<img src="data:image/png;base64,${btoa(binary)}" alt="${escapeXml(alt)}"${attributes && ` ${attributes}`}>`;
};

/** Rows of texts and numbers; the first column has the names. */
export const table = (
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string => {
  const row = (cells: readonly (string | number)[], tag: "th" | "td") =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeXml(String(cell))}</${tag}>`).join("")}</tr>`;
  const body = rows.map((cells) => row(cells, "td")).join("\n");
  return `<div class="scroll"><table>\n<thead>${row(header, "th")}</thead>\n<tbody>${body}</tbody>\n</table></div>`;
};

/** Key figures: each a value with its label. */
export const tiles = (values: Readonly<Record<string, string | number>>): string =>
  `<div class="tiles">${Object.entries(values)
    .map(
      ([name, value]) =>
        `<div><b>${escapeXml(String(value))}</b><span>${escapeXml(name)}</span></div>`,
    )
    .join("")}</div>`;

/** Figures side by side if the page is wide enough. */
export const grid = (...content: readonly string[]): string =>
  `<div class="grid">\n${content.join("\n")}\n</div>`;
