/** Rows of kernel matrices, of which solvers ask for few. */
import { type Matrix, rowOf, rowsBetween } from "../input.ts";
import { type Kernel, kernelValues } from "./kernels.ts";

/** The kernel matrix of some examples, row by row. */
export interface KernelRows {
  readonly size: number;
  readonly diagonal: Float64Array;
  row(i: number): Float64Array;
}

/** So many bytes of kernels are kept. */
const mostBytes = 200e6;

/**
 * The kernel matrices of pairs of classes. Examples of one class meet those of all others, so that the kernels within a class are
 * computed once, by one product, as are those between two classes; where they do not fit, rows are made when they are asked for.
 */
export class PairKernels {
  readonly #kernel: Kernel;
  readonly #classes: readonly Matrix[];
  readonly #within = new Map<number, Float64Array>();
  readonly #fit: boolean;

  constructor(kernel: Kernel, classes: readonly Matrix[]) {
    this.#kernel = kernel;
    this.#classes = classes;
    const largest = classes.reduce((most, { rows }) => Math.max(most, rows), 0);
    const values = classes.reduce((sum, { rows }) => sum + rows * rows, largest * largest);
    this.#fit = 8 * values <= mostBytes;
  }

  /** Of the examples of the first class, then of the second. */
  of(first: number, second: number): KernelRows {
    const [a, b] = [this.#classes[first]!, this.#classes[second]!];
    if (!this.#fit) return new RowsOnDemand(this.#kernel, joined(a, b));
    const between = kernelValues(this.#kernel, a, b);
    return new RowsOfBlocks(this.#of(first), between, this.#of(second), a.rows, b.rows);
  }

  #of(c: number): Float64Array {
    const known = this.#within.get(c);
    if (known) return known;
    const own = kernelValues(this.#kernel, this.#classes[c]!, this.#classes[c]!);
    this.#within.set(c, own);
    return own;
  }
}

function joined(a: Matrix, b: Matrix): Matrix {
  const data = new Float64Array(a.data.length + b.data.length);
  data.set(a.data);
  data.set(b.data, a.data.length);
  return { rows: a.rows + b.rows, columns: a.columns, data };
}

/** [A B; Bᵀ C], put together row by row. */
class RowsOfBlocks implements KernelRows {
  readonly size: number;
  readonly diagonal: Float64Array;
  readonly #blocks: readonly [Float64Array, Float64Array, Float64Array];
  readonly #first: number;
  readonly #second: number;
  readonly #rows: (Float64Array | undefined)[];

  constructor(
    within: Float64Array,
    between: Float64Array,
    others: Float64Array,
    first: number,
    second: number,
  ) {
    this.size = first + second;
    this.#blocks = [within, between, others];
    [this.#first, this.#second] = [first, second];
    this.#rows = new Array(this.size);
    this.diagonal = Float64Array.from({ length: this.size }, (_, i) =>
      i < first ? within[i * (first + 1)]! : others[(i - first) * (second + 1)]!,
    );
  }

  row(i: number): Float64Array {
    this.#rows[i] ??= this.#join(i);
    return this.#rows[i];
  }

  #join(i: number): Float64Array {
    const [within, between, others] = this.#blocks;
    const [n, m] = [this.#first, this.#second];
    const row = new Float64Array(n + m);
    if (i < n) {
      row.set(within.subarray(i * n, (i + 1) * n));
      row.set(between.subarray(i * m, (i + 1) * m), n);
      return row;
    }
    const k = i - n;
    for (let j = 0; j < n; j++) row[j] = between[j * m + k]!;
    row.set(others.subarray(k * m, (k + 1) * m), n);
    return row;
  }
}

/** Rows that were used last, within {@link mostBytes}. */
class RowsOnDemand implements KernelRows {
  readonly size: number;
  readonly diagonal: Float64Array;
  readonly #x: Matrix;
  readonly #kernel: Kernel;
  readonly #most: number;
  readonly #rows = new Map<number, Float64Array>();

  constructor(kernel: Kernel, x: Matrix) {
    this.size = x.rows;
    this.#x = x;
    this.#kernel = kernel;
    this.#most = Math.max(2, Math.floor(mostBytes / (8 * x.rows)));
    this.diagonal = Float64Array.from({ length: x.rows }, (_, i) => {
      const one = { rows: 1, columns: x.columns, data: rowOf(x, i) };
      return kernelValues(kernel, one, one)[0]!;
    });
  }

  row(i: number): Float64Array {
    const known = this.#rows.get(i);
    if (known) this.#rows.delete(i); // moves it to the end: the first is the one that was used least lately
    const row = known ?? kernelValues(this.#kernel, rowsBetween(this.#x, i, i + 1), this.#x);
    if (this.#rows.size >= this.#most) this.#rows.delete(this.#rows.keys().next().value!);
    this.#rows.set(i, row);
    return row;
  }
}
