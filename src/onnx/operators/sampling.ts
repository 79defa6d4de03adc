/** Images at places between their elements: grids, regions, deformed windows. */
import { sizeOf, stridesOf } from "../../base/index.ts";
import { arange, concat, stack, type Tensor, tensor, where } from "../../tensor/index.ts";
import type { Call, Operator } from "../call.ts";
import { perChannel } from "./convolutions.ts";
import { perAxis } from "./windows.ts";

/** What stands beyond the border. */
type Beyond = "zeros" | "border" | "reflection";

/** A position brought back by mirrors at `low` and `high`. */
function reflected(x: Tensor, low: number, high: number): Tensor {
  const span = high - low;
  if (span <= 0) return x.mul(0);
  const rest = x
    .sub(low)
    .abs()
    .mod(2 * span);
  return where(rest.greater(span), rest.neg().add(2 * span), rest).add(low);
}

/** Elements x[n, :, i…] `[N, C, P]` at whole positions `[N, P]`, one tensor for each axis. */
function at(
  x: Tensor,
  positions: readonly Tensor[],
  beyond: Beyond,
  alignCorners: boolean,
): Tensor {
  const [n, c, ...sizes] = x.shape as [number, number, ...number[]];
  const strides = stridesOf(sizes);
  const places = positions.map((p, k) => {
    const size = sizes[k]!;
    const [low, high] = alignCorners ? [0, size - 1] : [-0.5, size - 0.5];
    // a position beyond the mirror comes back between elements: it is cut off toward 0
    const back =
      beyond === "reflection"
        ? reflected(p, low, high)
            .clip(0, size - 1)
            .floor()
        : p;
    return back.clip(0, size - 1).cast("int32");
  });
  const flat = places.map((p, k) => p.mul(strides[k]!)).reduce((a, b) => a.add(b)); // [N, P]
  const index = flat.unsqueeze(1).broadcastTo([n, c, flat.shape[1]!]);
  const y = x.reshape([n, c, sizeOf(sizes)]).takeAlong(index, { axis: 2 });
  if (beyond !== "zeros") return y;
  const inside = positions
    .map((p, k) => p.greaterEqual(0).logicalAnd(p.lessEqual(sizes[k]! - 1)))
    .reduce((a, b) => a.logicalAnd(b));
  return where(inside.unsqueeze(1), y, 0);
}

/** Neighbours of a position along an axis, and their weights. */
type Taps = { place: Tensor; weight: Tensor | null }[];

function tapsOf(x: Tensor, mode: string): Taps {
  if (mode === "nearest") return [{ place: x.round(), weight: null }];
  const base = x.floor().stopGradient();
  const rest = x.sub(base);
  if (mode === "linear" || mode === "bilinear")
    return [
      { place: base, weight: rest.neg().add(1) },
      { place: base.add(1), weight: rest },
    ];
  const a = -0.75;
  const near = (d: Tensor) =>
    d
      .mul(a + 2)
      .sub(a + 3)
      .mul(d)
      .mul(d)
      .add(1);
  const far = (d: Tensor) =>
    d
      .mul(a)
      .sub(5 * a)
      .mul(d)
      .add(8 * a)
      .mul(d)
      .sub(4 * a);
  const other = rest.neg().add(1);
  return [
    { place: base.sub(1), weight: far(rest.add(1)) },
    { place: base, weight: near(rest) },
    { place: base.add(1), weight: near(other) },
    { place: base.add(2), weight: far(other.add(1)) },
  ];
}

/** x at positions `[N, P]` per axis: the weighted sum over all combinations of neighbours. */
export function sampled(
  x: Tensor,
  positions: readonly Tensor[],
  mode: string,
  beyond: Beyond,
  alignCorners: boolean,
  combine: (a: Tensor, b: Tensor) => Tensor = (a, b) => a.add(b),
): Tensor {
  let corners: { places: Tensor[]; weight: Tensor | null }[] = [{ places: [], weight: null }];
  for (const p of positions) {
    const taps = tapsOf(p, mode);
    corners = corners.flatMap(({ places, weight }) =>
      taps.map((tap) => ({
        places: [...places, tap.place],
        weight: weight && tap.weight ? weight.mul(tap.weight) : (weight ?? tap.weight),
      })),
    );
  }
  const terms = corners.map(({ places, weight }) => {
    const y = at(x, places, beyond, alignCorners);
    return weight ? y.mul(weight.unsqueeze(1)) : y;
  });
  return terms.reduce(combine);
}

/** Positions from −1 to 1 as positions of elements. */
const denormalized = (x: Tensor, size: number, alignCorners: boolean): Tensor =>
  alignCorners ? x.add(1).mul((size - 1) / 2) : x.add(1).mul(size).sub(1).div(2);

function gridSample(call: Call): Tensor {
  const [x, grid] = [call.t(0), call.t(1)];
  const [n, c, ...sizes] = x.shape as [number, number, ...number[]];
  const alignCorners = call.int("align_corners", 0) === 1;
  const beyond = call.text("padding_mode", "zeros") as Beyond;
  const out = grid.shape.slice(1, -1);
  const flat = grid.reshape([n, sizeOf(out), sizes.length]);
  // the grid names the last axis first
  const positions = sizes.map((size, k) => {
    const mode = call.text("mode", "linear");
    const p = denormalized(flat.slice(null, null, sizes.length - 1 - k), size, alignCorners);
    if (beyond === "border" && !/cubic/.test(mode)) return p.clip(0, size - 1);
    return beyond === "reflection" && !/cubic|nearest/.test(mode)
      ? reflected(p, alignCorners ? 0 : -0.5, alignCorners ? size - 1 : size - 0.5).clip(
          0,
          size - 1,
        )
      : p;
  });
  return sampled(x, positions, call.text("mode", "linear"), beyond, alignCorners).reshape([
    n,
    c,
    ...out,
  ]);
}

/** Places of a grid moved by a matrix per example. */
function affineGrid(call: Call): Tensor {
  const theta = call.t(0); // [N, r, r + 1]
  const [n, , ...sizes] = call.must(call.numbers(1)) as [number, number, ...number[]];
  const isAligned = call.int("align_corners", 0) === 1;
  const axes = sizes.map((d, k) => {
    const step = arange(d).cast(theta.dtype as "float32");
    const p = isAligned
      ? step.mul(d > 1 ? 2 / (d - 1) : 0).sub(d > 1 ? 1 : 0)
      : step.mul(2).add(1).div(d).sub(1);
    return p
      .reshape([d, ...sizes.slice(k + 1).map(() => 1)])
      .broadcastTo(sizes)
      .reshape([sizeOf(sizes)]);
  });
  const places = stack([...axes.reverse(), axes[0]!.mul(0).add(1)], { axis: 1 }); // [P, r + 1], last axis first
  return places.matmul(theta.transpose([0, 2, 1])).reshape([n, ...sizes, sizes.length]);
}

/** Regions of images, each cut into bins that are the mean or the largest of samples in them. */
function roiAlign(call: Call): Tensor {
  const [x, rois] = [call.t(0), call.t(1)];
  const batch = call.t(2).cast("int32");
  const [height, width] = [call.int("output_height", 1), call.int("output_width", 1)];
  const scale = call.float("spatial_scale", 1);
  const mode = call.text(
    "coordinate_transformation_mode",
    call.version < 16 ? "output_half_pixel" : "half_pixel",
  );
  const shift = mode === "half_pixel" ? 0.5 : 0;
  const bounds = Array.from(call.x(1).read().data as ArrayLike<number>);
  const outputs = Array.from({ length: rois.shape[0]! }, (_, i) => {
    const [x1, y1, x2, y2] = bounds.slice(4 * i, 4 * i + 4).map((v) => v * scale - shift) as [
      number,
      number,
      number,
      number,
    ];
    // the older convention has no region smaller than an element
    const [w, h] = shift ? [x2 - x1, y2 - y1] : [Math.max(x2 - x1, 1), Math.max(y2 - y1, 1)];
    const image = x.take(batch.slice([i, i + 1]));
    return roiBins(call, image, [y1, x1], [h / height, w / width], [height, width]);
  });
  return concat(outputs);
}

function roiBins(
  call: Call,
  image: Tensor,
  start: readonly [number, number],
  bin: readonly [number, number],
  out: readonly [number, number],
): Tensor {
  const ratio = call.int("sampling_ratio", 0);
  const counts = bin.map((size) => (ratio > 0 ? ratio : Math.max(1, Math.ceil(size)))) as [
    number,
    number,
  ];
  const sizes = image.shape.slice(2) as [number, number];
  const axis = (k: 0 | 1) =>
    Array.from({ length: out[k] * counts[k] }, (_, i) => {
      const p =
        start[k] +
        Math.floor(i / counts[k]) * bin[k] +
        ((i % counts[k]) + 0.5) * (bin[k] / counts[k]);
      return p < -1 || p > sizes[k] ? Number.NaN : Math.min(Math.max(p, 0), sizes[k] - 1);
    });
  const [ys, xs] = [axis(0), axis(1)];
  const pairs = ys.flatMap((y) => xs.map((x) => [y, x] as const));
  const isOut = pairs.map(([y, x]) => Number.isNaN(y) || Number.isNaN(x));
  const column = (k: 0 | 1) =>
    tensor([pairs.map((p, i) => (isOut[i] ? 0 : p[k]))]).cast(image.dtype as "float32");
  const isMax = call.text("mode", "avg") === "max";
  // the largest is that of the weighted neighbours, not of their sums, as the operator is defined
  const larger = isMax ? (a: Tensor, b: Tensor) => a.maximum(b) : undefined;
  const taken = sampled(image, [column(0), column(1)], "linear", "border", true, larger);
  const inside = where(tensor(isOut), 0, taken);
  const c = image.shape[1]!;
  const bins = inside.reshape([1, c, out[0], counts[0], out[1], counts[1]]);
  return call.text("mode", "avg") === "max"
    ? bins.max({ axis: [3, 5] })
    : bins.mean({ axis: [3, 5] });
}

/** A convolution whose windows take their elements from where offsets move them. */
function deformConv(call: Call): Tensor {
  const [x, w, offset] = [call.t(0), call.t(1), call.t(2)];
  const [n, c, ...sizes] = x.shape as [number, number, ...number[]];
  const kernel = w.shape.slice(2);
  const r = sizes.length;
  const [stride, dilation] = [perAxis(call, "strides", r), perAxis(call, "dilations", r)];
  const pads = call.ints("pads") ?? new Array<number>(2 * r).fill(0);
  const [groups, parts] = [call.int("group", 1), call.int("offset_group", 1)];
  const out = offset.shape.slice(2);
  const [taps, count] = [sizeOf(kernel), sizeOf(out)];
  const moved = offset.reshape([n, parts, taps, r, count]);
  const mask = call.optional(4)?.tensor.reshape([n, parts, taps, count]);
  const columns = Array.from({ length: parts }, (_, g) => {
    const images = x.slice(null, [(g * c) / parts, ((g + 1) * c) / parts]);
    const positions = sizes.map((_, k) => {
      const base = basePlaces(kernel, out, k, stride[k]!, dilation[k]!, pads[k]!).cast(
        x.dtype as "float32",
      );
      return base.add(moved.slice(null, g, null, k)).reshape([n, taps * count]);
    });
    const y = sampled(images, positions, "linear", "zeros", true).reshape([
      n,
      c / parts,
      taps,
      count,
    ]);
    return mask ? y.mul(mask.slice(null, [g, g + 1])) : y;
  });
  const all = concat(columns, { axis: 1 }).reshape([n, groups, (c / groups) * taps, count]);
  const weights = w.reshape([groups, w.shape[0]! / groups, (c / groups) * taps]);
  const y = weights.matmul(all).reshape([n, w.shape[0]!, ...out]);
  const b = call.optional(3)?.tensor;
  return b ? y.add(perChannel(b, y.rank)) : y;
}

/** Where each tap `[taps, places]` of a window lies along an axis. */
function basePlaces(
  kernel: readonly number[],
  out: readonly number[],
  k: number,
  stride: number,
  dilation: number,
  pad: number,
): Tensor {
  const along = (sizes: readonly number[], step: number) =>
    arange(sizes[k]!)
      .mul(step)
      .reshape([sizes[k]!, ...sizes.slice(k + 1).map(() => 1)])
      .broadcastTo(sizes)
      .reshape([sizeOf(sizes)]);
  return along(kernel, dilation).unsqueeze(1).add(along(out, stride)).sub(pad);
}

export const samplingOperators: readonly Operator[] = [
  { name: "GridSample", run: gridSample },
  { name: "AffineGrid", settings: [1], run: affineGrid },
  { name: "RoiAlign", settings: [1], run: roiAlign },
  { name: "DeformConv", run: deformConv },
];
