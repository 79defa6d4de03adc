/** How progress is shown: a line that moves on a terminal, whole lines elsewhere. */
import type { Logs } from "./history.ts";

/** A line that is drawn over and over. */
export interface LiveLine {
  /** Draws the line over the last one. */
  draw(text: string): void;
  /** Leaves the line as it is and goes on below it. */
  keep(): void;
}

/** A place that shows text. */
export interface Screen {
  /** Writes a line. */
  readonly out: (text: string) => void;
  /** Starts a live line; undefined on a pipe, in a file, in a browser's console. */
  readonly live?: (() => LiveLine) | undefined;
  readonly colors: boolean;
}

/** What is used of a stream that is a terminal. */
interface Output {
  readonly isTTY?: boolean;
  readonly rows?: number;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Whether lines can be redrawn. A terminal that does not know its size has no place to. */
export const isTerminal = ({ isTTY, rows }: Output): boolean =>
  isTTY === true && (rows ?? 0) > 0 && globalThis.process?.env.TERM !== "dumb";

/** The standard output of the process, or the console where there is none. */
export function standardScreen(): Screen {
  const stream = globalThis.process?.stdout as Output | undefined;
  const out = (text: string) => console.log(text);
  if (!stream || !isTerminal(stream)) return { out, colors: false };
  return { out, live: () => liveLine(stream), colors: !process.env.NO_COLOR };
}

/** A live line on a terminal; what is wider is cut, as a wrapped line cannot be drawn over. */
export const liveLine = (stream: Output): LiveLine => ({
  draw: (text) => void stream.write(`\r${cut(text, (stream.columns ?? 80) - 1)}\x1b[K`),
  keep: () => void stream.write("\n"),
});

const colorStart = "\x1b";
const color = new RegExp(`(${colorStart}\\[\\d+m)`);

/** So many characters of a text, its colors not counted. */
function cut(text: string, width: number): string {
  let [shown, rest] = ["", width];
  for (const part of text.split(color)) {
    const isColor = part.startsWith("\x1b");
    shown += isColor ? part : part.slice(0, rest);
    if (!isColor) rest = Math.max(0, rest - part.length);
  }
  return shown;
}

/** Cells of the bar: with loss and accuracy the line has 80 characters. */
const barWidth = 12;

/** `━━━━╸━━━━`: the done part cyan, half cells rounded down, the rest dim (or absent without colors). */
export function bar(share: number, { colors }: Pick<Screen, "colors">): string {
  const halves = Math.floor(Math.min(1, Math.max(0, share)) * 2 * barWidth);
  const done = "━".repeat(halves >> 1) + (halves % 2 ? "╸" : "");
  const rest = barWidth - done.length;
  return colors
    ? `\x1b[36m${done}\x1b[39m\x1b[2m${"━".repeat(rest)}\x1b[22m`
    : done + " ".repeat(rest);
}

/** 3.2 s, 42 s, 2 m 05 s, 1 h 02 m: two digits are enough to wait by. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  const two = (n: number) => String(n).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${two(Math.floor(whole / 60) % 60)}m`;
}

/** Four digits after the point, or powers of ten where those would say nothing. */
const number = (x: number): string =>
  x !== 0 && (Math.abs(x) < 1e-3 || Math.abs(x) >= 1e5) ? x.toExponential(2) : x.toFixed(4);

/** `loss: 0.2104 - accuracy: 0.9388`. The learning rate is left to the history. */
export const showLogs = ({ lr: _, ...logs }: Logs): string =>
  Object.entries(logs)
    .map(([name, x]) => `${name}: ${number(x)}`)
    .join(" - ");
