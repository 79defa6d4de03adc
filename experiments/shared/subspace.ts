/** Angles between subspaces. */
import { tensor } from "gradus";
import { principalAngles } from "gradus/lab";

/** Vectors of one length. */
export type Columns = readonly Float64Array[];
export const dot = (a: Float64Array, b: Float64Array) =>
  a.reduce((sum, x, i) => sum + x * b[i]!, 0);

const rows = (vectors: Columns) =>
  tensor(
    vectors.map((v) => Array.from(v)),
    "float64",
  );

/** The largest principal angle between two spans, in degrees. */
export const largestAngle = (columns: Columns, basis: Columns): number =>
  (principalAngles(rows(columns), rows(basis)).at(-1)! * 180) / Math.PI;
