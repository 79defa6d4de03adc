/** Tables of JSON: an object per line, or a list of objects. */
import { FormatError } from "../../base/index.ts";
import { reasonOf } from "../../formats/files.ts";
import type { ValueColumns } from "./records.ts";
import type { TextSource } from "./text-source.ts";

/** The rows of a file, whose keys are the columns in the order of their appearance. */
export async function readJson(text: TextSource): Promise<ValueColumns> {
  const rows: Record<string, unknown>[] = [];
  const lines: number[] = [];
  let rest = "";
  let line = 0;
  let isList: boolean | undefined;
  const take = (piece: string) => {
    line++;
    if (piece.trim() === "") return;
    const row = parsed(piece, text.name, line);
    if (!isRecord(row)) throw bad(text.name, `line ${line} is no object`);
    rows.push(row);
    lines.push(line);
  };
  for await (const piece of text.pieces()) {
    rest += piece;
    isList ??= rest.trimStart() === "" ? undefined : rest.trimStart().startsWith("[");
    if (isList !== false) continue;
    const whole = rest.split("\n");
    rest = whole.pop()!;
    for (const each of whole) take(each);
  }
  if (!isList) {
    take(rest);
    return columnsOf("JSON lines", rows, Int32Array.from(lines));
  }
  const list = parsed(rest, text.name, undefined);
  if (!Array.isArray(list)) throw bad(text.name, "it is no list");
  const strange = list.findIndex((row) => !isRecord(row));
  if (strange >= 0) throw bad(text.name, `item ${strange} of the list is no object`);
  return columnsOf("JSON", list, undefined);
}

function columnsOf(
  kind: string,
  rows: readonly Record<string, unknown>[],
  lines: Int32Array | undefined,
): ValueColumns {
  const columns = new Map<string, unknown[]>();
  for (const [n, row] of rows.entries())
    for (const [name, value] of Object.entries(row)) {
      const values = columns.get(name) ?? new Array<unknown>(rows.length).fill(null);
      values[n] = value;
      columns.set(name, values);
    }
  return {
    ...{ kind, size: rows.length, lines },
    columns: [...columns].map(([name, values]) => ({ name, values })),
  };
}

function parsed(text: string, source: string, line: number | undefined): unknown {
  try {
    return JSON.parse(text, exact);
  } catch (thrown) {
    throw bad(
      source,
      `${line === undefined ? "it" : `line ${line}`} is not JSON (${reasonOf(thrown)})`,
    );
  }
}

/** Integers that a number would round, where the engine gives the digits. */
function exact(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  const digits = context?.source;
  if (typeof value !== "number" || digits === undefined || Number.isSafeInteger(value))
    return value;
  return /^-?\d+$/.test(digits) ? BigInt(digits) : value;
}

const isRecord = (x: unknown): x is Record<string, unknown> =>
  typeof x === "object" && x !== null && !Array.isArray(x);

const bad = (subject: string, problem: string): FormatError =>
  new FormatError({
    subject,
    problem: `this looks like a table in JSON, but ${problem}.`,
    fix: "write an object per line, as pandas' to_json(orient='records', lines=True), or a list of objects.",
  });
