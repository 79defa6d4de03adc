/** A confusion matrix whose cells open their examples, as HTML. */
import { classesOf } from "../../../data/index.ts";
import { escapeXml, paragraph } from "../../../draw/index.ts";
import { shownClass } from "../class-names.ts";
import type { ClassResults } from "../report/data.ts";
import { photograph, Sheet, shrink } from "../sheet.ts";
import type { Inspection } from "./measure.ts";
import type { Drawn } from "./units.ts";
import { inWords } from "./words.ts";

/** Examples shown per cell, and in all cells together. */
const [mostInCell, mostExamples] = [30, 3000];
/** Pixels along a side of an image. */
const mostSide = 48;

/** An example as the page's script sees it. */
interface Shown {
  readonly row: number;
  /** Of the predicted class, in percent. */
  readonly p: number;
  /** Its column in the sheet of images. */
  readonly at?: number;
  /** Its description, if it is not an image. */
  readonly text?: string;
}

export function confusionCells(inspection: Inspection, classes: ClassResults): Drawn {
  const { preparation } = inspection.config.data;
  const names = classesOf(preparation).map(shownClass);
  const name = (k: number) => names[k] ?? String(k);
  const size = classes.matrix.length;
  const cells = examplesOf(classes, inspection);
  const { sheet, shown } = pictures(cells, inspection);
  const header = Array.from(
    { length: size },
    (_, j) => `<th scope="col">${escapeXml(name(j))}</th>`,
  );
  const rows = classes.matrix.map((counts, i) => {
    const total = counts.reduce((a, b) => a + b, 0) || 1;
    const tds = counts.map((n, j) => {
      if (n === 0) return "<td></td>";
      const label = `true ${name(i)}, predicted ${name(j)}: ${n} ${n === 1 ? "example" : "examples"}`;
      return `<td><button type="button" data-cell="${i},${j}" aria-pressed="false" aria-label="${escapeXml(label)}" style="--share:${((100 * n) / total).toFixed(1)}%"${n / total > 0.55 ? ' class="full"' : ""}>${n}</button></td>`;
    });
    return `<tr><th scope="row">${escapeXml(name(i))}</th>${tds.join("")}</tr>`;
  });
  const data = { cells: Object.fromEntries(shown), sheet: sheet?.grid ?? null };
  const html = `${paragraph(
    "Rows are true classes, columns predicted ones. Choose a cell to see its examples; arrow keys go from one to the next.",
    { soft: true },
  )}
<div class="scroll"><table class="cells" aria-label="Confusion matrix"><thead><tr><td></td>${header.join("")}</tr></thead>
<tbody>${rows.join("\n")}</tbody></table></div>
<div id="cell" aria-live="polite">${paragraph("No cell is chosen.", { soft: true })}</div>
<noscript>${paragraph("Cells open with JavaScript.")}</noscript>
<script>
const confusion = ${JSON.stringify(data).replaceAll("<", "\\u003c")};
${script}</script>`;
  return { html, sheets: sheet ? [sheet] : [] };
}

/**
 * The test examples of each cell: for correct predictions the least confident first, for wrong ones
 * the most confident.
 */
function examplesOf(
  { predicted, probabilities, matrix }: ClassResults,
  { results }: Inspection,
): Map<string, number[]> {
  const cells = new Map<string, number[]>();
  predicted.forEach((j, row) => {
    const key = `${results.test.targets.data[row]},${j}`;
    cells.set(key, [...(cells.get(key) ?? []), row]);
  });
  const filled = matrix.flat().filter((n) => n > 0).length;
  const most = Math.max(1, Math.min(mostInCell, Math.floor(mostExamples / filled)));
  for (const [key, rows] of cells) {
    const [i, j] = key.split(",");
    const sign = i === j ? 1 : -1;
    rows.sort((a, b) => sign * (probabilities[a]! - probabilities[b]!) || a - b);
    cells.set(key, rows.slice(0, most));
  }
  return cells;
}

/** The shown examples of each cell, with the sheet of their images. */
function pictures(cells: ReadonlyMap<string, readonly number[]>, { results, config }: Inspection) {
  const { shape, data } = results.test.inputs;
  const isPicture = shape.length === 4;
  const count = [...cells.values()].reduce((sum, rows) => sum + rows.length, 0);
  const sheet = isPicture ? new Sheet("examples", count) : undefined;
  const size = data.length / shape[0]!;
  let at = 0;
  const shown = [...cells].map(([key, rows]): [string, Shown[]] => [
    key,
    rows.map((row) => {
      const p = Number((100 * results.classes!.probabilities[row]!).toFixed(1));
      const values = data.subarray(row * size, (row + 1) * size);
      if (!sheet) return { row, p, text: inWords(config.data.preparation, values) };
      const [, channels, height, width] = shape as [number, number, number, number];
      sheet.put(at, photograph(shrink({ channels, height, width, values }, mostSide)));
      return { row, p, at: at++ };
    }),
  ]);
  return { sheet, shown };
}

/** The script of the matrix; it uses `confusion`. */
const script = `
const buttons = [...document.querySelectorAll(".cells button")], cell = document.getElementById("cell");
const placeOf = (button) => button.dataset.cell.split(",").map(Number);
for (const [k, button] of buttons.entries()) {
  button.tabIndex = k === 0 ? 0 : -1;
  button.addEventListener("focus", () => { for (const other of buttons) other.tabIndex = other === button ? 0 : -1; });
  button.addEventListener("click", () => {
    for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    const found = confusion.cells[button.dataset.cell] ?? [];
    const heading = document.createElement("h3"), list = document.createElement("ul");
    const count = Number(button.textContent);
    heading.textContent = button.getAttribute("aria-label") + (found.length < count ? ", " + found.length + " shown" : "");
    list.className = confusion.sheet ? "found pictures" : "found";
    for (const { row, p, at, text } of found) {
      const item = document.createElement("li");
      const words = "test example " + row + ", " + p + " %";
      if (confusion.sheet) {
        const { across, down } = confusion.sheet, tile = document.createElement("i");
        const share = (k, of) => (of > 1 ? (100 * k) / (of - 1) : 0) + "%";
        tile.className = "tile sheet-examples";
        tile.setAttribute("role", "img");
        tile.setAttribute("aria-label", words);
        tile.style.backgroundPosition = share(at % across, across) + " " + share(Math.floor(at / across), down);
        const caption = document.createElement("span");
        caption.textContent = p + " %";
        item.append(tile, caption);
      } else item.textContent = words + ": " + text;
      list.append(item);
    }
    cell.replaceChildren(heading, list);
  });
}
const ways = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
document.querySelector(".cells").addEventListener("keydown", (event) => {
  const from = buttons.indexOf(document.activeElement);
  if (from < 0) return;
  const edge = { Home: buttons[0], End: buttons.at(-1) }[event.key];
  const way = ways[event.key];
  if (!way && !edge) return;
  event.preventDefault();
  if (edge) { edge.focus(); return; }
  const [y, x] = placeOf(buttons[from]);
  let best, least = Infinity; // empty cells are skipped
  for (const button of buttons) {
    const [dy, dx] = [placeOf(button)[0] - y, placeOf(button)[1] - x];
    const along = dy * way[0] + dx * way[1], across = Math.abs(dy * way[1] + dx * way[0]);
    if (along <= 0 || across > 2 * along) continue;
    if (along + 2 * across < least) { least = along + 2 * across; best = button; }
  }
  best?.focus();
});
`;
