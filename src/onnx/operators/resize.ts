/** Images of another size. */
import { normalizeAxis } from "../../base/index.ts";
import { type Tensor, tensor } from "../../tensor/index.ts";
import type { Call, Operator } from "../call.ts";

/** What every axis is resized by. */
interface Law {
  readonly mode: string;
  readonly coordinates: string;
  readonly nearest: string;
  readonly cubic: number;
  readonly excludes: boolean;
  readonly antialias: boolean;
  readonly extrapolation: number;
}

interface Axis {
  readonly size: number;
  readonly out: number;
  readonly scale: number;
  readonly roi: readonly [number, number];
}

/** Neighbours of an output element and their weights; null outside, where a constant stands. */
type Taps = readonly (readonly [index: number, weight: number])[] | null;

/** Where output element i lies among the inputs. */
function position(i: number, { size, out, scale, roi }: Axis, coordinates: string): number {
  const wide = scale * size;
  switch (coordinates) {
    case "align_corners":
      return wide === 1 ? 0 : (i * (size - 1)) / (wide - 1);
    case "asymmetric":
      return i / scale;
    case "tf_crop_and_resize": {
      const span = (roi[1] - roi[0]) * (size - 1);
      return roi[0] * (size - 1) + (wide === 1 ? span / 2 : (i * span) / (wide - 1));
    }
    case "pytorch_half_pixel":
      return wide === 1 ? -0.5 : (i + 0.5) / scale - 0.5;
    case "half_pixel_symmetric":
      return (size / 2) * (1 - out / wide) + (i + 0.5) / scale - 0.5;
    default:
      return (i + 0.5) / scale - 0.5;
  }
}

const rounders: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** The weight of a neighbour at a distance. */
function weightAt(distance: number, { mode, cubic: a }: Law): number {
  const d = Math.abs(distance);
  if (mode === "linear") return Math.max(0, 1 - d);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

function tapsOf(i: number, axis: Axis, law: Law): Taps {
  const { size, scale } = axis;
  const x = position(i, axis, law.coordinates);
  if (law.coordinates === "tf_crop_and_resize" && (x < 0 || x > size - 1)) return null;
  const inside = (k: number) => Math.max(0, Math.min(size - 1, k));
  if (law.mode === "nearest") return [[inside(rounders[law.nearest]!(x)), 1]];
  const shrink = law.antialias ? Math.min(1, scale) : 1; // the window widens as the image gets smaller
  const reach = law.mode === "linear" ? 1 : 2;
  const first = Math.floor(-reach / shrink) + 1;
  const base = Math.floor(x);
  const taps = Array.from({ length: 2 - 2 * first }, (_, k): [number, number] => {
    const at = base + first + k;
    const isOut = law.excludes && (at < 0 || at >= size);
    return [at, isOut ? 0 : weightAt((at - x) * shrink, law)];
  });
  const total = law.excludes || law.antialias ? taps.reduce((sum, [, w]) => sum + w, 0) : 1;
  return taps.map(([at, w]) => [inside(at), w / total]);
}

/** x resized along one axis: the sum of as many gathers as a place has neighbours, or a product. */
function alongAxis(x: Tensor, at: number, axis: Axis, law: Law): Tensor {
  const taps = Array.from({ length: axis.out }, (_, i) => tapsOf(i, axis, law));
  const count = Math.max(...taps.map((t) => t?.length ?? 0), 1);
  const column = (k: number) => ({
    index: tensor(
      Int32Array.from(taps, (t) => t?.[k]?.[0] ?? 0),
      "int32",
    ),
    weights: taps.map((t) => t?.[k]?.[1] ?? 0),
  });
  const wide = (values: readonly number[]) =>
    tensor(Float64Array.from(values), "float64")
      .cast(x.dtype as "float32")
      .reshape([axis.out, ...x.shape.slice(at + 1).map(() => 1)]);
  const columns = Array.from({ length: count }, (_, k) => column(k));
  const isPlain = law.mode === "nearest" && taps.every(Boolean);
  const terms = columns.map(({ index, weights }) => {
    const taken = x.take(index, { axis: at });
    return isPlain ? taken : taken.mul(wide(weights));
  });
  const y = terms.reduce((a, b) => a.add(b));
  return taps.every(Boolean) ? y : y.add(wide(taps.map((t) => (t ? 0 : law.extrapolation))));
}

/** The axes of the node, and how each is resized. */
function axesOf(call: Call, x: Tensor): Map<number, Axis> {
  const isOld = call.version < 11;
  const roi = isOld ? undefined : call.floats(1);
  const scales = call.floats(isOld ? 1 : 2);
  const sizes = isOld ? undefined : call.numbers(3);
  const axes = (call.ints("axes") ?? x.shape.map((_, i) => i)).map((a) =>
    normalizeAxis("Resize", a, x.rank),
  );
  const policy = call.text("keep_aspect_ratio_policy", "stretch");
  const bySize = sizes?.length ? axes.map((a, i) => sizes[i]! / x.shape[a]!) : undefined;
  const common = bySize && (policy === "not_larger" ? Math.min(...bySize) : Math.max(...bySize));
  return new Map(
    axes.map((a, i) => {
      const size = x.shape[a]!;
      const span: [number, number] = roi?.length ? [roi[i]!, roi[i + axes.length]!] : [0, 1];
      if (!bySize) {
        const scale = scales![i]!;
        const isCrop = call.text("coordinate_transformation_mode", "") === "tf_crop_and_resize";
        const out = Math.floor(size * (isCrop ? span[1] - span[0] : 1) * scale);
        return [a, { size, out, scale, roi: span }];
      }
      if (policy === "stretch") return [a, { size, out: sizes![i]!, scale: bySize[i]!, roi: span }];
      return [a, { size, out: Math.floor(size * common! + 0.5), scale: common!, roi: span }];
    }),
  );
}

function resize(call: Call): Tensor {
  const x = call.t(0);
  const mode = call.text("mode", "nearest");
  const nearest = call.text("nearest_mode", call.version < 11 ? "floor" : "round_prefer_floor");
  if (!Object.hasOwn(rounders, nearest))
    throw call.error(`has an unknown nearest_mode "${nearest}".`);
  const law: Law = {
    mode: mode === "bilinear" || mode === "trilinear" ? "linear" : mode,
    // before version 11 there was one convention
    coordinates:
      call.version < 11 ? "asymmetric" : call.text("coordinate_transformation_mode", "half_pixel"),
    nearest,
    cubic: call.float("cubic_coeff_a", -0.75),
    excludes: call.int("exclude_outside", 0) === 1,
    antialias: call.int("antialias", 0) === 1,
    extrapolation: call.float("extrapolation_value", 0),
  };
  let y = x.dtype === "int32" && law.mode !== "nearest" ? x.cast("float64") : x;
  for (const [at, axis] of axesOf(call, x))
    if (axis.out !== axis.size || axis.scale !== 1) y = alongAxis(y, at, axis, law);
  return y.dtype === x.dtype ? y : y.cast(x.dtype);
}

/** Version 7 has the scales in an attribute. */
function upsample(call: Call): Tensor {
  const x = call.t(0);
  const scales = call.attribute("scales", "floats") ?? call.must(call.floats(1));
  const mode = call.text("mode", "nearest");
  const law = {
    mode: mode === "nearest" ? mode : "linear",
    coordinates: "asymmetric",
    nearest: "floor",
    cubic: -0.75,
    excludes: false,
    antialias: false,
    extrapolation: 0,
  };
  return scales.reduce((y, scale, at) => {
    const size = x.shape[at]!;
    const axis: Axis = { size, out: Math.floor(size * scale), scale, roi: [0, 1] };
    return scale === 1 ? y : alongAxis(y, at, axis, law);
  }, x);
}

export const resizeOperators: readonly Operator[] = [
  { name: "Resize", settings: [1, 2, 3], run: resize },
  { name: "Upsample", settings: [1], run: upsample },
];
