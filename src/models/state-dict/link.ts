/** Tensors of PyTorch's, and the variables of ours that they hold. */
import { allocate, type HostArray, type Shape, sizeOf } from "../../base/index.ts";
import type { Parameter } from "../../nn/index.ts";
import type { Variable } from "../../tensor/index.ts";

/** Tensors of a file, and the variables that they hold together. */
export interface Link {
  /** Names in the file. */
  readonly names: readonly string[];
  /** The shape of each. */
  readonly shapes: readonly Shape[];
  readonly variables: readonly Variable[];
  /** The values of the variables, from those of the file. */
  readonly read: (theirs: readonly HostArray[]) => readonly HostArray[];
  /** The inverse of `read`. */
  readonly write: (ours: readonly HostArray[]) => readonly HostArray[];
}

/**
 * How a class is called in PyTorch, as its static `torch`.
 *
 * Without one, parts have the names of their fields, in snake_case.
 */
export interface TorchNames {
  /** Names by field, such as `{ norm: "ln_1" }`; "" for none. A path such as `"mlp.0"` is that of PyTorch. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Matrices that are stored transposed there. */
  readonly transposed?: readonly string[];
  /** Tensors there that say nothing here. */
  readonly ignored?: readonly string[];
}

/** One tensor, one variable. */
export const same = (name: string, variable: Variable): Link => ({
  ...{ names: [name], shapes: [variable.shape], variables: [variable] },
  read: (arrays) => arrays,
  write: (arrays) => arrays,
});

/** A matrix that is stored transposed. */
export const turned = (name: string, variable: Variable): Link => ({
  ...{ names: [name], shapes: [[...variable.shape].reverse()], variables: [variable] },
  read: (arrays) => arrays.map(transposed),
  write: (arrays) => arrays.map(transposed),
});

function transposed({ dtype, shape, data }: HostArray): HostArray {
  const [rows, columns] = shape as [number, number];
  const out = allocate(dtype, data.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j]!;
  return { dtype, shape: [columns, rows], data: out };
}

/** One tensor of several variables, one below the other. */
export const stacked = (name: string, variables: readonly Parameter[]): Link => {
  const row = variables[0]!.shape.slice(1);
  const heights = variables.map(({ shape }) => shape[0]!);
  const all = heights.reduce((a, b) => a + b, 0);
  return {
    ...{ names: [name], shapes: [[all, ...row]], variables },
    read: ([whole]) => {
      let at = 0;
      return heights.map((height) => {
        at += height;
        return rowsOf(whole!, at - height, at);
      });
    },
    write: (parts) => {
      const data = allocate(parts[0]!.dtype, all * sizeOf(row));
      let at = 0;
      for (const part of parts) {
        data.set(part.data, at);
        at += part.data.length;
      }
      return [{ dtype: parts[0]!.dtype, shape: [all, ...row], data }];
    },
  };
};

/** Rows `from` to `to` of an array, copied. */
export function rowsOf({ dtype, shape, data }: HostArray, from: number, to: number): HostArray {
  const width = sizeOf(shape.slice(1));
  return {
    ...{ dtype, shape: [to - from, ...shape.slice(1)] },
    data: data.slice(from * width, to * width),
  };
}
