/** Ops of the graph as nodes of ONNX. */
import { ConfigError, type DType } from "../../base/index.ts";
import type { Node } from "../../graph/index.ts";
import * as op from "../../ops/index.ts";
import { infoOf } from "../types.ts";
import type { GraphBuilder } from "./builder.ts";
import { convolution } from "./convolution.ts";
import { type Emitter, type Ref, sameSizes } from "./emitter.ts";
import { fixed, isOne, type Normalised, type Size, sameSize } from "./recording.ts";

/** The sizes of several values, broadcast. */
function broadcast(all: readonly (readonly Size[])[]): Size[] {
  const rank = Math.max(...all.map(({ length }) => length));
  return Array.from({ length: rank }, (_, i) => {
    const at = all.flatMap((sizes) => sizes[i - (rank - sizes.length)] ?? []);
    return at.find((size) => !isOne(size)) ?? at[0]!;
  });
}

/** Makes a value of the values of a node's inputs, all of which broadcast. */
type Scalar = (b: GraphBuilder, x: readonly string[], node: Node) => string;

const named =
  (name: string): Scalar =>
  (b, x) =>
    b.node(name, x);
const plus = (b: GraphBuilder, x: string, value: number, dtype: DType) =>
  b.node("Add", [x, b.scalar(value, dtype)]);
const isWhole = ({ dtype }: Node): boolean => dtype === "int32";

/** ⌊a/b⌋: of integers by way of the remainder, whose sign is the divisor's. */
const floorDiv: Scalar = (b, [x, y], node) =>
  isWhole(node)
    ? b.node("Div", [b.node("Sub", [x!, b.node("Mod", [x!, y!])]), y!])
    : b.node("Floor", [b.node("Div", [x!, y!])]);

const mod: Scalar = (b, [x, y], node) =>
  isWhole(node)
    ? b.node("Mod", [x!, y!])
    : b.node("Sub", [x!, b.node("Mul", [b.node("Floor", [b.node("Div", [x!, y!])]), y!])]);

/** a · b, and 0 where either is 0. */
const mulZero: Scalar = (b, [x, y], node) => {
  const zero = b.scalar(0, node.dtype);
  const isZero = b.node("Or", [b.node("Equal", [x!, zero]), b.node("Equal", [y!, zero])]);
  return b.node("Where", [isZero, zero, b.node("Mul", [x!, y!])]);
};

const cast: Scalar = (b, [x], node) =>
  node.inputs[0]!.dtype === node.dtype ? x! : b.node("Cast", [x!], { to: infoOf(node.dtype).code });

/** A product with a turned matrix and a list that is added to its rows are one operator. */
const add: Scalar = (b, x) => {
  for (const [product, bias] of [x, [...x].reverse()] as [string, string][]) {
    const made = b.maker(product, "MatMul");
    const turned = made && b.maker(made.input[1]!, "Transpose");
    const [list, matrix] = [
      b.initializers.get(bias),
      turned && b.initializers.get(turned.input[0]!),
    ];
    const isDense =
      list?.dims.length === 1 && matrix?.dims.length === 2 && b.isMatrix(made!.input[0]!);
    const biased = b.convolutionWithBias(product, bias);
    if (biased) return biased;
    if (isDense) return b.node("Gemm", [made!.input[0]!, turned!.input[0]!, bias], { transB: 1 });
  }
  return b.node("Add", x);
};

const where: Scalar = (b, x, node) => {
  const input = op.reluInput(node);
  return input ? b.node("Relu", [x[2]!]) : b.node("Where", x);
};

/** Elementwise ops by name. */
export const scalars: Readonly<Record<string, Scalar>> = {
  ...Object.fromEntries(
    Object.entries({
      ...{
        neg: "Neg",
        abs: "Abs",
        sign: "Sign",
        floor: "Floor",
        sqrt: "Sqrt",
        exp: "Exp",
        log: "Log",
      },
      ...{ sin: "Sin", cos: "Cos", tan: "Tan", asin: "Asin", acos: "Acos", atan: "Atan" },
      ...{
        sinh: "Sinh",
        cosh: "Cosh",
        tanh: "Tanh",
        asinh: "Asinh",
        acosh: "Acosh",
        atanh: "Atanh",
      },
      ...{ sigmoid: "Sigmoid", erf: "Erf", softplus: "Softplus", not: "Not" },
      ...{ sub: "Sub", mul: "Mul", div: "Div", pow: "Pow", max: "Max", min: "Min" },
      ...{ eq: "Equal", lt: "Less", le: "LessOrEqual", and: "And", or: "Or" },
    }).map(([name, operator]) => [name, named(operator)]),
  ),
  rsqrt: (b, x) => b.node("Reciprocal", [b.node("Sqrt", x)]),
  expm1: (b, x, { dtype }) => plus(b, b.node("Exp", x), -1, dtype),
  log1p: (b, [x], { dtype }) => b.node("Log", [plus(b, x!, 1, dtype)]),
  ...{ add, where, floorDiv, mod, mulZero, cast },
  identity: (_b, [x]) => x!,
  stopGradient: (_b, [x]) => x!,
};

/** Ops that are not elementwise, by their records. */
type Emit = (e: Emitter, node: Node) => Ref | string;

const reduce =
  (name: string): Emit =>
  (e, node) => {
    const x = node.inputs[0]!;
    const axes = op.axesOf(node.attrs);
    return e.b.node(name, [e.full(x), e.b.ints(axes)], { keepdims: 0 });
  };

/** The sum of windows is a mean that is not divided; windows of other reductions are gathered. */
const sum: Emit = (e, node) => {
  const [x] = node.inputs as [Node];
  const rank = x.op === op.windowOp ? (x.attrs.size as number[]).length : 0;
  const axes = op.axesOf(node.attrs);
  const isPooling =
    rank > 0 && axes.length === rank && axes.every((a, i) => a === x.shape.length - rank + i);
  if (
    !isPooling ||
    node.shape.length !== rank + 2 ||
    (x.attrs.dilation as number[]).some((d) => d !== 1)
  ) {
    if (x.op === op.windowOp && !e.has(x)) e.set(x, { name: gathered(e, x), sizes: e.sizes(x) });
    return reduce("ReduceSum")(e, node);
  }
  const { size, stride } = x.attrs as { size: number[]; stride: number[] };
  const mean = e.b.node("AveragePool", [e.full(x.inputs[0]!)], {
    kernel_shape: size,
    strides: stride,
  });
  const count = size.reduce((n, d) => n * d, 1);
  return count === 1 ? mean : e.b.node("Mul", [mean, e.b.scalar(count, node.dtype)]);
};

/** Windows as gathers: along each axis a matrix of places, then positions before taps. */
function gathered(e: Emitter, node: Node): string {
  const [x] = node.inputs as [Node];
  const { size, stride, dilation } = node.attrs as Record<string, number[]>;
  const rank = size!.length;
  const lead = x.shape.length - rank;
  let name = e.full(x);
  size!.forEach((taps, i) => {
    const places = node.shape[lead + i]!;
    const data = Int32Array.from(
      { length: places * taps },
      (_, k) => Math.floor(k / taps) * stride![i]! + (k % taps) * dilation![i]!,
    );
    const index = e.b.constant({ type: "int32", shape: [places, taps], data });
    name = e.b.node("Gather", [name, index], { axis: lead + 2 * i });
  });
  const perm = [
    ...Array(lead).keys(),
    ...size!.map((_, i) => lead + 2 * i),
    ...size!.map((_, i) => lead + 2 * i + 1),
  ];
  return e.transposed(name, perm);
}

/** An extreme of windows; padding by −∞ before it is the pooling's own. */
const maxPool: Emit = (e, node) => {
  const { size, stride, dilation } = node.attrs as Record<string, number[]>;
  const [x] = node.inputs as [Node];
  const lead = x.shape.length - size!.length;
  const [low, high, interior] = ["low", "high", "interior"].map(
    (name) => (x.attrs[name] ?? []) as number[],
  );
  const isOwn =
    x.op === op.padOp &&
    x.attrs.value === Number.NEGATIVE_INFINITY &&
    interior!.every((n) => n === 0) &&
    [...low!, ...high!].every((n, i) => {
      const axis = i % x.shape.length;
      return axis < lead ? n === 0 : n < size![axis - lead]!;
    });
  const pads = isOwn ? [...low!.slice(lead), ...high!.slice(lead)] : size!.flatMap(() => [0, 0]);
  const source = isOwn ? x.inputs[0]! : x;
  const attributes = { kernel_shape: size!, strides: stride!, dilations: dilation!, pads };
  if (lead === 2 && !isWhole(node)) return e.b.node("MaxPool", [e.full(source)], attributes);
  e.set(x, { name: e.full(x), sizes: e.sizes(x) });
  const windows = {
    ...node,
    inputs: [x],
    attrs: node.attrs,
    shape: [...node.shape, ...size!],
  } as unknown as Node;
  const axes = size!.map((_, i) => node.shape.length + i);
  return e.b.node("ReduceMax", [gathered(e, windows), e.b.ints(axes)], { keepdims: 0 });
};

const argExtreme =
  (name: string): Emit =>
  (e, node) => {
    const [x] = node.inputs as [Node];
    const axes = op.axesOf(node.attrs);
    const rest = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
    const all = e.sizes(x);
    const count = axes.reduce((n, a) => n * x.shape[a]!, 1);
    if (axes.some((a) => all[a]!.a !== 0)) throw unsupported(node, "an index within the batch");
    const kept = rest.map((i) => all[i]!);
    const turned = e.transposed(e.full(x), [...rest, ...axes]);
    const flat =
      axes.length === 1
        ? turned
        : e.reshaped(
            turned,
            [...kept, fixed(count)],
            [...rest, ...axes].map((i) => all[i]!),
          );
    const found = e.b.node(name, [flat], { axis: rest.length, keepdims: 0 });
    return e.b.node("Cast", [found], { to: infoOf("int32").code });
  };

const reshape: Emit = (e, node) => {
  const [x] = node.inputs as [Node];
  return e.reshaped(e.full(x), e.sizes(node), e.sizes(x));
};

/** New axes of size 1 where the node is wider: elementwise operators stretch them. */
const broadcastNode: Emit = (e, node) => {
  const [x] = node.inputs as [Node];
  const axes = op.axesOf(node.attrs);
  const own = [...e.sizes(x)];
  const sizes = node.shape.map((_, i) => (axes.includes(i) ? fixed(1) : own.shift()!));
  const lead = sizes.findIndex((_, i) => !axes.includes(i));
  const short = lead < 0 ? [] : sizes.slice(lead); // leading axes need not be there
  const from = e.sizes(x);
  return {
    name: sameSizes(short, from) ? e.full(x) : e.reshaped(e.full(x), short, from),
    sizes: short,
  };
};

const slice: Emit = (e, node) => {
  const [x] = node.inputs as [Node];
  const [start, size, step] = ["start", "size", "step"].map((name) =>
    e.recorded.listOf(node, name),
  ) as [Size[], Size[], Size[]];
  const all = e.sizes(x);
  const cut = all.flatMap((d, i) => (sameSize(d, size[i]!) ? [] : [i]));
  if (cut.length === 0) return e.full(x);
  const end = cut.map((i) => {
    const s = step[i]!.b;
    return { a: start[i]!.a + size[i]!.a * s, b: start[i]!.b + size[i]!.b * s };
  });
  const pick = (list: readonly Size[]) => e.b.sizes(cut.map((i) => list[i]!));
  return e.b.node("Slice", [e.full(x), pick(start), e.b.sizes(end), e.b.ints(cut), pick(step)]);
};

const pad: Emit = (e, node) => {
  const [x] = node.inputs as [Node];
  const { low, high, interior, value } = node.attrs as {
    low: number[];
    high: number[];
    interior: number[];
    value: number;
  };
  if (interior.some((n) => n !== 0)) throw unsupported(node, "padding between elements");
  const name = e.full(x);
  const isBool = node.dtype === "bool";
  const source = isBool ? e.b.node("Cast", [name], { to: infoOf("int32").code }) : name;
  const y = e.b.node("Pad", [
    source,
    e.b.ints([...low, ...high]),
    e.b.scalar(value, isBool ? "int32" : node.dtype),
  ]);
  return isBool ? e.b.node("Cast", [y], { to: infoOf("bool").code }) : y;
};

/** Batch axes of an operand may be missing or 1. */
const matmul: Emit = (e, node) => {
  const names = node.inputs.map((x) => {
    const [ref, sizes] = [e.ref(x), e.sizes(x)];
    const isWide = ref.sizes.length >= 2 && sameSizes(ref.sizes.slice(-2), sizes.slice(-2));
    return isWide ? ref : { name: e.full(x), sizes };
  });
  const y = e.b.node(
    "MatMul",
    names.map(({ name }) => name),
  );
  const [a, b] = names as [Ref, Ref];
  if (a.sizes.length === 2) e.b.noteMatrix(a.name);
  const lead = broadcast([a.sizes.slice(0, -2), b.sizes.slice(0, -2)]);
  return { name: y, sizes: [...lead, ...e.sizes(node).slice(-2)] };
};

const concat: Emit = (e, node) =>
  e.b.node(
    "Concat",
    node.inputs.map((x) => e.full(x)),
    { axis: node.attrs.axis as number },
  );

/** Indices that are the same along all other axes take whole slices. */
const gather: Emit = (e, node) => {
  const [x, index] = node.inputs as [Node, Node];
  const axis = node.attrs.axis as number;
  const axes = index.op === op.broadcastOp ? op.axesOf(index.attrs) : [];
  const isLine =
    index.op === op.broadcastOp && index.inputs[0]!.shape.length === 1 && !axes.includes(axis);
  if (isLine) return e.b.node("Gather", [e.full(x), e.full(index.inputs[0]!)], { axis });
  return e.b.node("GatherElements", [e.full(x), e.full(index)], { axis });
};

const scatterAdd: Emit = (e, node) => {
  const [index, updates] = node.inputs as [Node, Node];
  const zero = e.b.node("Expand", [e.b.scalar(0, node.dtype), e.b.sizes(e.sizes(node))]);
  const attributes = { axis: node.attrs.axis as number, reduction: "add" };
  return e.b.node("ScatterElements", [zero, e.full(index), e.full(updates)], attributes);
};

const cumsum: Emit = (e, node) => {
  const axis = e.b.scalar(node.attrs.axis as number, "int32");
  return e.b.node("CumSum", [e.full(node.inputs[0]!), axis], {
    reverse: Number(Boolean(node.attrs.reverse)),
  });
};

/** The index along an axis, in the other axes once. */
const iota: Emit = (e, node) => {
  const axis = node.attrs.axis as number;
  const sizes = e.sizes(node);
  const trailing = sizes.slice(axis + 1).map(() => fixed(1));
  const line = [sizes[axis]!, ...trailing];
  if (sizes[axis]!.a === 0) {
    const n = sizes[axis]!.b;
    const data = Int32Array.from({ length: n }, (_, i) => i);
    return {
      name: e.b.constant({ type: "int32", shape: [n, ...trailing.map(() => 1)], data }),
      sizes: line,
    };
  }
  const scalar = e.b.node("Squeeze", [
    e.b.node("Cast", [e.b.size(sizes[axis]!)], { to: infoOf("int32").code }),
  ]);
  const range = e.b.node("Range", [e.b.scalar(0, "int32"), scalar, e.b.scalar(1, "int32")]);
  return { name: e.reshaped(range, line, [sizes[axis]!]), sizes: line };
};

/** The value, if nothing is wrong: files have no checks. */
const check: Emit = (e, node) => e.ref(node.inputs[0]!);

const constant: Emit = (e, node) => ({
  name: e.b.scalar(node.attrs.value as number, node.dtype),
  sizes: [],
});

const unsupported = (node: Node, what = `the op "${node.op.name}"`): ConfigError =>
  new ConfigError({
    subject: "saveOnnx",
    problem: `${what} has no counterpart in ONNX.`,
    fix: "export a model without it, or the part of the model before it.",
  });

export const emitters = new Map<unknown, Emit>([
  [op.constantRecord, constant],
  [op.checkOp, check],
  [op.iotaOp, iota],
  [op.sumOp, sum],
  [op.maxOp, reduce("ReduceMax")],
  [op.minOp, reduce("ReduceMin")],
  [op.argmaxOp, argExtreme("ArgMax")],
  [op.argminOp, argExtreme("ArgMin")],
  [op.reshapeOp, reshape],
  [op.permuteOp, (e, node) => e.transposed(e.full(node.inputs[0]!), node.attrs.perm as number[])],
  [op.broadcastOp, broadcastNode],
  [op.sliceOp, slice],
  [op.flipOp, (e, node) => e.flipped(e.full(node.inputs[0]!), node.attrs.axes as number[])],
  [op.padOp, pad],
  [op.concatOp, concat],
  [op.matmulOp, matmul],
  [op.convOp, convolution],
  [op.maxPoolOp, maxPool],
  [op.gatherOp, gather],
  [op.scatterAddOp, scatterAdd],
  [op.cumsumOp, cumsum],
]);

/** A batch normalisation as one operator, so that it can be trained again where the file is read. */
function batchNorm(e: Emitter, node: Node, { layer, x }: Normalised): Ref {
  const nodes = new Map([...e.recorded.variables].map(([leaf, variable]) => [variable, leaf]));
  const own = [layer.weight, layer.bias, layer.runningMean, layer.runningVariance];
  const names = own.map((variable) => e.ref(nodes.get(variable)!).name);
  const attributes = { epsilon: layer.eps, momentum: 1 - layer.momentum };
  return {
    name: e.b.node("BatchNormalization", [e.full(x), ...names], attributes),
    sizes: e.sizes(node),
  };
}

/** Emits a node whose inputs were emitted. */
export function emit(e: Emitter, node: Node): void {
  if (e.has(node) || node.op === op.windowOp) return; // what reduces windows emits them
  const normalised = e.recorded.normalised.get(node);
  if (normalised) {
    e.set(node, batchNorm(e, node, normalised));
    return;
  }
  for (const x of node.inputs)
    if (x.op === op.windowOp && node.op !== op.sumOp)
      e.set(x, { name: gathered(e, x), sizes: e.sizes(x) });
  const scalar =
    Object.hasOwn(scalars, node.op.name) && !emitters.has(node.op)
      ? scalars[node.op.name]
      : undefined;
  if (scalar) {
    const refs = node.inputs.map((x) => e.ref(x));
    const name =
      node.op.name === "floor" && isWhole(node)
        ? refs[0]!.name
        : scalar(
            e.b,
            refs.map((r) => r.name),
            node,
          );
    e.set(node, { name, sizes: broadcast(refs.map((r) => r.sizes)) });
    return;
  }
  const make = emitters.get(node.op);
  if (!make) throw unsupported(node);
  const made = make(e, node);
  e.set(node, typeof made === "string" ? { name: made, sizes: e.sizes(node) } : made);
}
