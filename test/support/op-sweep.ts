/** The generic checks of one op: value, both modes of differentiation, second order, views. */
import { jvp, vjp } from "../../src/autodiff/index.ts";
import {
  allocate,
  type DType,
  isFloat,
  RandomStream,
  roundTo,
  type Shape,
  sizeOf,
} from "../../src/base/index.ts";
import { apply, type Node, verifyGraph } from "../../src/graph/index.ts";
import {
  broadcastInto,
  dataNode,
  flip,
  type OpRecord,
  permute,
  placeholder,
  slice,
  zerosLike,
} from "../../src/ops/index.ts";
import { evaluate, evaluateComplex } from "../../src/runtime/reference.ts";
import { backend, realizeSync } from "../../src/tensor/index.ts";
import { dot, expectClose } from "./compare.ts";
import type { CaseInput, OpCase } from "./op-cases.ts";

/** How an input reaches the op: as it lies in memory, or through a view of something else. */
export interface ViewKind {
  readonly name: string;
  /** The leaf's shape, or null where the view does not exist for this shape. */
  readonly leaf: (shape: Shape) => Shape | null;
  readonly view: (leaf: Node, shape: Shape) => Node;
}

const atLeast = (rank: number, leaf: (shape: Shape) => Shape) => (shape: Shape) =>
  shape.length >= rank ? leaf(shape) : null;

export const contiguous: ViewKind = { name: "contiguous", leaf: (s) => s, view: (x) => x };
export const views: readonly ViewKind[] = [
  contiguous,
  {
    name: "permuted",
    leaf: atLeast(2, (shape) => [...shape].reverse()),
    view: (x, shape) =>
      permute(
        x,
        shape.map((_, i) => shape.length - 1 - i),
      ),
  },
  {
    name: "sliced",
    leaf: atLeast(1, (shape) => shape.map((d) => 2 * d + 1)),
    view: (x, shape) =>
      slice(x, { start: shape.map(() => 1), size: shape, step: shape.map(() => 2) }),
  },
  {
    name: "flipped",
    leaf: atLeast(1, (shape) => shape),
    view: (x, shape) =>
      flip(
        x,
        shape.map((_, i) => i),
      ),
  },
  {
    name: "broadcast",
    leaf: atLeast(1, (shape) => shape.slice(1)),
    view: (x, shape) => broadcastInto(x, shape, [0]),
  },
];

/** Values of an input, as its dtype keeps them. */
export function draw(
  input: CaseInput,
  dtype: DType,
  size: number,
  random: RandomStream,
): Float64Array {
  const [low, high] = input.range ?? (dtype === "bool" ? [0, 2] : [-3, 3]);
  return Float64Array.from({ length: size }, () => {
    const x = low + (high - low) * random.uniform();
    return roundTo(dtype, isFloat(dtype) ? x : Math.floor(x));
  });
}

const uniform = (size: number, random: RandomStream, dtype: DType = "float64") =>
  Float64Array.from({ length: size }, () => roundTo(dtype, 2 * random.uniform() - 1));

/** One case made into a graph. */
export interface Built {
  readonly leaves: readonly Node[];
  readonly values: Map<Node, Float64Array>;
  readonly y: Node;
}

function build(
  op: OpRecord,
  { inputs, attrs = {} }: OpCase,
  dtype: DType,
  kind: ViewKind,
  makeLeaf: (shape: Shape, dtype: DType, values: Float64Array) => Node,
): Built | null {
  const random = new RandomStream(inputs.length + sizeOf(inputs[0]?.shape ?? []), op.name.length);
  const leaves: Node[] = [];
  const values = new Map<Node, Float64Array>();
  const args: Node[] = [];
  for (const input of inputs) {
    const shape = kind.leaf(input.shape);
    if (shape === null) return null;
    const type = input.dtype ?? dtype;
    const data = draw(input, type, sizeOf(shape), random);
    const leaf = makeLeaf(shape, type, data);
    leaves.push(leaf);
    values.set(leaf, data);
    args.push(kind.view(leaf, input.shape));
  }
  return { leaves, values, y: apply(op, args, attrs) };
}

/** A leaf that holds its values on the current engine. */
export function engineLeaf(shape: Shape, dtype: DType, values: Float64Array): Node {
  const array = allocate(dtype, values.length);
  array.set(values);
  return dataNode(backend().upload(array), shape);
}

/**
 * How far an engine may be from the reference engine's float64 result, relative to the largest
 * magnitude of the result (at least 1): float64 a few units in the last place per operation; float32
 * as many of its own.
 */
const engineBound = (dtype: DType): number =>
  dtype === "float32" ? 4e-6 : dtype === "float64" ? 1e-13 : 0;

const dtypesOf = (op: OpRecord, c: OpCase): readonly DType[] =>
  c.dtypes ?? (c.inputs.length === 0 ? ["float64"] : op.dtypes);

const label = (op: OpRecord, c: OpCase, dtype: DType, kind: ViewKind) =>
  `${op.name} ${dtype} ${kind.name} ${JSON.stringify(c.inputs.map((x) => x.shape))} ${JSON.stringify(c.attrs ?? {})}`;

/** Calls `check` for each dtype and view of each case. */
function sweep(
  op: OpRecord,
  cases: readonly OpCase[],
  dtypesFor: (c: OpCase) => readonly DType[],
  check: (c: OpCase, dtype: DType, kind: ViewKind, what: string) => void,
): void {
  for (const c of cases)
    for (const dtype of dtypesFor(c))
      for (const kind of c.inputs.length === 0 ? [contiguous] : views)
        check(c, dtype, kind, label(op, c, dtype, kind));
}

/** On the current engine: the value and its derivatives to second order, those of floats. */
export function checkEngine(differentiable: boolean, { y, leaves }: Built, what: string): void {
  const outputs: Node[] = [y];
  if (differentiable && isFloat(y.dtype)) {
    const random = new RandomStream(5);
    const seed = (like: Node) =>
      engineLeaf(like.shape, like.dtype, uniform(like.size, random, like.dtype));
    const variables = leaves.filter((x) => isFloat(x.dtype));
    const tangents = variables.map(seed);
    const bars = vjp([y], [seed(y)], variables);
    const present = bars.filter((b): b is Node => b !== null);
    const firsts = [...present, ...jvp([y], variables, tangents)];
    const seconds = jvp(present, variables, tangents);
    outputs.push(...[...firsts, ...seconds].filter((n): n is Node => n !== null));
  }
  verifyGraph(outputs);
  const expected = evaluate(outputs, (leaf) => leaf.storage!.read());
  const names = ["value", ...outputs.slice(1).map((_, i) => `derivative ${i}`)];
  realizeSync(outputs);
  outputs.forEach((node, i) => {
    const bound = engineBound(node.dtype);
    expectClose(`${what} ${names[i]}`, node.storage!.read(), expected[i]!, bound);
  });
}

/** On the current engine: the value and its first and second derivatives are the reference's. */
export function checkOnEngine(op: OpRecord, cases: readonly OpCase[]): void {
  sweep(
    op,
    cases,
    (c) => dtypesOf(op, c),
    (c, dtype, kind, what) => {
      const built = build(op, c, dtype, kind, engineLeaf);
      if (!built) return;
      checkEngine(op.differentiable, built, what);
    },
  );
}

const step = 1e-5;
const moved = (x: Float64Array, direction: Float64Array, h: number) =>
  x.map((value, i) => value + h * direction[i]!);

/** (f(x + hẋ) − f(x − hẋ)) / 2h of every output. */
export function centralDifference(
  outputs: readonly Node[],
  at: ReadonlyMap<Node, Float64Array>,
  along: ReadonlyMap<Node, Float64Array>,
): Float64Array[] {
  const side = (h: number) =>
    evaluate(outputs, (leaf) => {
      const direction = along.get(leaf);
      const x = at.get(leaf)!;
      return direction ? moved(x, direction, h) : x;
    });
  const [up, down] = [side(step), side(-step)];
  return up.map((row, k) => row.map((value, i) => (value - down[k]![i]!) / (2 * step)));
}

/** Im f(x + ihẋ) / h of every output, for analytic graphs. */
export function complexStep(
  outputs: readonly Node[],
  at: ReadonlyMap<Node, Float64Array>,
  along: ReadonlyMap<Node, Float64Array>,
): Float64Array[] {
  const h = 1e-100;
  const results = evaluateComplex(outputs, (leaf) => {
    const re = at.get(leaf);
    if (!re) return null;
    const direction = along.get(leaf);
    return { re, im: direction ? direction.map((d) => h * d) : new Float64Array(re.length) };
  });
  return results.map(({ im }) => im.map((x) => x / h));
}

const orZeros = (node: Node | null | undefined, like: Node): Node => node ?? zerosLike(like);

/** In float64 on the reference engine: the rules of both modes are right, and so are their rules. */
export function checkDerivatives(op: OpRecord, cases: readonly OpCase[]): void {
  sweep(
    op,
    cases,
    (c) => (dtypesOf(op, c).includes("float64") ? ["float64"] : []),
    (c, dtype, kind, what) => {
      const built = build(op, c, dtype, kind, placeholder);
      if (built) checkRules(op.differentiable, built, what);
    },
  );
}

export function checkRules(
  differentiable: boolean,
  { leaves, values, y }: Built,
  what: string,
): void {
  const random = new RandomStream(17);
  const variables = leaves.filter((x) => x.dtype === "float64");
  const at = new Map(values);
  const along = new Map<Node, Float64Array>();
  const seed = (like: Node): Node => {
    const node = placeholder(like.shape, like.dtype);
    at.set(node, uniform(like.size, random));
    return node;
  };
  const bind = (leaf: Node) => at.get(leaf)!;
  if (!differentiable || y.dtype !== "float64") {
    const walls = [
      ...jvp([y], variables, variables.map(seed)),
      ...(isFloat(y.dtype) ? vjp([y], [seed(y)], variables) : []),
    ];
    if (y.dtype !== "float32" && walls.some((n) => n !== null))
      throw new Error(`${what}: a derivative flows through a wall`);
    return;
  }

  // first order
  const tangents = variables.map(seed);
  variables.forEach((x, i) => {
    along.set(x, at.get(tangents[i]!)!);
  });
  const g = seed(y);
  const dot1 = orZeros(jvp([y], variables, tangents)[0], y);
  const bars = vjp([y], [g], variables).map((b, i) => orZeros(b, variables[i]!));
  verifyGraph([y, dot1, ...bars]);
  const [forward, ...backward] = evaluate([dot1, ...bars], bind);
  expectClose(`${what}: jvp`, forward!, centralDifference([y], at, along)[0]!, 1e-7);
  if (isAnalytic(y))
    expectClose(`${what}: jvp, complex step`, forward!, complexStep([y], at, along)[0]!, 1e-13);
  checkAdjoint(`${what}: ⟨ȳ, Jẋ⟩ = ⟨Jᵀȳ, ẋ⟩`, [at.get(g)!], [forward!], backward, [
    ...along.values(),
  ]);

  // second order: the derivative of x̄(x, ȳ) in both of its arguments, by both modes
  along.set(g, uniform(g.size, random));
  const sources = [...variables, g];
  const directions = sources.map((x) => {
    const node = placeholder(x.shape, x.dtype);
    at.set(node, along.get(x)!);
    return node;
  });
  const dot2 = jvp(bars, sources, directions).map((t, i) => orZeros(t, bars[i]!));
  const weights = bars.map(seed);
  const bars2 = vjp(bars, weights, sources).map((b, i) => orZeros(b, sources[i]!));
  verifyGraph([...dot2, ...bars2]);
  const forward2 = evaluate(dot2, bind);
  const byDifference = centralDifference(bars, at, along);
  forward2.forEach((row, i) => {
    expectClose(`${what}: jvp of vjp ${i}`, row, byDifference[i]!, 1e-6);
  });
  checkAdjoint(
    `${what}: vjp of vjp`,
    weights.map(bind),
    forward2,
    evaluate(bars2, bind),
    sources.map((x) => along.get(x)!),
  );
}

/** Elementwise with a continuation to complex numbers, or linear or affine in each input. */
const isAnalytic = ({ op }: Node): boolean =>
  op.reference.kind === "scalar"
    ? op.reference.complex !== undefined
    : op.linearity !== null || op.reference.imaginary !== undefined;

function checkAdjoint(
  what: string,
  g: readonly ArrayLike<number>[],
  forward: readonly ArrayLike<number>[],
  backward: readonly ArrayLike<number>[],
  tangents: readonly ArrayLike<number>[],
): void {
  const pair = (a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]) =>
    a.reduce((sum, x, i) => sum + dot(x, b[i]!), 0);
  const size = [...g, ...forward].reduce((n, x) => n + dot(x, x), 1);
  expectClose(what, [pair(backward, tangents)], [pair(g, forward)], 1e-12, size);
}
