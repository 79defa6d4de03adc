/** Examples that are not images, in words. */
import { featuresOf, type NumberInput, type Preparation } from "../../../data/index.ts";
import { shownClass } from "../class-names.ts";

/** Columns shown per row. */
const mostFeatures = 8;
/** Characters of an example in a list. */
const mostLetters = 60;

export const clipped = (text: string): string =>
  text.length > mostLetters ? `${text.slice(0, mostLetters - 1)}…` : text;

const number = (x: number): string => String(Number(x.toPrecision(4)));

/** A prepared number in the units of its column; a rounding residue of 0 is 0. */
function ownUnits(x: number, { mean, std }: NumberInput): string {
  const value = x * std + mean;
  return Math.abs(value) < 1e-6 * std ? "0" : number(value);
}

/**
 * A text unchanged; the first columns of a table row in their own units; other numbers unchanged.
 */
export function inWords({ inputs }: Preparation, values: ArrayLike<number>): string {
  if (inputs.kind === "text")
    return JSON.stringify(Array.from(values, (k) => inputs.characters[k] ?? "").join(""));
  if (inputs.kind !== "table")
    return Array.from({ length: Math.min(values.length, mostFeatures) }, (_, i) =>
      number(values[i]!),
    ).join(", ");
  let at = 0;
  const words = inputs.columns.map((column) => {
    if (column.type === "number") return `${column.name} ${ownUnits(values[at++]!, column)}`;
    const from = at;
    at += column.categories.length;
    const chosen = column.categories.find((_, k) => values[from + k] === 1) ?? "other";
    return `${column.name} ${shownClass(chosen)}`;
  });
  return `${words.slice(0, mostFeatures).join(", ")}${words.length > mostFeatures ? ", …" : ""}`;
}

/** The name of each input. */
export const namesOfInputs = ({ inputs }: Preparation, count: number): readonly string[] =>
  inputs.kind === "table" ? featuresOf(inputs) : Array.from({ length: count }, (_, i) => `x${i}`);
