/** Calls of the public API with random operands: every dtype, and shapes that are empty, of size 1 or strided. */
import {
  allocate,
  type DType,
  dtypes,
  numeric,
  type RandomStream,
  type Shape,
  sizeOf,
} from "../../src/base/index.ts";
import {
  avgPool,
  concat,
  conv,
  convTranspose,
  fromHost,
  maxPool,
  maxPoolWithIndices,
  oneHot,
  pad,
  scatterAdd,
  stack,
  type Tensor,
  topK,
  where,
} from "../../src/tensor/index.ts";

/** Where a call's operands come from. */
export class Draw {
  readonly random: RandomStream;

  constructor(random: RandomStream) {
    this.random = random;
  }

  int(below: number): number {
    return this.random.integer(below);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(list.length)]!;
  }

  /** Mostly small sizes, sometimes none or one, sometimes longer than a vector or a row of blocks. */
  size(): number {
    return this.pick([0, 1, 1, 2, 3, 3, 4, 5, 7, 9, 17, 33, 70]);
  }

  shape(least = 0, most = 4): Shape {
    const shape = Array.from({ length: least + this.int(most - least + 1) }, () => this.size());
    while (sizeOf(shape) > 3000) shape[shape.indexOf(Math.max(...shape))] = 2;
    return shape;
  }

  /** A shape that broadcasts with the other. */
  beside(shape: Shape): Shape {
    const tail = shape.slice(this.int(3) === 0 ? this.int(shape.length + 1) : 0);
    return tail.map((n) => (this.int(4) === 0 ? 1 : n));
  }

  /** Numbers that float32 holds, and whose sums and products it holds too: eighths, and special ones. */
  value(dtype: DType): number {
    if (dtype === "bool") return this.int(2);
    if (dtype === "int32")
      return this.int(30) === 0 ? this.pick([2 ** 31 - 1, -(2 ** 31), 65_537]) : this.int(41) - 20;
    if (this.int(40) === 0)
      return this.pick([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0]);
    return (this.int(49) - 24) / 8;
  }

  /** Data of this very shape, row by row in memory. */
  dense(shape: Shape, dtype: DType, value = () => this.value(dtype)): Tensor {
    const data = allocate(dtype, sizeOf(shape));
    for (let i = 0; i < data.length; i++) data[i] = value();
    return fromHost({ dtype, shape: [...shape], data });
  }

  /** A tensor of this shape that shows its data through up to three views. */
  strided(shape: Shape, dtype: DType, value?: () => number): Tensor {
    const views = this.int(4);
    const undo: ((x: Tensor) => Tensor)[] = [];
    let base = [...shape];
    for (let i = 0; i < views; i++) {
      const next = this.#view(base);
      base = next.base;
      undo.unshift(next.show);
    }
    return undo.reduce((x, show) => show(x), this.dense(base, dtype, value));
  }

  /** A shape, and the view that shows it as `shape`. */
  #view(shape: readonly number[]): { base: number[]; show: (x: Tensor) => Tensor } {
    const rank = shape.length;
    const axis = rank > 0 ? this.int(rank) : 0;
    const n = shape[axis] ?? 1;
    const changed = (size: number) => shape.map((d, i) => (i === axis ? size : d));
    switch (rank === 0 ? 5 : this.int(7)) {
      case 0: {
        const perm = shape.map((_, i) => i);
        for (let i = rank - 1; i > 0; i--) {
          const j = this.int(i + 1);
          [perm[i], perm[j]] = [perm[j]!, perm[i]!];
        }
        const base = shape.map(() => 0);
        perm.forEach((from, to) => {
          base[from] = shape[to]!;
        });
        return { base, show: (x) => x.transpose(perm) };
      }
      case 1:
        return { base: [...shape], show: (x) => x.flip(axis) };
      case 2: {
        const [start, step] = [this.int(3), 1 + this.int(3)];
        const range = [start, start + n * step, step] as const;
        const ranges = shape.map((_, i) => (i === axis ? range : null));
        return { base: changed(start + n * step), show: (x) => x.slice(...ranges) };
      }
      case 3:
        return { base: changed(1), show: (x) => x.broadcastTo(shape) };
      case 4:
        return { base: shape.slice(axis), show: (x) => x.broadcastTo(shape) };
      case 5:
        return { base: [...shape, 1], show: (x) => x.squeeze(rank) };
      default:
        return { base: [sizeOf(shape)], show: (x) => x.reshape(shape) };
    }
  }

  dtype(of: readonly DType[] = dtypes): DType {
    return this.pick(of);
  }

  /** Any tensor. */
  any(of: readonly DType[] = dtypes, least = 0, most = 4): Tensor {
    return this.strided(this.shape(least, most), this.dtype(of));
  }

  axis(x: { rank: number }): number {
    return this.int(x.rank) - (this.int(2) === 0 ? x.rank : 0);
  }

  axes(x: { rank: number }): { axis?: number | number[]; keepDims: boolean } {
    const keepDims = this.int(2) === 0;
    if (this.int(4) === 0) return { keepDims };
    return { axis: [...Array(x.rank).keys()].filter(() => this.int(2) === 0), keepDims };
  }

  /** Indices below a bound, of this shape. */
  indices(shape: Shape, below: number): Tensor {
    return this.strided(shape, "int32", () => this.int(Math.max(1, below)));
  }
}

/** A call, with how far float32 and float64 may be off, relative to the largest result. */
export interface Call {
  readonly make: (draw: Draw) => Tensor | readonly Tensor[];
  readonly float32: number;
  readonly float64: number;
}

const real: readonly DType[] = ["float32", "float64"];
const exact = { float32: 0, float64: 0 };
/** One rounding, or few; elementary functions are off by up to 2.6 units of the last place. */
const close = { float32: 1e-6, float64: 2e-15 };
/** Several roundings that add up. */
const loose = { float32: 1e-5, float64: 1e-13 };

type Make = Call["make"];

const binary =
  (name: string, of?: readonly DType[]): Make =>
  (draw) => {
    const x = draw.any(of);
    const dtype = draw.int(3) === 0 ? draw.dtype(of) : x.dtype;
    const y =
      draw.int(5) === 0 ? draw.pick([0, 1, 2, -3, 0.5]) : draw.strided(draw.beside(x.shape), dtype);
    return (x as unknown as Record<string, (y: unknown) => Tensor>)[name]!(y);
  };
const unary =
  (name: string, of?: readonly DType[]): Make =>
  (draw) =>
    (draw.any(of) as unknown as Record<string, () => Tensor>)[name]!();
const reduction =
  (name: string, of?: readonly DType[]): Make =>
  (draw) => {
    const x = draw.any(of);
    return (x as unknown as Record<string, (options: unknown) => Tensor>)[name]!(draw.axes(x));
  };
const alongAxis =
  (f: (x: Tensor, axis: number, draw: Draw) => Tensor, of?: readonly DType[]): Make =>
  (draw) => {
    const x = draw.any(of, 1);
    return f(x, draw.axis(x), draw);
  };

const group = (tolerance: Omit<Call, "make">, makes: Record<string, Make>): [string, Call][] =>
  Object.entries(makes).map(([name, make]) => [name, { make, ...tolerance }]);
const named = (names: string, make: (name: string) => Make) =>
  Object.fromEntries(names.split(" ").map((name) => [name, make(name)]));

/** Images `[N, C, …]` with a filter that fits, perhaps of no images or no channels. */
function images(draw: Draw): { x: Tensor; size: number[]; rank: number } {
  const rank = 1 + draw.int(2);
  const size = Array.from({ length: rank }, () => 1 + draw.int(3));
  const lead = [draw.pick([0, 1, 2, 3]), draw.pick([1, 2, 4])];
  const shape = [...lead, ...size.map((k) => k + draw.int(6))];
  return { x: draw.strided(shape, draw.dtype(real), () => (draw.int(17) - 8) / 4), size, rank };
}

const pooled =
  (
    f: (
      x: Tensor,
      options: { size: number[]; stride: number; padding: number },
    ) => Tensor | Tensor[],
  ): Make =>
  (draw) => {
    const { x, size } = images(draw);
    const padding = Math.min(draw.int(2), Math.floor(Math.min(...size) / 2));
    return f(x, { size, stride: 1 + draw.int(3), padding });
  };

export const calls: ReadonlyMap<string, Call> = new Map([
  ...group(exact, {
    ...named("maximum minimum", (name) => binary(name)),
    ...named("equal notEqual less lessEqual greater greaterEqual", (name) => binary(name)),
    ...named("logicalAnd logicalOr", (name) => binary(name, ["bool"])),
    ...named("neg abs sign square floor ceil round relu isNaN isFinite", (name) => unary(name)),
    logicalNot: unary("logicalNot", ["bool"]),
    ...named("max min any all", (name) => reduction(name)),
    ...named("sum prod", (name) => reduction(name, ["int32", "bool"])),
    clip: (draw) => draw.any().clip(-1, 1.5),
    cast: (draw) => draw.any().cast(draw.dtype()),
    flatten: unary("flatten"),
    transpose: unary("transpose"),
    argmax: alongAxis((x, axis) => x.argmax({ axis })),
    argmin: alongAxis((x, axis) => x.argmin({ axis })),
    "cumsum of integers": alongAxis(
      (x, axis, draw) => x.cumsum({ axis, reverse: draw.int(2) === 0 }),
      ["int32"],
    ),
    argsort: alongAxis(
      (x, axis, draw) => x.argsort({ axis, descending: draw.int(2) === 0 }),
      numeric,
    ),
    sort: alongAxis((x, axis, draw) => x.sort({ axis, descending: draw.int(2) === 0 }), numeric),
    flip: alongAxis((x, axis) => x.flip(axis)),
    unsqueeze: (draw) => {
      const x = draw.any(undefined, 0, 3);
      return x.unsqueeze(draw.int(x.rank + 1));
    },
    slice: alongAxis((x, _, draw) =>
      x.slice(
        ...x.shape.map((n) =>
          draw.pick([null, [draw.int(3), n, 1 + draw.int(2)] as const, [0, n] as const]),
        ),
      ),
    ),
    "an element": (draw) => {
      const x = draw.any(undefined, 1);
      return x.shape[0]! > 0 ? x.slice(draw.int(x.shape[0]!)) : x;
    },
    pad: (draw) => {
      const x = draw.any(undefined, 1);
      return x.pad(
        x.shape.map(() => [draw.int(3), draw.int(3)] as const),
        draw.int(2),
      );
    },
    "pad by mode": (draw) => {
      const x = draw.any(real, 1);
      const widths = x.shape.map(
        (n) => [draw.int(Math.max(1, n)), draw.int(Math.max(1, n))] as const,
      );
      return pad(x, widths, { mode: draw.pick(["reflect", "replicate", "circular"] as const) });
    },
    take: alongAxis((x, axis, draw) =>
      x.take(draw.indices(x.shape.at(axis) === 0 ? [0] : draw.shape(1, 1), x.shape.at(axis)!), {
        axis,
      }),
    ),
    takeAlong: alongAxis((x, axis, draw) => {
      const at = (axis + x.rank) % x.rank;
      const shape = x.shape.map((n, i) => (i === at ? draw.size() : n));
      return x.takeAlong(draw.indices(x.shape[at] === 0 ? x.shape : shape, x.shape[at]!), { axis });
    }),
    topK: (draw) => {
      const x = draw.any(numeric, 1);
      const { values, indices } = topK(x, draw.int(x.shape.at(-1)! + 1));
      return [values, indices];
    },
    concat: alongAxis((x, axis, draw) => {
      const shape = x.shape.map((n, i) => (i === (axis + x.rank) % x.rank ? draw.size() : n));
      return concat([x, draw.strided(shape, x.dtype), x], { axis });
    }),
    stack: (draw) => {
      const x = draw.any(undefined, 0, 3);
      return stack([x, draw.strided(x.shape, x.dtype)], { axis: draw.int(x.rank + 1) });
    },
    where: (draw) => {
      const x = draw.any();
      return where(
        draw.strided(draw.beside(x.shape), "bool"),
        x,
        draw.strided(draw.beside(x.shape), x.dtype),
      );
    },
    oneHot: (draw) => oneHot(draw.indices(draw.shape(0, 3), 5), 5, { dtype: draw.dtype(numeric) }),
    scatterAdd: (draw) => {
      const shape = draw.shape(1, 3);
      const axis = draw.int(shape.length);
      return scatterAdd(draw.indices(shape, 4), draw.strided(shape, draw.dtype(numeric)), {
        axis,
        size: 4,
      });
    },
    maxPool: pooled((x, options) => maxPool(x, options)),
    maxPoolWithIndices: pooled((x, options) => Object.values(maxPoolWithIndices(x, options))),
    "matmul of integers": (draw) => {
      const [m, k, n] = [draw.size(), draw.size(), draw.size()];
      return draw.strided([m, k], "int32").matmul(draw.strided([k, n], "int32"));
    },
  }),
  ...group(close, {
    ...named("add sub mul", (name) => binary(name)),
    ...named("div", (name) => binary(name, ["int32", ...real])),
    ...named("floorDiv mod", (name) => binary(name, ["int32"])),
    ...named("sqrt rsqrt exp expm1 log log1p sin cos tanh sigmoid erf", (name) =>
      unary(name, real),
    ),
    leakyRelu: (draw) => draw.any(real).leakyRelu(0.25),
    avgPool: pooled((x, options) => avgPool(x, options)),
  }),
  ...group(loose, {
    ...named("sum mean variance std logSumExp", (name) => reduction(name, real)),
    softplus: unary("softplus", real),
    prod: (draw) => {
      const x = draw.strided(draw.shape(), draw.dtype(real), () => draw.pick([0.5, 1, -1, 2]));
      return x.prod(draw.axes(x));
    },
    pow: (draw) => {
      const x = draw.any(real);
      return x.pow(draw.strided(draw.beside(x.shape), x.dtype));
    },
    cumsum: alongAxis((x, axis, draw) => x.cumsum({ axis, reverse: draw.int(2) === 0 }), real),
    softmax: alongAxis((x, axis) => x.softmax(axis), real),
    logSoftmax: alongAxis((x, axis) => x.logSoftmax(axis), real),
    matmul: (draw) => {
      const batch = draw.shape(0, 2).map((n) => Math.min(n, 4));
      const [m, k, n] = [draw.size(), draw.size(), draw.size()];
      const dtype = draw.dtype(real);
      const side = (shape: Shape) => draw.strided(shape, dtype, () => (draw.int(17) - 8) / 4);
      if (draw.int(5) === 0) return side([k]).matmul(side([...batch, k, n]));
      if (draw.int(5) === 0) return side([...batch, m, k]).matmul(side([k]));
      return side([...batch, m, k]).matmul(side(draw.int(2) === 0 ? [k, n] : [...batch, k, n]));
    },
    conv: (draw) => {
      const { x, size } = images(draw);
      const w = draw.strided(
        [draw.pick([1, 2, 5]), x.shape[1]!, ...size],
        x.dtype,
        () => (draw.int(17) - 8) / 4,
      );
      return conv(x, w, { stride: 1 + draw.int(2), padding: draw.int(2), dilation: 1 });
    },
    convTranspose: (draw) => {
      const { x, size } = images(draw);
      const w = draw.strided(
        [x.shape[1]!, draw.pick([1, 2, 5]), ...size],
        x.dtype,
        () => (draw.int(17) - 8) / 4,
      );
      return convTranspose(x, w, { stride: 1 + draw.int(2) });
    },
  }),
]);
