/** The inputs of `predict`, prepared as in training. */
import { DataError, type HostArray, show } from "../../base/index.ts";
import {
  completeRows,
  type Preparation,
  type PrepareTableOptions,
  prepareImages,
  prepareInputs,
  prepareSound,
  prepareText,
  readTable,
  readTableFor,
  type Table,
} from "../../data/index.ts";

/** The source of an example. */
export interface Example {
  readonly source: string;
  /** For a table: the row, from 1, not counting the header. */
  readonly row?: number;
}

/** Examples, and the inputs of those that are complete. */
export interface Examples {
  readonly examples: readonly Example[];
  /** Indices of the complete ones, in the order of `inputs`. */
  readonly complete: Int32Array;
  /** `[N, ...]` */
  readonly inputs: HostArray;
  readonly notes: readonly string[];
}

/** @throws {DataError} if the input is of another kind than in training. */
export async function readExamples(
  preparation: Preparation,
  input: string,
  options: PrepareTableOptions = {},
): Promise<Examples> {
  const from = input === "-" ? await standardInput() : input;
  const name = input === "-" ? "standard input" : input;
  const { kind } = preparation.inputs;
  if (kind === "table")
    return ofTable(preparation, await readTableFor(preparation, from, { name }), options);
  if (kind === "arrays") return ofNumbers(preparation, await readTable(from, { name }));
  const prepare = { images: prepareImages, sound: prepareSound, text: prepareText }[kind];
  const { names, inputs, notes } = await prepare(preparation, from);
  return {
    examples: names.map((source) => ({ source: source === "-" ? name : source })),
    complete: Int32Array.from(names, (_, n) => n),
    inputs,
    notes,
  };
}

async function standardInput(): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of process.stdin) pieces.push(piece as Uint8Array);
  return Buffer.concat(pieces);
}

const rowsOf = ({ source, size }: Table): Example[] =>
  Array.from({ length: size }, (_, n) => ({ source, row: n + 1 }));

function ofTable(preparation: Preparation, table: Table, options: PrepareTableOptions): Examples {
  const { rows, gaps } = completeRows(preparation, table, { target: false });
  const lost = table.size - rows.length;
  const names = [...gaps.keys()].map((name) => `\`${name}\``).join(", ");
  return {
    examples: rowsOf(table),
    complete: rows,
    inputs: prepareInputs(preparation, table, rows, options),
    notes:
      lost === 0
        ? []
        : [`${lost} of ${table.size} rows have no prediction, as ${names} is missing in them`],
  };
}

/** Points of a toy: a table of as many numbers per row as an example has. */
function ofNumbers({ inputShape }: Preparation, table: Table): Examples {
  const width = inputShape.reduce((a, b) => a * b, 1);
  const columns = table.columns.filter((column) => column.type === "number");
  if (columns.length !== width || table.columns.length !== width)
    throw new DataError({
      subject: table.source,
      problem: `the network takes examples of ${show(inputShape)}, and the table has ${table.columns.length} columns, ${columns.length} of them numbers.`,
      fix: `give ${width} numbers per row.`,
    });
  const data = new Float32Array(table.size * width);
  columns.forEach(({ name, values }, k) => {
    const gap = values.findIndex((x) => !Number.isFinite(Math.fround(x)));
    if (gap >= 0)
      throw new DataError({
        subject: table.source,
        problem: `line ${table.lines[gap]}, column "${name}": ${Number.isNaN(values[gap]) ? "the value is missing" : `${values[gap]} is not a number that float32 holds`}.`,
        fix: "correct the cell.",
      });
    for (let n = 0; n < table.size; n++) data[n * width + k] = values[n]!;
  });
  return {
    examples: rowsOf(table),
    complete: Int32Array.from({ length: table.size }, (_, n) => n),
    inputs: { dtype: "float32", shape: [table.size, ...inputShape], data },
    notes: [],
  };
}
