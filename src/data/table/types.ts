/** What a table is, and how it may be written. */
import type { Column } from "./columns.ts";
import type { MissingWords } from "./decide.ts";
import type { Decimal } from "./numbers.ts";

/** How a table is written; what is left out, the table itself decides. */
export interface TableOptions {
  /** Whether the first row holds names. Default `"auto"`. */
  readonly header?: "auto" | boolean | undefined;
  /** What stands between cells: a character, or `tab`, `space` for any run of spaces. */
  readonly delimiter?: string | undefined;
  /** A label of the Encoding Standard, such as `latin1`. Default: by the file's mark, else UTF-8. */
  readonly encoding?: string | undefined;
  /** The mark before fractions; the other one groups thousands. */
  readonly decimal?: Decimal | undefined;
  /** Words that are missing values, instead of the usual ones: in all columns, or by column. */
  readonly na?: MissingWords | undefined;
  /** What columns hold, by name: `"number"` or `"text"`. */
  readonly types?: Readonly<Record<string, "number" | "text">> | undefined;
  /** Columns that are not read, by name or index. */
  readonly drop?: readonly (string | number)[] | undefined;
  /** The table that this one belongs to: what this one does not say of itself, that one does. */
  readonly like?: TableLike | undefined;
}

/** What is known of a table from the one that a network was trained on. */
export interface TableLike {
  /** All its columns in their order, by which a table without names is read. */
  readonly layout: readonly string[];
  /** Whether these are names of a header. */
  readonly header: boolean;
  /** Those that are inputs, and the one that is predicted. */
  readonly inputs: readonly string[];
  readonly target: string | null;
  /** Columns whose cells are texts, though they may look like numbers. */
  readonly texts: readonly string[];
  readonly decimal: Decimal;
  readonly given: GivenFormat;
}

/** What was said of how a table is written, and not decided. */
export type GivenFormat = Omit<TableOptions, "drop" | "like">;

/** How a table was read: what was given or decided. Plain data. */
export interface TableFormat {
  readonly delimiter: string;
  readonly header: boolean;
  readonly encoding: string;
  readonly decimal: Decimal;
  /** The names of all columns, in the order of the file. */
  readonly names: readonly string[];
  readonly given: GivenFormat;
}

/** A table in columns: numbers in float64, texts by category. */
export interface Table {
  /** The file, for errors. */
  readonly source: string;
  /** Its rows, blank ones left out. */
  readonly size: number;
  /** The columns that were read, in the order of the file. */
  readonly columns: readonly Column[];
  /** The line of the file on which each row ends, from 1. */
  readonly lines: Int32Array;
  readonly format: TableFormat;
  /** What was decided, for people: a sentence each. */
  readonly notes: readonly string[];
}
