/** Tables, and how they may be written. */
import type { Column } from "./columns.ts";
import type { MissingWords } from "./decide.ts";
import type { Decimal } from "./numbers.ts";

/** How a table is written; missing options are detected. */
export interface TableOptions {
  /** Whether the first row is a header. Default `"auto"`. */
  readonly header?: "auto" | boolean | undefined;
  /** The delimiter: a character, or `tab`, `space` for any run of spaces. */
  readonly delimiter?: string | undefined;
  /**
   * A label of the Encoding Standard, such as `latin1`. Default: by the byte order mark, else
   * UTF-8.
   */
  readonly encoding?: string | undefined;
  /** The decimal mark; the other one groups thousands. */
  readonly decimal?: Decimal | undefined;
  /** Words that mean missing values, in place of the usual ones: in all columns, or by column. */
  readonly na?: MissingWords | undefined;
  /** Column types by name: `"number"` or `"text"`. */
  readonly types?: Readonly<Record<string, "number" | "text">> | undefined;
  /** Columns to skip, by name or index. */
  readonly drop?: readonly (string | number)[] | undefined;
  /**
   * The table that this one belongs to: options that are not given or detected are taken from it.
   */
  readonly like?: TableLike | undefined;
}

/** What a table takes from the one that a network was trained on. */
export interface TableLike {
  /** All its columns in order, used to read a table without names. */
  readonly layout: readonly string[];
  /** Whether these are names from a header. */
  readonly header: boolean;
  /** Those that are inputs, and the target. */
  readonly inputs: readonly string[];
  readonly target: string | null;
  /** Columns whose cells are texts, even if they look like numbers. */
  readonly texts: readonly string[];
  readonly decimal: Decimal;
  readonly given: GivenFormat;
}

/** The explicitly given options of how a table is written. */
export type GivenFormat = Omit<TableOptions, "drop" | "like">;

/** How a table was read: given or detected. Plain data. */
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
  /** Number of rows, without blank ones. */
  readonly size: number;
  /** The columns that were read, in the order of the file. */
  readonly columns: readonly Column[];
  /** The line of the file on which each row ends, from 1. */
  readonly lines: Int32Array;
  readonly format: TableFormat;
  /** What was decided, for people: a sentence each. */
  readonly notes: readonly string[];
}
