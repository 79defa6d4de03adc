/** Pooling over windows, over whole planes, and back. */
import { sizeOf, stridesOf } from "../../base/index.ts";
import * as op from "../../ops/index.ts";
import { ones, pad, scatterAdd, Tensor, tensor } from "../../tensor/index.ts";
import type { Call, Operator, Output } from "../call.ts";
import { padded } from "./movement.ts";
import { ceilExtra, perAxis, type Windows, windowsOf } from "./windows.ts";

interface Pooled extends Windows {
  /** What `ceil_mode` adds at the end of each axis. */
  readonly extra: readonly number[];
}

function pooledOf(call: Call, x: Tensor): Pooled {
  const sizes = x.shape.slice(2);
  const kernel = perAxis(call, "kernel_shape", sizes.length);
  const windows = windowsOf(call, sizes, kernel);
  const extra = call.int("ceil_mode", 0) ? ceilExtra(sizes, windows) : sizes.map(() => 0);
  return { ...windows, extra };
}

/** x with `value` around it, wide enough for every window. */
const around = (x: Tensor, { padding, extra }: Pooled, value: number): Tensor =>
  padded(
    x,
    [[0, 0], [0, 0], ...padding.map(([low, high], i): [number, number] => [low, high + extra[i]!])],
    "constant",
    value,
  );

/** The sum of each window. */
function sums(x: Tensor, pooled: Pooled): Tensor {
  const { size, stride, dilation } = pooled;
  const view = op.window(around(x, pooled, 0).node, { size, stride, dilation });
  return new Tensor(
    op.sum(
      view,
      size.map((_, i) => x.rank + i),
    ),
  );
}

/** The mean of each window; padding counts where `count_include_pad` says so, what ceil_mode adds never. */
function averagePool(call: Call): Tensor {
  const x = call.t(0);
  const pooled = pooledOf(call, x);
  const total = sums(x, pooled);
  const plane = ones([1, 1, ...x.shape.slice(2)], { dtype: x.dtype });
  if (!call.int("count_include_pad", 0)) return total.div(sums(plane, pooled));
  const wide = pad(plane, [[0, 0], [0, 0], ...pooled.padding], { value: 1 });
  return total.div(sums(wide, { ...pooled, padding: pooled.padding.map(() => [0, 0]) }));
}

/** The root of the mean p-th power. */
function lpPool(call: Call): Tensor {
  const x = call.t(0);
  const p = call.int("p", 2);
  return sums(x.abs().pow(p), pooledOf(call, x)).pow(1 / p);
}

/** The largest of each window, and its place in the whole input. */
function maxPool(call: Call): Output[] {
  const x = call.t(0);
  const { type } = call.x(0);
  const pooled = pooledOf(call, x);
  const { size, stride, dilation } = pooled;
  const low = x.dtype === "int32" ? -(2 ** 31) : Number.NEGATIVE_INFINITY;
  const wide = around(x, pooled, low);
  const geometry = { size, stride, dilation };
  const y = call.value(new Tensor(op.maxPool(wide.node, geometry)), type);
  if (!call.wants(1)) return [y];
  const places = new Tensor(op.winners(wide.node, geometry));
  return [y, call.value(unpadded(call, x, places, wide.shape.slice(2), pooled), "int64")];
}

/** Places in the padded plane as places in the whole input, row-major, or column-major within a plane. */
function unpadded(
  call: Call,
  x: Tensor,
  places: Tensor,
  wide: readonly number[],
  { padding }: Pooled,
): Tensor {
  const sizes = x.shape.slice(2);
  const from = stridesOf(wide);
  const isColumnMajor = call.int("storage_order", 0) === 1;
  const to = isColumnMajor ? [...stridesOf([...sizes].reverse())].reverse() : stridesOf(sizes);
  const inPlane = sizes
    .map((_, i) => places.floorDiv(from[i]!).mod(wide[i]!).sub(padding[i]![0]).mul(to[i]!))
    .reduce((a, b) => a.add(b));
  const [n, c] = x.shape as [number, number];
  const planes = ones([n * c], { dtype: "int32" })
    .cumsum()
    .sub(1)
    .mul(sizeOf(sizes));
  return inPlane.add(planes.reshape([n, c, ...sizes.map(() => 1)]));
}

/** Values back to where their maxima came from, 0 elsewhere. */
function maxUnpool(call: Call): Tensor {
  const [x, places] = [call.t(0), call.t(1)];
  const rank = x.rank - 2;
  const kernel = perAxis(call, "kernel_shape", rank);
  const stride = perAxis(call, "strides", rank);
  const pads = call.ints("pads") ?? new Array<number>(2 * rank).fill(0);
  const sizes = x.shape
    .slice(2)
    .map((n, i) => (n - 1) * stride[i]! + kernel[i]! - pads[i]! - pads[i + rank]!);
  const own = [...x.shape.slice(0, 2), ...sizes];
  // places count in the output that is asked for, or in the one that follows from the windows
  const shape = call.numbers(2) ?? own;
  const flat = scatterAdd(places.reshape([x.size]), x.reshape([x.size]), {
    axis: 0,
    size: sizeOf(own),
  });
  const y = flat.reshape(own);
  return padded(
    y,
    shape.map((d, i): [number, number] => [0, d - own[i]!]),
  );
}

const spatial = (x: Tensor): number[] => x.shape.slice(2).map((_, i) => i + 2);

function globalLpPool(call: Call): Tensor {
  const x = call.t(0);
  const p = call.int("p", 2);
  return x
    .abs()
    .pow(p)
    .sum({ axis: spatial(x), keepDims: true })
    .pow(1 / p);
}

/** Windows as columns put back into the image, added where they overlap. */
function col2im(call: Call): Tensor {
  const x = call.t(0);
  const [image, block] = [call.must(call.numbers(1)), call.must(call.numbers(2))];
  const rank = image.length;
  const { stride, dilation, padding } = windowsOf(call, image, block);
  const [n, rows, columns] = x.shape as [number, number, number];
  const channels = rows / sizeOf(block);
  const wide = image.map((d, i) => d + padding[i]![0] + padding[i]![1]);
  const counts = wide.map(
    (d, i) => Math.floor((d - dilation[i]! * (block[i]! - 1) - 1) / stride[i]!) + 1,
  );
  if (sizeOf(counts) !== columns)
    throw call.error(`has ${columns} columns for ${sizeOf(counts)} windows.`);
  const strides = stridesOf(wide);
  const at: number[] = [];
  const visit = (
    axis: number,
    sizes: readonly number[],
    step: readonly number[],
    base: number,
    leaf: (x: number) => void,
  ): void => {
    if (axis === rank) leaf(base);
    else
      for (let i = 0; i < sizes[axis]!; i++)
        visit(axis + 1, sizes, step, base + i * step[axis]! * strides[axis]!, leaf);
  };
  visit(0, block, dilation, 0, (base) => visit(0, counts, stride, base, (place) => at.push(place)));
  const index = tensor(Int32Array.from(at), "int32").broadcastTo([n, channels, at.length]);
  const y = scatterAdd(index, x.reshape([n, channels, at.length]), { axis: 2, size: sizeOf(wide) });
  return padded(y.reshape([n, channels, ...wide]), [
    [0, 0],
    [0, 0],
    ...padding.map(([a, b]): [number, number] => [-a, -b]),
  ]);
}

/** Local response normalisation over `size` neighbouring channels. */
function lrn(call: Call): Tensor {
  const x = call.t(0);
  const size = call.int("size", 1);
  const [alpha, beta, bias] = [
    call.float("alpha", 1e-4),
    call.float("beta", 0.75),
    call.float("bias", 1),
  ];
  const before = Math.floor((size - 1) / 2);
  const squares = x.square();
  const [n, c, ...rest] = x.shape as [number, number, ...number[]];
  const rows = squares
    .reshape([n, c, -1])
    .transpose([0, 2, 1])
    .pad([
      [0, 0],
      [0, 0],
      [before, size - 1 - before],
    ]);
  const view = op.window(rows.node, { size: [size], stride: [1], dilation: [1] });
  const total = new Tensor(op.sum(view, [3])).transpose([0, 2, 1]).reshape([n, c, ...rest]);
  return x.div(
    total
      .mul(alpha / size)
      .add(bias)
      .pow(beta),
  );
}

export const poolingOperators: readonly Operator[] = [
  { name: "AveragePool", run: averagePool },
  { name: "LpPool", run: lpPool },
  { name: "MaxPool", run: maxPool },
  { name: "MaxUnpool", settings: [2], run: maxUnpool },
  {
    name: "GlobalAveragePool",
    run: (call) => call.t(0).mean({ axis: spatial(call.t(0)), keepDims: true }),
  },
  {
    name: "GlobalMaxPool",
    run: (call) => call.t(0).max({ axis: spatial(call.t(0)), keepDims: true }),
  },
  { name: "GlobalLpPool", run: globalLpPool },
  { name: "Col2Im", settings: [1, 2], run: col2im },
  { name: "LRN", run: lrn },
];
