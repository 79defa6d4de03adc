/** Rows and cells of delimited text (RFC 4180), from a stream of chunks. */
import { FormatError } from "../../base/index.ts";

/** A row, by the positions of its cells in `text`. The same object is reused for every row. */
export class Row {
  text = "";
  /** Number of cells. */
  count = 0;
  /** The line on which it ends, from 1. */
  line = 0;
  starts = new Int32Array(64);
  ends = new Int32Array(64);
  /** 0 bare, 1 in quotes, 2 in quotes with doubled quotes inside. */
  quotes = new Uint8Array(64);

  add(start: number, end: number, quotes: number): void {
    const k = this.count++;
    if (k === this.starts.length) {
      this.starts = grown(this.starts, new Int32Array(2 * k));
      this.ends = grown(this.ends, new Int32Array(2 * k));
      this.quotes = grown(this.quotes, new Uint8Array(2 * k));
    }
    this.starts[k] = start;
    this.ends[k] = end;
    this.quotes[k] = quotes;
  }

  /** The text of a cell, without spaces around it. */
  cell(k: number): string {
    const text = this.text.slice(this.starts[k], this.ends[k]);
    return (this.quotes[k] === 2 ? text.replaceAll('""', '"') : text).trim();
  }

  /** Whether all cells are empty. */
  get isBlank(): boolean {
    for (let k = 0; k < this.count; k++)
      for (let i = this.starts[k]!; i < this.ends[k]!; i++)
        if (this.text.charCodeAt(i) > space) return false;
    return true;
  }
}

function grown<T extends Int32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

const [lf, cr, space, tab, quote] = [0x0a, 0x0d, 0x20, 0x09, 0x22];
/** A longer row has a quote that does not close. */
const longestRow = 1 << 24;

/**
 * Splits text into rows and passes each to `take`. Lines end in LF, CRLF or CR. A cell in quotes
 * may hold delimiters, line ends and doubled quotes; a quote inside a bare cell is an ordinary
 * character.
 *
 * @param delimiter one character; `" "` for any run of spaces and tabs.
 * @throws {FormatError} if a quote does not close, or something follows a closing quote.
 */
export class Tokenizer {
  readonly #delimiter: number;
  readonly #take: (row: Row) => void;
  readonly #source: string;
  readonly #row = new Row();
  #rest = "";
  #lines = 0;

  constructor(delimiter: string, source: string, take: (row: Row) => void) {
    this.#delimiter = delimiter.charCodeAt(0);
    this.#source = source;
    this.#take = take;
  }

  /** Adds the next chunk of the text. */
  write(piece: string): void {
    const text = this.#rest + piece;
    this.#rest = text.slice(this.#walk(text, false));
    if (this.#rest.length > longestRow) throw this.#open(this.#lines + 1);
  }

  /** Ends the text: the rest is the last row. */
  end(): void {
    if (this.#rest !== "") this.#walk(`${this.#rest}\n`, true);
    this.#rest = "";
  }

  /** Passes on the complete rows of `text`. @returns where the first incomplete row begins. */
  #walk(text: string, isLast: boolean): number {
    const row = this.#row;
    row.text = text;
    const delimiter = this.#delimiter;
    const bySpace = delimiter === space;
    const { length } = text;
    let begin = 0; // of the row
    let lines = 0; // inside its quotes
    let i = 0;
    row.count = 0;
    while (i < length) {
      if (bySpace || text.charCodeAt(i) === space)
        while (i < length && isGap(text.charCodeAt(i), delimiter)) i++;
      let c = text.charCodeAt(i);
      const start = i;
      if (c === quote) {
        const close = closing(text, i + 1);
        if (close < 0) {
          if (isLast) throw this.#open(this.#lines + 1);
          return begin;
        }
        const inner = text.slice(i + 1, close);
        lines += lineEnds(inner);
        row.add(i + 1, close, inner.includes('"') ? 2 : 1);
        i = close + 1;
        while (i < length && isGap(text.charCodeAt(i), delimiter)) i++;
        c = text.charCodeAt(i);
        if (i < length && c !== delimiter && c !== lf && c !== cr && !(bySpace && i > close + 1))
          throw this.#trailing(text, i, this.#lines + lines + 1);
        if (bySpace && i > close + 1 && c !== lf && c !== cr) continue;
      } else if (bySpace && (c === lf || c === cr)) {
        // spaces before the end of a line end no cell
      } else {
        while (i < length) {
          c = text.charCodeAt(i);
          if (c === delimiter || c === lf || c === cr || (bySpace && c === tab)) break;
          i++;
        }
        if (i < length) row.add(start, i, 0);
      }
      if (i >= length) break;
      i++;
      if (c !== lf && c !== cr) continue;
      if (c === cr) {
        if (i === length && !isLast) return begin; // LF may follow
        if (text.charCodeAt(i) === lf) i++;
      }
      this.#lines += lines + 1;
      row.line = this.#lines;
      this.#take(row);
      row.count = 0;
      lines = 0;
      begin = i;
    }
    return begin;
  }

  #open(line: number): FormatError {
    return new FormatError({
      subject: this.#source,
      problem: `a quote that opens on line ${line} or below does not close.`,
      fix: "close every quote, and double a quote inside quotes.",
    });
  }

  #trailing(text: string, at: number, line: number): FormatError {
    return new FormatError({
      subject: this.#source,
      problem: `line ${line}: ${JSON.stringify(text.slice(at, at + 10))} follows a closing quote.`,
      fix: "double a quote inside quotes, and put nothing between a closing quote and the delimiter.",
    });
  }
}

const isGap = (c: number, delimiter: number): boolean =>
  c === space || (c === tab && delimiter !== tab);

/** The position of the closing quote of a cell, or −1. */
function closing(text: string, from: number): number {
  for (let i = text.indexOf('"', from); i >= 0; i = text.indexOf('"', i + 2))
    if (text.charCodeAt(i + 1) !== quote) return i;
  return -1;
}

const lineEnds = (text: string): number => text.match(/\r\n|\n|\r/g)?.length ?? 0;
