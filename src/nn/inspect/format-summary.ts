/** Summaries as tables of text. */
import { checkOptions, show } from "../../base/index.ts";
import type { Sizes, Summary, SummaryRow } from "./summary.ts";

interface Column {
  readonly title: string;
  /** Text is left-aligned, numbers are right-aligned. */
  readonly text?: boolean;
  /** Only in the wide table. */
  readonly wide?: boolean;
  readonly row: (row: SummaryRow) => string;
  readonly total?: (totals: Sizes) => string;
}

const count = (n: number): string => n.toLocaleString("en-US");
const kibibytes = (bytes: number): string =>
  (bytes / 1024).toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
/** 5×5; receptive fields after transposed convolutions have one decimal. */
const perAxis = (numbers: readonly number[] | undefined): string =>
  numbers ? numbers.map((n) => String(Math.round(10 * n) / 10)).join("×") : "–";

const number = (title: string, key: keyof Sizes, wide = false): Column => ({
  title,
  wide,
  row: (row) => count(row[key]),
  total: (totals) => count(totals[key]),
});
const memory = (title: string, key: keyof Sizes): Column => ({
  title,
  wide: true,
  row: (row) => kibibytes(row[key]),
  total: (totals) => kibibytes(totals[key]),
});

const columns: readonly Column[] = [
  { title: "layer", text: true, row: ({ path }) => path || "(model)", total: () => "total" },
  { title: "kind", text: true, row: ({ kind }) => kind },
  { title: "output", text: true, row: ({ outputShape }) => show(outputShape) },
  number("parameters", "parameters"),
  number("weights", "weights", true),
  number("units", "units"),
  number("connections", "connections"),
  number("training ×+", "trainingMultiplyAdds", true),
  memory("outputs KiB", "activationBytes"),
  memory("parameters KiB", "parameterBytes"),
  { title: "sees", row: ({ receptiveField }) => perAxis(receptiveField?.size) },
  { title: "jump", wide: true, row: ({ receptiveField }) => perAxis(receptiveField?.jump) },
];

/**
 * A summary as a table of text. "sees" is the size of the {@link receptiveField}.
 *
 * @param options `wide` adds weights, the multiply-adds of training, memory, and the fields' jump.
 * @example
 * formatSummary(summary(new Linear(4, 2), [4])).split("\n")[1]; // "(model)  Linear  [2]         10      2            8     4"
 */
export function formatSummary(
  { rows, totals }: Summary,
  options: { readonly wide?: boolean | undefined } = {},
): string {
  checkOptions("formatSummary", options, { wide: "boolean" });
  const { wide = false } = options;
  const shown = columns.filter((column) => wide || !column.wide);
  const table = [
    shown.map(({ title }) => title),
    ...rows.map((row) => shown.map((column) => column.row(row))),
    shown.map(({ total }) => total?.(totals) ?? ""),
  ];
  const widths = shown.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  const padded = (cell: string, i: number) =>
    shown[i]!.text ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!);
  return table.map((row) => row.map(padded).join("  ").trimEnd()).join("\n");
}
