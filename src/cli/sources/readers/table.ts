import { cutRows } from "./parts.ts";
import { ofExamples, type Reader } from "./reader.ts";
import { readTableParts } from "./table-parts.ts";

export const tableReader: Reader = {
  name: "table",
  reads: "a table (CSV, other delimiters, JSON lines, Parquet, Arrow, gzip)",
  kind: "file",
  options: [
    ...ofExamples,
    ...(["target", "task", "drop", "missing", "other", "header", "delimiter", "encoding"] as const),
    ...(["decimal", "na", "types", "standardize", "scaleTarget"] as const),
  ],
  recognizes: ({ kind }) => (kind === "file" ? 1 : 0),
  read: ({ source }, options, stored) =>
    readTableParts(source, options, stored, (rows) => cutRows(source, rows)),
};
