import {
  dtypes as allDTypes,
  type DType,
  floats,
  isFloat,
  numeric,
  randomBits as philoxBits,
  roundTo,
  type Shape,
} from "../base/index.ts";
import { apply, type Complex, Node, type Watch } from "../graph/index.ts";
import {
  cabs,
  cadd,
  cchoose,
  ccos,
  cdiv,
  cerf,
  cexp,
  cexpm1,
  clog,
  clog1p,
  cmul,
  cneg,
  complex,
  cpow,
  csigmoid,
  csin,
  csoftplus,
  csqrt,
  csub,
  ctanh,
  erf as erfReal,
} from "./complex.ts";
import {
  checkInput,
  checkSameDType,
  checkSameShape,
  elementwise,
  linear,
  loweringOf,
  setChainRule,
} from "./record.ts";
import { constant } from "./sources.ts";

/** The value of a constant node, or undefined. */
export const constantValue = (x: Node): number | undefined =>
  loweringOf(x).kind === "constant" ? (x.attrs.value as number) : undefined;

type Operand = Node | number;
/** Numbers take the shape and dtype of the other operand. */
const pair = (a: Operand, b: Operand): [Node, Node] => {
  if (typeof a === "number") return [constant(a, (b as Node).shape, (b as Node).dtype), b as Node];
  return [a, typeof b === "number" ? constant(b, a.shape, a.dtype) : b];
};
const isValue = (x: Node, value: number) => constantValue(x) === value;

export const neg = (x: Node): Node => apply(ops.neg, [x]);
export const abs = (x: Node): Node => apply(ops.abs, [x]);
export const sign = (x: Node): Node => apply(ops.sign, [x]);
export const floor = (x: Node): Node => apply(ops.floor, [x]);
export const sqrt = (x: Node): Node => apply(ops.sqrt, [x]);
export const rsqrt = (x: Node): Node => apply(ops.rsqrt, [x]);
export const exp = (x: Node): Node => apply(ops.exp, [x]);
export const expm1 = (x: Node): Node => apply(ops.expm1, [x]);
export const log = (x: Node): Node => apply(ops.log, [x]);
export const log1p = (x: Node): Node => apply(ops.log1p, [x]);
export const sin = (x: Node): Node => apply(ops.sin, [x]);
export const cos = (x: Node): Node => apply(ops.cos, [x]);
export const tanh = (x: Node): Node => apply(ops.tanh, [x]);
export const sigmoid = (x: Node): Node => apply(ops.sigmoid, [x]);
export const erf = (x: Node): Node => apply(ops.erf, [x]);
export const softplus = (x: Node): Node => apply(ops.softplus, [x]);
export const not = (x: Node): Node => apply(ops.not, [x]);
export const add = (a: Operand, b: Operand): Node => apply(ops.add, pair(a, b));
export const sub = (a: Operand, b: Operand): Node => apply(ops.sub, pair(a, b));
export const mul = (a: Operand, b: Operand): Node => apply(ops.mul, pair(a, b));
export const mulZero = (a: Operand, b: Operand): Node => apply(ops.mulZero, pair(a, b));
export const div = (a: Operand, b: Operand): Node => apply(ops.div, pair(a, b));
export const floorDiv = (a: Operand, b: Operand): Node => apply(ops.floorDiv, pair(a, b));
export const mod = (a: Operand, b: Operand): Node => apply(ops.mod, pair(a, b));
export const pow = (a: Operand, b: Operand): Node => apply(ops.pow, pair(a, b));
export const maximum = (a: Operand, b: Operand): Node => apply(ops.max, pair(a, b));
export const minimum = (a: Operand, b: Operand): Node => apply(ops.min, pair(a, b));
export const equal = (a: Operand, b: Operand): Node => apply(ops.eq, pair(a, b));
export const less = (a: Operand, b: Operand): Node => apply(ops.lt, pair(a, b));
export const lessEqual = (a: Operand, b: Operand): Node => apply(ops.le, pair(a, b));
export const and = (a: Node, b: Node): Node => apply(ops.and, [a, b]);
export const or = (a: Node, b: Node): Node => apply(ops.or, [a, b]);
export const shiftRight = (a: Operand, b: Operand): Node => apply(ops.shiftRight, pair(a, b));
export const randomBits = (key0: Node, key1: Node, counter: Node): Node =>
  apply(ops.randomBits, [key0, key1, counter]);
export const where = (c: Node, a: Operand, b: Operand): Node =>
  apply(ops.where, [c, ...pair(a, b)]);
export const cast = (x: Node, dtype: DType): Node =>
  x.dtype === dtype ? x : apply(ops.cast, [x], { dtype });
/** x as the variable of a transform. */
export const variable = (x: Node, watch: Watch): Node =>
  new Node(ops.identity, [x], {}, x.shape, x.dtype, watch);
export const stopGradient = (x: Node): Node => apply(ops.stopGradient, [x]);

const gt0 = (x: number) => (x > 0 ? 1 : x < 0 ? -1 : x); // keeps NaN
const one = complex(1);
/** The remainder with the sign of b; `%` is C's fmod, which is exact. */
const modReal = (a: number, b: number): number => {
  const r = a % b;
  if (r === 0) return b < 0 ? -0 : 0;
  return r < 0 !== b < 0 ? r + b : r;
};
/** a/b rounds to an integer that is one too large where the remainder is nearly b. */
const floorDivReal = (a: number, b: number): number => {
  const down = Math.floor(a / b);
  if (b === 0) return down;
  if (Math.abs(a) === Infinity) return Number.NaN;
  if (down !== a / b || Math.abs(down) >= 2 ** 52) return down;
  const [rest, divisor] = [Math.abs(modReal(a, b)), Math.abs(b)];
  return rest >= divisor - rest || rest === divisor ? down - 1 : down; // both are ∞ for −5 / ∞
};
/** σ in the form whose exponential does not overflow. */
const sigmoidReal = (x: number) =>
  x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));

const unchanged = (node: Node, value: number, sides: readonly number[]): Node | undefined => {
  for (const side of sides) if (isValue(node.inputs[side]!, value)) return node.inputs[1 - side];
  return undefined;
};

/** All of g if this side wins, half if both tie: the mean of both one-sided derivatives. */
const toWinner = (wins: (a: Node, b: Node) => Node) => ({
  choose: (g: Node, a: Node, b: Node) => where(wins(a, b), g, where(equal(a, b), mul(0.5, g), 0)),
});
const larger = (a: Node, b: Node) => less(b, a);

const isZero = ({ re, im }: Complex) => re === 0 && im === 0;
const isOrder = ({ op }: Node): boolean => op === ops.lt || op === ops.le;

/** x, if the node is −x. */
const negated = (node: Node): Node | undefined =>
  node.op === ops.neg ? node.inputs[0] : undefined;

export const ops = {
  neg: elementwise({
    name: "neg",
    formula: "−x",
    arity: 1,
    dtypes: numeric,
    partials: [-1],
    reference: (x) => -x,
    int: (x) => -x | 0,
    complex: cneg,
    simplify: ({ op, inputs: [x] }) => (x!.op === op ? x!.inputs[0] : undefined),
  }),
  /** |x|; the derivative at 0 is 0 (the sign of 0). */
  abs: elementwise({
    name: "abs",
    formula: "|x|",
    arity: 1,
    dtypes: numeric,
    partials: [(_, x) => sign(x)],
    reference: Math.abs,
    int: (x) => Math.abs(x) | 0, // of −2³¹ it is −2³¹, as in memory
    complex: cabs,
  }),
  sign: elementwise({
    name: "sign",
    formula: "sign x",
    arity: 1,
    dtypes: numeric,
    partials: [0],
    reference: gt0,
  }),
  floor: elementwise({
    name: "floor",
    formula: "⌊x⌋",
    arity: 1,
    dtypes: floats,
    partials: [0],
    reference: Math.floor,
  }),
  /** √x; the derivative at 0 is +∞. */
  sqrt: elementwise({
    name: "sqrt",
    formula: "√x",
    arity: 1,
    dtypes: floats,
    partials: [(y) => div(0.5, y)],
    reference: Math.sqrt,
    complex: csqrt,
    domain: [[0.2, 4]],
  }),
  rsqrt: elementwise({
    name: "rsqrt",
    formula: "1/√x",
    arity: 1,
    dtypes: floats,
    partials: [(y, x) => mul(-0.5, div(y, x))],
    reference: (x) => 1 / Math.sqrt(x),
    complex: (z) => cdiv(one, csqrt(z)),
    domain: [[0.3, 4]],
  }),
  exp: elementwise({
    name: "exp",
    formula: "eˣ",
    arity: 1,
    dtypes: floats,
    partials: [(y) => y],
    reference: Math.exp,
    complex: cexp,
  }),
  expm1: elementwise({
    name: "expm1",
    formula: "eˣ − 1",
    arity: 1,
    dtypes: floats,
    partials: [(_, x) => exp(x)],
    reference: Math.expm1,
    complex: cexpm1,
  }),
  /** log x; log 0 = −∞ with derivative +∞, NaN below. */
  log: elementwise({
    name: "log",
    formula: "log x",
    arity: 1,
    dtypes: floats,
    partials: [(_, x) => div(1, x)],
    reference: Math.log,
    complex: clog,
    domain: [[0.2, 4]],
  }),
  log1p: elementwise({
    name: "log1p",
    formula: "log(1 + x)",
    arity: 1,
    dtypes: floats,
    partials: [(_, x) => div(1, add(1, x))],
    reference: Math.log1p,
    complex: clog1p,
    domain: [[-0.7, 4]],
  }),
  sin: elementwise({
    name: "sin",
    formula: "sin x",
    arity: 1,
    dtypes: floats,
    partials: [(_, x) => cos(x)],
    tame: true,
    reference: Math.sin,
    complex: csin,
  }),
  cos: elementwise({
    name: "cos",
    formula: "cos x",
    arity: 1,
    dtypes: floats,
    partials: [(_, x) => neg(sin(x))],
    tame: true,
    reference: Math.cos,
    complex: ccos,
  }),
  /** tanh x. In float32 the derivative is exactly 0 beyond |x| ≈ 9. */
  tanh: elementwise({
    name: "tanh",
    formula: "tanh x",
    arity: 1,
    dtypes: floats,
    partials: [(y) => sub(1, mul(y, y))], // in terms of the output: nothing is recomputed
    tame: true,
    reference: Math.tanh,
    complex: ctanh,
  }),
  sigmoid: elementwise({
    name: "sigmoid",
    formula: "1/(1 + e⁻ˣ)",
    arity: 1,
    dtypes: floats,
    partials: [(y) => mul(y, sub(1, y))],
    tame: true,
    reference: sigmoidReal,
    complex: csigmoid,
  }),
  erf: elementwise({
    name: "erf",
    formula: "2/√π ∫₀ˣ e^{−t²} dt",
    arity: 1,
    dtypes: floats,
    partials: [(_, x) => mul(2 / Math.sqrt(Math.PI), exp(neg(mul(x, x))))],
    tame: true,
    reference: erfReal,
    complex: cerf,
  }),
  /**
   * log(1 + eˣ), as max(x, 0) + log1p(e^−|x|): no overflow on the right, no lost digits on the
   * left. A primitive of its own because its derivatives are σ and the derivatives of σ, at 0 as
   * well, where those of the two terms are not.
   */
  softplus: elementwise({
    name: "softplus",
    formula: "log(1 + eˣ)",
    arity: 1,
    dtypes: floats,
    partials: [(_, x) => sigmoid(x)],
    tame: true,
    reference: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    complex: csoftplus,
    expand: (x) => add(maximum(x, 0), log1p(exp(neg(abs(x))))),
  }),
  not: elementwise({
    name: "not",
    formula: "¬x",
    arity: 1,
    dtypes: ["bool"],
    partials: [null],
    reference: (x) => 1 - x,
  }),
  add: elementwise({
    name: "add",
    formula: "a + b",
    arity: 2,
    dtypes: numeric,
    partials: [1, 1],
    reference: (a, b) => a + b,
    int: (a, b) => (a + b) | 0,
    complex: cadd,
    simplify: (node) => {
      const [a, b] = node.inputs as [Node, Node];
      const minus = negated(b);
      if (minus) return sub(a, minus); // the same value in one operation
      return unchanged(node, 0, [0, 1]);
    },
  }),
  sub: elementwise({
    name: "sub",
    formula: "a − b",
    arity: 2,
    dtypes: numeric,
    partials: [1, -1],
    reference: (a, b) => a - b,
    int: (a, b) => (a - b) | 0,
    complex: csub,
    simplify: (node) => unchanged(node, 0, [1]),
  }),
  mul: elementwise({
    name: "mul",
    formula: "a · b",
    arity: 2,
    dtypes: numeric,
    partials: [(_y, _a, b) => b, (_y, a) => a],
    tame: true,
    reference: (a, b) => a * b,
    int: Math.imul,
    complex: cmul,
    simplify: (node) => unchanged(node, 1, [0, 1]),
  }),
  /**
   * a · b with 0 · ∞ = 0 · NaN = 0: the chain rule for a derivative that is 0 because a value was
   * not selected, while that value's own derivative may be anything.
   */
  mulZero: elementwise({
    name: "mulZero",
    formula: "a · b, 0 where either is 0",
    arity: 2,
    dtypes: floats,
    partials: [{ choose: (g, _a, b) => mulZero(g, b) }, { choose: (g, a) => mulZero(g, a) }],
    masks: "condition",
    reference: (a, b) => (a === 0 || b === 0 ? 0 : a * b),
    complex: (a, b) => (isZero(a) || isZero(b) ? complex(0) : cmul(a, b)),
    simplify: (node) => unchanged(node, 1, [0, 1]),
  }),
  div: elementwise({
    name: "div",
    formula: "a / b",
    arity: 2,
    dtypes: floats,
    partials: [(_y, _a, b) => div(1, b), (y, _a, b) => neg(div(y, b))],
    reference: (a, b) => a / b,
    complex: cdiv,
    domain: [
      [-3, 3],
      [0.5, 3],
    ],
    simplify: (node) => unchanged(node, 1, [1]),
  }),
  /** ⌊a/b⌋ of the exact quotient. For floats a/0 is ±∞ or NaN, for integers 0. */
  floorDiv: elementwise({
    name: "floorDiv",
    formula: "⌊a / b⌋",
    arity: 2,
    dtypes: numeric,
    partials: [0, 0],
    reference: floorDivReal,
    int: (a, b) => (b === 0 ? 0 : Math.floor(a / b) | 0),
    domain: [
      [-9, 9],
      [1, 4],
    ],
  }),
  /** a − ⌊a/b⌋ b, exactly, with the sign of b (±0 too), as in Python; a mod ±∞ is a or ±∞, a mod 0 NaN. */
  mod: elementwise({
    name: "mod",
    formula: "a − ⌊a / b⌋ b",
    arity: 2,
    dtypes: floats,
    partials: [1, (_y, a, b) => neg(floorDiv(a, b))],
    reference: modReal,
    complex: (a, b) =>
      complex(modReal(a.re, b.re), b.im === 0 ? a.im : a.im - floorDivReal(a.re, b.re) * b.im),
    domain: [
      [-9, 9],
      [1.1, 4],
    ],
  }),
  /**
   * aᵇ, with 0⁰ = 1. ∂a is 0 where b = 0 and ∂b is 0 where a = 0, where the plain formulas would
   * give 0 · ∞.
   */
  pow: elementwise({
    name: "pow",
    formula: "aᵇ",
    arity: 2,
    dtypes: floats,
    partials: [
      (_y, a, b) => where(equal(b, 0), 0, mul(b, pow(a, sub(b, 1)))),
      (y, a) => where(equal(a, 0), 0, mul(y, log(a))),
    ],
    // C's pow(1, NaN) and pow(−1, ±∞) are 1, JavaScript's are NaN
    reference: (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b),
    complex: cpow,
    domain: [
      [0.3, 3],
      [-2, 3],
    ],
    simplify: ({ inputs: [a, b] }) =>
      isValue(b!, 2) ? mul(a!, a!) : isValue(b!, 1) ? a : isValue(b!, -1) ? div(1, a!) : undefined,
  }),
  /** max(a, b); ties pass half of the derivative to each side. */
  max: elementwise({
    name: "max",
    formula: "max(a, b)",
    arity: 2,
    dtypes: numeric,
    partials: [toWinner(larger), toWinner(less)],
    masks: "value",
    reference: (a, b) => Math.max(a, b),
    complex: cchoose((x, y) => x > y),
  }),
  min: elementwise({
    name: "min",
    formula: "min(a, b)",
    arity: 2,
    dtypes: numeric,
    partials: [toWinner(less), toWinner(larger)],
    masks: "value",
    reference: (a, b) => Math.min(a, b),
    complex: cchoose((x, y) => x < y),
  }),
  eq: elementwise({
    name: "eq",
    formula: "a = b",
    arity: 2,
    dtypes: allDTypes,
    result: "bool",
    partials: [null, null],
    reference: (a, b) => (a === b ? 1 : 0),
  }),
  lt: elementwise({
    name: "lt",
    formula: "a < b",
    arity: 2,
    dtypes: allDTypes,
    result: "bool",
    partials: [null, null],
    reference: (a, b) => (a < b ? 1 : 0),
  }),
  le: elementwise({
    name: "le",
    formula: "a ≤ b",
    arity: 2,
    dtypes: allDTypes,
    result: "bool",
    partials: [null, null],
    reference: (a, b) => (a <= b ? 1 : 0),
  }),
  and: elementwise({
    name: "and",
    formula: "a ∧ b",
    arity: 2,
    dtypes: ["bool"],
    partials: [null, null],
    reference: (a, b) => a * b,
  }),
  or: elementwise({
    name: "or",
    formula: "a ∨ b",
    arity: 2,
    dtypes: ["bool"],
    partials: [null, null],
    reference: (a, b) => Math.max(a, b),
  }),
  shiftRight: elementwise({
    name: "shiftRight",
    formula: "a ⋙ b",
    arity: 2,
    dtypes: ["int32"],
    partials: [null, null],
    reference: (a, b) => (a >>> b) | 0,
    domain: [
      [-9e8, 9e8],
      [0, 31],
    ],
  }),
  randomBits: elementwise({
    name: "randomBits",
    formula: "Philox(key0, key1, counter)",
    arity: 3,
    dtypes: ["int32"],
    partials: [null, null, null],
    reference: philoxBits,
    domain: [
      [-9e8, 9e8],
      [-9e8, 9e8],
      [0, 9e8],
    ],
  }),
  /**
   * c ? a : b. Selects derivatives rather than multiplying them, so a NaN in the branch that is not
   * selected does not spread.
   */
  where: linear({
    name: "where",
    formula: "c ? a : b",
    arity: 3,
    dtypes: allDTypes,
    infer([c, a, b]) {
      checkInput("where", c!, ["bool"]);
      checkSameDType("where", [a!, b!]);
      checkSameShape("where", [c!, a!, b!]);
      return { shape: a!.shape, dtype: a!.dtype };
    },
    adjoints: [
      null,
      (g, { inputs: [c] }) => where(c!, g, 0),
      (g, { inputs: [c] }) => where(c!, 0, g),
    ],
    // the unselected branch of a comparison is never NaN, if it is one of the compared values
    masks: ({ inputs: [c, , b] }, i) =>
      i === 2 && isOrder(c!) && c!.inputs.includes(b!) ? "value" : "condition",
    reference: (_, [c, a, b]) => c!.data.map((x, i) => (x ? a!.data[i]! : b!.data[i]!)),
    lower: { kind: "map", opcode: "where" },
    simplify: ({ inputs: [c, a, b] }) =>
      constantValue(c!) === undefined ? undefined : constantValue(c!) ? a : b,
  }),
  /** To another dtype; derivatives pass between float dtypes only. */
  cast: linear({
    name: "cast",
    formula: "x as another dtype",
    arity: 1,
    dtypes: allDTypes,
    infer: ([x], attrs) => ({ shape: x!.shape, dtype: attrs.dtype as DType }),
    adjoints: [(g, { inputs: [x] }) => cast(g, x!.dtype)],
    reference: ({ dtype }, [x]) => x!.data.map((value) => roundTo(dtype, value)),
    lower: { kind: "map", opcode: "cast" },
    // widening and back again changes nothing
    simplify: ({ op, inputs: [x], dtype }) => {
      const inner = x!.op === op ? x!.inputs[0]! : undefined;
      return inner && inner.dtype === dtype && x!.dtype === "float64" && isFloat(dtype)
        ? inner
        : undefined;
    },
  }),
  /** x itself: the variable of a transform, distinguishable from all other uses of x. */
  identity: linear({
    name: "identity",
    formula: "x",
    arity: 1,
    dtypes: allDTypes,
    infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
    adjoints: [(g) => g],
    reference: (_, [x]) => x!.data.slice(),
    lower: { kind: "view", view: (x) => x },
    simplify: ({ inputs: [x] }) => x,
  }),
  /** x, treated as a constant by every derivative. */
  stopGradient: {
    ...linear({
      name: "stopGradient",
      formula: "x, a constant of every derivative",
      arity: 1,
      dtypes: allDTypes,
      infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
      adjoints: [null],
      reference: (_, [x]) => x!.data.slice(),
      lower: { kind: "view", view: (x) => x },
      simplify: ({ inputs: [x] }) => x,
    }),
    differentiable: false,
  },
};

setChainRule({ mul, mulZero, add, neg });

/** A constant with another node's shape and dtype. */
export const filled = (value: number, like: { shape: Shape; dtype: DType }): Node =>
  constant(value, like.shape, like.dtype);
