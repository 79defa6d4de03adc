/** Tensors over arrays in JavaScript memory. */
import { checkHost, DataError, DTypeError, describe, type HostArray } from "../base/index.ts";
import * as op from "../ops/index.ts";
import { backend } from "./engine.ts";
import { Tensor } from "./tensor.ts";

/**
 * A tensor that holds `array` itself, without a copy: do not write to the array afterwards. The
 * first asynchronous call that reads the tensor takes a copy, so that the array may be transferred
 * to another thread while the call runs.
 *
 * @throws {ShapeError} if the number of values does not match the shape. @throws {DTypeError} if
 *   the data have another dtype. @throws {DataError} for a byte of a bool other than 0 and 1;
 *   later, where the tensor is read, if the array's buffer was transferred before.
 */
export function fromHost(array: HostArray): Tensor {
  if (typeof array !== "object" || array === null || !("data" in array))
    throw new DataError({
      subject: "fromHost",
      problem: `got ${describe(array)}, not a host array.`,
      fix: "give { dtype, shape, data }, or read other values with tensor(…).",
    });
  const { shape, data, dtype } = array;
  const found = checkHost("fromHost", shape, data);
  if (dtype !== undefined && dtype !== found)
    throw new DTypeError({
      subject: "fromHost",
      problem: `the dtype is ${describe(dtype)}, but the data are ${describe(data)}, which is ${found}.`,
      fix: `say "${found}", and cast the tensor; tensor(data, dtype) converts the values.`,
    });
  return new Tensor(op.dataNode(backend().borrow(data), [...shape]));
}

/** {@link fromHost} for an array that nobody else holds: it need not be copied. */
export const keepHost = ({ shape, data }: HostArray): Tensor =>
  new Tensor(op.dataNode(backend().upload(data), shape));
