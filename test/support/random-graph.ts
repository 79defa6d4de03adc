import { allocate, type DType, type Shape, sameShape, sizeOf } from "../../src/base/index.ts";
import {
  arange,
  concat,
  conv,
  fromHost,
  maxPool,
  type Tensor,
  tensor,
  where,
} from "../../src/tensor/index.ts";

/** A leaf of a random graph: the numbers that a test binds. */
export interface Leaf {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly values: readonly number[];
}

/** A random graph as data, so that a failing one can be printed, shrunk and made again. */
export interface Recipe {
  readonly leaves: readonly Leaf[];
  /** Each step picks a rule and its operands by number, modulo how many there are. */
  readonly steps: readonly Step[];
}

export interface Step {
  readonly rule: number;
  readonly operands: readonly [number, number];
  readonly choice: number;
}

type Rule = (x: Tensor, y: Tensor, choice: number) => Tensor;

/** A shape that numbers stay moderate under: every value is squashed where it may have grown. */
const calm = (x: Tensor): Tensor => (x.dtype === "int32" ? x.mod(1000) : x.tanh());
const axisOf = (x: Tensor, choice: number) => (x.rank === 0 ? [] : [choice % x.rank]);
const oneAxis = (x: Tensor, choice: number) => (x.rank === 0 ? 0 : choice % x.rank);
const isReal = (x: Tensor) => x.dtype === "float32" || x.dtype === "float64";

/** y brought to the dtype of x and a shape that broadcasts with x's. */
function fitting(y: Tensor, x: Tensor): Tensor {
  if (isReal(y) && !isReal(x)) return x; // a cast to integers would turn rounding into steps
  const same = y.cast(x.dtype);
  if (sameShape(y.shape, x.shape) || y.rank === 0) return same;
  const tail = x.shape.slice(x.rank - y.rank);
  if (y.rank <= x.rank && y.shape.every((d, i) => d === 1 || d === tail[i])) return same;
  return same.sum();
}

/** x with mean 0 and variance below 1 along some axes, as normalization layers have it. */
function normalized(x: Tensor, axis: number[]): Tensor {
  const along = { axis, keepDims: true };
  return x.sub(x.mean(along)).mul(x.variance(along).add(0.5).rsqrt());
}

/** Rules that are smooth in their float arguments, for derivatives. */
const smooth: readonly Rule[] = [
  (x, y) => calm(x.add(fitting(y, x))),
  (x, y) => calm(x.sub(fitting(y, x))),
  (x, y) => calm(x.mul(fitting(y, x))),
  (x, y) => (isReal(x) ? x.div(fitting(y, x).square().add(1)) : x.floorDiv(7)),
  (x) => calm(x.neg().add(isReal(x) ? 0.5 : 1)),
  (x) => (isReal(x) ? x.sin() : x.neg()),
  (x) => (isReal(x) ? x.cos().mul(0.7) : x.add(1)),
  (x) => (isReal(x) ? x.tanh().exp() : x.mul(3)),
  (x) => (isReal(x) ? x.square().add(0.5).log() : x.sub(2)),
  (x) => (isReal(x) ? x.square().add(1).sqrt() : x),
  (x) => (isReal(x) ? x.sigmoid() : x),
  (x) => (isReal(x) ? x.softplus() : x),
  (x) => (isReal(x) ? x.erf() : x),
  (x, _, choice) => calm(x.sum({ axis: axisOf(x, choice) })),
  (x, _, choice) => calm(x.sum({ axis: axisOf(x, choice), keepDims: true })),
  (x) => x.transpose(),
  (x, _, choice) => (x.rank > 0 ? x.flip(oneAxis(x, choice)) : x),
  (x) => x.reshape([x.size]),
  (x) => (x.rank < 4 ? x.unsqueeze(x.rank) : x.flatten()),
  (x) => (x.rank < 3 && x.size < 200 ? x.broadcastTo([2, ...x.shape]) : x),
  (x, _, choice) =>
    x.rank > 0
      ? x.slice(...x.shape.map((d, i) => [choice % (d || 1), d, 1 + ((choice + i) % 2)] as const))
      : x,
  (x, _, choice) =>
    x.size < 200 ? x.pad(x.shape.map((_, i) => [(choice + i) % 2, choice % 3] as const)) : x,
  (x, y, choice) => {
    if (x.rank === 0 || x.size > 200) return x;
    const axis = oneAxis(x, choice);
    return concat([x, fitting(y, x).broadcastTo(x.shape)], { axis });
  },
  (x, y) => {
    if (x.size === 0) return x;
    const matrix = x.rank >= 2 ? x : x.reshape([1, x.size]);
    const k = matrix.shape.at(-1)!;
    const right =
      y.rank >= 2 && y.shape.at(-2) === k && y.rank === 2 ? y.cast(x.dtype) : matrix.transpose();
    return calm(
      matrix.rank === 2
        ? matrix.matmul(right)
        : matrix.matmul(matrix.slice(...matrix.shape.slice(0, -2).map(() => 0)).transpose()),
    );
  },
  (x, _, choice) =>
    x.rank > 0 ? calm(x.cumsum({ axis: oneAxis(x, choice), reverse: choice % 2 === 0 })) : x,
  (x, _, choice) => {
    if (x.rank === 0 || x.size === 0) return x;
    const axis = oneAxis(x, choice);
    const indices = arange(4)
      .mul(choice % 7)
      .mod(x.shape[axis]!);
    return x.size < 200 ? x.take(indices, { axis }) : x;
  },
  (x, _, choice) => {
    if (!isReal(x) || x.rank !== 2 || x.shape[1]! < 3) return x;
    const kernel = tensor([[[0.5, -1, 0.25]]], x.dtype);
    return calm(
      conv(x.unsqueeze(1), kernel, { padding: choice % 2, stride: 1 + (choice % 3) }).squeeze(1),
    );
  },
  (x) => (isReal(x) && x.rank > 0 && x.shape.at(-1)! > 0 ? x.softmax() : x),
  (x, _, choice) => (isReal(x) && x.size > 0 ? normalized(x, axisOf(x, choice)) : x),
];

/** Rules with steps, kinks and other dtypes, for values only. */
const rough: readonly Rule[] = [
  (x, y) => x.maximum(fitting(y, x)),
  (x, y) => x.minimum(fitting(y, x)),
  (x) => x.abs(),
  (x) => x.relu(),
  (x) => x.sign(),
  (x, y) => where(x.less(fitting(y, x)), x, 0),
  (x) => (isReal(x) ? x.mul(8).floor() : x.floorDiv(3)),
  (x) => calm(isReal(x) ? x.mul(100).round().cast("int32") : x.cast("float32").mul(0.01)),
  (x, y) => x.equal(fitting(y, x)).cast(x.dtype),
  (x, _, choice) => (x.size > 0 ? x.max({ axis: axisOf(x, choice) }) : x),
  (x, _, choice) => (x.size > 0 ? x.min({ axis: axisOf(x, choice), keepDims: true }) : x),
  (x, _, choice) => (x.size > 0 && x.rank > 0 ? x.argmax({ axis: oneAxis(x, choice) }) : x),
  (x, _, choice) => (x.rank > 0 ? x.argsort({ axis: oneAxis(x, choice) }) : x),
  (x) =>
    isReal(x) && x.rank === 2 && x.shape[1]! >= 2
      ? maxPool(x.unsqueeze(1), { size: 2, stride: 1 }).squeeze(1)
      : x,
];

/** Makes the tensors of a recipe from its leaves: all of them, leaves first. `each` sees every new one. */
export function grow(
  recipe: Recipe,
  leaves: readonly Tensor[],
  kinds: "smooth" | "any",
  each: (x: Tensor) => Tensor = (x) => x,
): Tensor[] {
  const rules = kinds === "smooth" ? smooth : [...smooth, ...rough];
  const tensors = [...leaves];
  for (const { rule, operands, choice } of recipe.steps) {
    const [x, y] = operands.map(
      (n) => tensors[tensors.length - 1 - (n % Math.min(tensors.length, 8))]!,
    );
    const next = rules[rule % rules.length]!(x!, y!, choice);
    tensors.push(each(next.size > 4000 ? next.flatten().slice([0, 100]) : next));
  }
  return tensors;
}

export function leafTensor({ dtype, shape, values }: Leaf): Tensor {
  const data = allocate(dtype, sizeOf(shape));
  data.set(values);
  return fromHost({ dtype, shape, data });
}
