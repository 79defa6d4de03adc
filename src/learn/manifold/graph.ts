/** Symmetric sparse matrices, from the nearest neighbors of each row. */

/** For each row k neighbors with a weight each, `[N, k]`. */
export interface Directed {
  readonly k: number;
  readonly indices: Int32Array;
  readonly weights: Float64Array;
}

/**
 * Row i has the entries `starts[i]` … `starts[i + 1]`: their columns, ascending, and their values.
 */
export interface Sparse {
  readonly starts: Int32Array;
  readonly columns: Int32Array;
  readonly values: Float64Array;
}

/**
 * The symmetric matrix sᵢⱼ = combine(wᵢⱼ, wⱼᵢ), where w is 0 for rows that are not among the
 * nearest.
 *
 * @param combine symmetric, 0 for two zeros.
 */
export function symmetrized(w: Directed, combine: (a: number, b: number) => number): Sparse {
  const rows = w.indices.length / w.k;
  const back = transposed(w, rows);
  const starts = new Int32Array(rows + 1);
  const columns = new Int32Array(2 * w.indices.length);
  const values = new Float64Array(columns.length);
  const [out, into] = [new Float64Array(rows), new Float64Array(rows)];
  let count = 0;
  for (let i = 0; i < rows; i++) {
    for (let at = i * w.k; at < (i + 1) * w.k; at++) out[w.indices[at]!] = w.weights[at]!;
    for (let at = back.starts[i]!; at < back.starts[i + 1]!; at++)
      into[back.columns[at]!] = back.values[at]!;
    const first = count;
    for (let at = i * w.k; at < (i + 1) * w.k; at++) columns[count++] = w.indices[at]!;
    for (let at = back.starts[i]!; at < back.starts[i + 1]!; at++)
      if (out[back.columns[at]!] === 0) columns[count++] = back.columns[at]!;
    columns.subarray(first, count).sort();
    let kept = first;
    for (let at = first; at < count; at++) {
      const j = columns[at]!;
      const value = combine(out[j]!, into[j]!);
      [out[j], into[j]] = [0, 0];
      if (value === 0) continue;
      columns[kept] = j;
      values[kept++] = value;
    }
    count = kept;
    starts[i + 1] = count;
  }
  return { starts, columns: columns.slice(0, count), values: values.slice(0, count) };
}

/** The rows that have each column, ascending. */
function transposed({ k, indices, weights }: Directed, rows: number): Sparse {
  const starts = new Int32Array(rows + 1);
  for (const j of indices) starts[j + 1]!++;
  for (let i = 0; i < rows; i++) starts[i + 1]! += starts[i]!;
  const next = starts.slice();
  const columns = new Int32Array(indices.length);
  const values = new Float64Array(indices.length);
  for (let at = 0; at < indices.length; at++) {
    const to = next[indices[at]!]!++;
    columns[to] = Math.floor(at / k);
    values[to] = weights[at]!;
  }
  return { starts, columns, values };
}
