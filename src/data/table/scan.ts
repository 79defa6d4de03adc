/** The first pass over a table: counts what its columns contain, before anything is decided. */
import { affixOf, type Decimal, parseNumber, plain, readingOf, readPlain } from "./numbers.ts";
import type { Row } from "./tokens.ts";

/** A cell with the line on which its row ends. */
export interface Found {
  readonly text: string;
  readonly line: number;
}

/** A text of a column, its number of occurrences, and the first one. */
export interface WordCount {
  count: number;
  readonly line: number;
}

/** The most distinct texts of a column that are counted. */
const mostWords = 2000;
const zero = 0x30;

/** Counts of the kinds of cells in a column. */
export class ColumnScan {
  empty = 0;
  /**
   * Numbers by decimal mark: the same with either mark, with `.` only, with `,` only, different
   * with either.
   */
  readonly numbers = { any: 0, ".": 0, ",": 0, both: 0 };
  /** An example of each kind; for `both`, one with each mark. */
  readonly examples: { "."?: Found; ","?: Found; bothByDot?: Found; bothByComma?: Found } = {};
  /** Numbers with a fraction, whatever the mark. */
  fractions = 0;
  /** An integer that begins with 0, as codes do. */
  leadingZero: Found | undefined;
  /** An integer that float64 cannot represent. */
  inexact: Found | undefined;
  /** Currency signs and `%` on numbers. */
  readonly affixes = new Map<string, number>();
  /** Numbers with groups of three digits, by the separator; the space stands for all others. */
  readonly grouped: { "."?: Found; ","?: Found; " "?: Found } = {};
  /** Texts that are not numbers. */
  readonly words = new Map<string, WordCount>();
  /** The number of such cells, counted individually or not. */
  texts = 0;
  hasMoreWords = false;

  see(row: Row, k: number): void {
    const { text } = row;
    let from = row.starts[k]!;
    let to = row.ends[k]!;
    while (from < to && text.charCodeAt(from) <= 0x20) from++;
    while (to > from && text.charCodeAt(to - 1) <= 0x20) to--;
    if (from === to) this.empty++;
    else if (readPlain(text, from, to)) this.#seePlain(text, from, to, row.line);
    else this.seeText(row.cell(k), row.line);
  }

  #seePlain(text: string, from: number, to: number, line: number): void {
    const { fraction, whole } = plain;
    if (fraction < 0) {
      this.numbers.any++;
      if (whole > 1 && text.charCodeAt(to - whole) === zero)
        this.leadingZero ??= { text: text.slice(from, to), line };
      if (!plain.isExact) this.#checkExact(text.slice(from, to), line);
      return;
    }
    if (fraction > 0) this.fractions++;
    if (fraction === 3 && whole > 0 && whole <= 3 && text.charCodeAt(to - 4 - whole) !== zero) {
      this.numbers.both++;
      this.examples.bothByDot ??= { text: text.slice(from, to), line };
    } else {
      this.numbers["."]++;
      this.examples["."] ??= { text: text.slice(from, to), line };
    }
  }

  #checkExact(text: string, line: number): void {
    const value = Number(text);
    const bare = text.replace(/^\+/, "");
    if (Number.isSafeInteger(value) || this.inexact || String(value) === bare) return;
    const isExact = Number.isFinite(value) && BigInt(value) === BigInt(bare);
    if (!isExact) this.inexact = { text, line };
  }

  /** Counts a cell that is neither empty nor a plain number. */
  seeText(text: string, line: number): void {
    if (text === "") {
      this.empty++;
      return;
    }
    const word = this.words.get(text);
    if (word) {
      word.count++;
      this.texts++;
      return;
    }
    const reading = readingOf(text);
    if (reading === null) {
      this.texts++;
      if (this.words.size < mostWords) this.words.set(text, { count: 1, line });
      else this.hasMoreWords = true;
      return;
    }
    this.numbers[reading]++;
    if (reading === "both")
      this.examples[text.includes(",") ? "bothByComma" : "bothByDot"] ??= { text, line };
    else if (reading !== "any") this.examples[reading] ??= { text, line };
    const sign = affixOf(text);
    if (sign) this.affixes.set(sign, (this.affixes.get(sign) ?? 0) + 1);
    for (const [, mark] of text.matchAll(/\d([\s,.'’_])(?=\d{3}(?!\d))/gu))
      this.grouped[mark === "," || mark === "." ? mark : " "] ??= { text, line };
    const value = parseNumber(text, reading === "," ? "," : ".");
    if (!Number.isInteger(value)) this.fractions++;
  }

  /** How many cells are numbers with `mark` as decimal mark. */
  countNumbers(mark: Decimal): number {
    return this.numbers.any + this.numbers.both + this.numbers[mark];
  }
}
