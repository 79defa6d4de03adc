/** Proofs of convexity by composition rules, over the graph that computes a loss. */
import { pathBetween } from "../autodiff/path.ts";
import { checkOptions, isFloat } from "../base/index.ts";
import { collect, type Node } from "../graph/index.ts";
import { constantValue } from "../ops/index.ts";
import { realizeSync } from "../tensor/index.ts";
import {
  type ConvexityCheck,
  type ConvexityOptions,
  checkConvexity,
  convexityNames,
} from "./convexity.ts";
import type { LossSurface } from "./surface.ts";

/** How a value depends on the parameters, the same for all of its elements. */
type Bend = "constant" | "affine" | "convex" | "concave" | "unknown";
type Sign = "nonnegative" | "nonpositive" | "any";

/** A value as h(θ) + by · w, where nothing is known of the term w except where it is constant. */
interface Shift {
  readonly wall: Node;
  readonly by: number;
  /** Axes along which w does not change. */
  readonly uniform: readonly number[];
}

interface Known {
  readonly bend: Bend;
  readonly sign: Sign;
  readonly shift: Shift | null;
}

/** The result of {@link certifyConvexity}. */
export interface ConvexityCertificate {
  readonly verdict: "convex" | "undecided";
  /** The op at which the rules fail; null if they prove the loss convex. */
  readonly obstacle: string | null;
  /** How many operations the proof covers. */
  readonly operations: number;
}

const unknown: Known = { bend: "unknown", sign: "any", shift: null };
const known = (bend: Bend, sign: Sign = "any"): Known => ({ bend, sign, shift: null });

const negated = ({ bend, sign, shift }: Known): Known => ({
  bend: bend === "convex" ? "concave" : bend === "concave" ? "convex" : bend,
  sign: sign === "any" ? sign : sign === "nonnegative" ? "nonpositive" : "nonnegative",
  shift: shift && { ...shift, by: -shift.by },
});

const isConvex = ({ bend }: Known): boolean => ["constant", "affine", "convex"].includes(bend);
const isConcave = ({ bend }: Known): boolean => ["constant", "affine", "concave"].includes(bend);
const isAffine = ({ bend }: Known): boolean => bend === "constant" || bend === "affine";

const bendOfSum = (all: readonly Known[]): Bend =>
  all.every(({ bend }) => bend === "constant")
    ? "constant"
    : all.every(isAffine)
      ? "affine"
      : all.every(isConvex)
        ? "convex"
        : all.every(isConcave)
          ? "concave"
          : "unknown";

const signOfAll = (all: readonly Known[]): Sign =>
  all.every(({ sign }) => sign === all[0]!.sign) ? all[0]!.sign : "any";

/** x + y. Their unknown terms must be the same, and may cancel. */
function sumOf(x: Known, y: Known): Known {
  const both = { bend: bendOfSum([x, y]), sign: signOfAll([x, y]) };
  if (!x.shift || !y.shift) return { ...both, shift: x.shift ?? y.shift };
  if (x.shift.wall !== y.shift.wall || !sameAxes(x.shift, y.shift)) return unknown;
  const by = x.shift.by + y.shift.by;
  return { ...both, shift: by === 0 ? null : { ...x.shift, by } };
}

/** Whether w varies along the same axes in two values of one shape. */
const sameAxes = (x: Shift, y: Shift): boolean =>
  x.uniform.length === y.uniform.length && x.uniform.every((axis) => y.uniform.includes(axis));

/** Axes of size 1, along which nothing changes. */
const ones = ({ shape }: Node): number[] => shape.flatMap((d, i) => (d === 1 ? [i] : []));
/** Whether two shapes differ only by axes of size 1. */
const sameButOnes = (x: Node, y: Node): boolean =>
  x.shape.filter((d) => d !== 1).join() === y.shape.filter((d) => d !== 1).join();

/** x times constants of one sign, or an affine x times any constants. */
function scaledBy(x: Known, sign: Sign): Known {
  if (x.shift) return unknown;
  if (sign === "nonnegative") return x;
  if (sign === "nonpositive") return negated(x);
  return x.bend === "affine" ? known("affine") : unknown;
}

/** x²: for an affine x, or for a convex one that is nowhere negative. */
function squared(x: Known): Known {
  if (x.shift) return unknown;
  if (isAffine(x)) return known("convex", "nonnegative");
  const grows =
    (isConvex(x) && x.sign === "nonnegative") || (isConcave(x) && x.sign === "nonpositive");
  return grows ? known("convex", "nonnegative") : unknown;
}

/** A nondecreasing convex function of a convex argument. */
const rising = (x: Known, sign: Sign): Known =>
  isConvex(x) && !x.shift ? known("convex", sign) : unknown;

/** Ops that select, repeat or move elements; with `sum`, all linear with weights of 0 and 1. */
const moving = new Set([
  "reshape",
  "permute",
  "slice",
  "flip",
  "broadcast",
  "sum",
  "gather",
  "concat",
  "cast",
  "identity",
  "window",
]);

/** The state of a node from those of its inputs. */
function stateOf(node: Node, at: (x: Node) => Known): Known {
  const { op, inputs } = node;
  if (op.name === "gather" && at(inputs[1]!).shift) return unknown; // selected by the parameters
  const [a, b] = inputs as [Node, Node];
  if (moving.has(op.name)) return moved(node, inputs.filter((x) => isFloat(x.dtype)).map(at));
  switch (op.name) {
    case "neg":
      return negated(at(a));
    case "add":
      return sumOf(at(a), at(b));
    case "sub":
      return sumOf(at(a), negated(at(b)));
    case "mul":
      if (a === b) return squared(at(a));
      return product(at(a), at(b), a, b);
    case "matmul":
    case "conv":
      return product(at(a), at(b), a, b);
    case "div":
      return at(b).bend === "constant" && !at(b).shift ? scaledBy(at(a), signOf(b)) : unknown;
    case "pow":
      return power(at(a), constantValue(b));
    case "exp":
    case "softplus":
      return rising(at(a), "nonnegative");
    case "expm1":
      return rising(at(a), "any");
    case "abs":
      return at(a).bend === "affine" && !at(a).shift
        ? known("convex", "nonnegative")
        : at(a).sign === "nonnegative" && !at(a).shift
          ? at(a)
          : unknown;
    case "log":
      return logarithm(a, at);
    case "max":
      return maximum(at(a), at(b));
    case "min":
      return negated(maximum(negated(at(a)), negated(at(b))));
    case "reduceMax":
      return isConvex(at(a)) && !at(a).shift ? { ...at(a), bend: "convex" } : unknown;
    case "where":
      return chosen(node, at);
    default:
      return unknown;
  }
}

function product(x: Known, y: Known, a: Node, b: Node): Known {
  if (x.shift || y.shift) return unknown;
  if (x.bend === "constant") return scaledBy(y, signOf(a));
  return y.bend === "constant" ? scaledBy(x, signOf(b)) : unknown;
}

function power(x: Known, exponent: number | undefined): Known {
  if (exponent === undefined || x.shift) return unknown;
  if (exponent === 1) return x;
  if (exponent === 2) return squared(x);
  const even = Number.isInteger(exponent) && exponent % 2 === 0 && exponent > 0;
  if (even && isAffine(x)) return known("convex", "nonnegative");
  return exponent > 1 && isConvex(x) && x.sign === "nonnegative"
    ? known("convex", "nonnegative")
    : unknown;
}

function maximum(x: Known, y: Known): Known {
  if (x.shift || y.shift || !isConvex(x) || !isConvex(y)) return unknown;
  const sign = [x, y].some((z) => z.sign === "nonnegative") ? "nonnegative" : signOfAll([x, y]);
  return known("convex", sign);
}

/**
 * log x is concave and increasing; log Σ eᵘ is convex and increasing, and a term shared by all u
 * can be pulled out.
 */
function logarithm(x: Node, at: (x: Node) => Known): Known {
  let total = x;
  while (total.op.name === "reshape" && sameButOnes(total, total.inputs[0]!))
    total = total.inputs[0]!;
  const inner = total.op.name === "sum" ? total.inputs[0]! : undefined;
  if (inner?.op.name === "exp") {
    const u = at(inner.inputs[0]!);
    const axes = total.attrs.axes as readonly number[];
    if (!isConvex(u)) return unknown;
    if (!u.shift) return known("convex");
    if (!axes.every((axis) => u.shift!.uniform.includes(axis))) return unknown;
    return { bend: "convex", sign: "any", shift: { ...u.shift, uniform: ones(x) } };
  }
  return isConcave(at(x)) && !at(x).shift ? known("concave") : unknown;
}

/**
 * where(x ≤ 0, 0, x) is max(x, 0), log Σ exp selects at an empty sum; a condition on data alone
 * selects among the elements.
 */
function chosen({ inputs }: Node, at: (x: Node) => Known): Known {
  const [c, a, b] = inputs as [Node, Node, Node];
  if (constantValue(a) === -Infinity && c.op.name === "eq" && isLogOf(b, c.inputs[0]!))
    return at(b);
  const parts = [at(a), at(b)];
  if (at(c).bend === "constant" && !at(c).shift)
    return parts.some(({ shift }) => shift)
      ? unknown
      : { ...known(bendOfSum(parts), signOfAll(parts)) };
  const onX = c.op.name === "le" && c.inputs[0] === b && constantValue(c.inputs[1]!) === 0;
  return onX && constantValue(a) === 0 ? rising(at(b), "nonnegative") : unknown;
}

/**
 * Whether y is log x plus something: where(x = 0, −∞, y) is then y itself, written this way for its
 * derivative at 0.
 */
const isLogOf = (y: Node, x: Node): boolean =>
  y.op.name === "log" ? y.inputs[0] === x : y.op.name === "add" && isLogOf(y.inputs[0]!, x);

/**
 * The same elements moved, or sums of them. A shared unknown term survives only where it is
 * uniform.
 */
function moved(node: Node, parts: readonly Known[]): Known {
  const bend = bendOfSum(parts);
  const sign = signOfAll(parts);
  const { shift } = parts[0]!;
  if (parts.every(({ shift }) => !shift)) return { bend, sign, shift: null };
  if (parts.length > 1 && node.op.name !== "gather") return unknown;
  const [x] = node.inputs as [Node];
  const { name } = node.op;
  if (name === "identity" || name === "cast") return { bend, sign, shift };
  if (name === "reshape" && sameButOnes(x, node))
    return { bend, sign, shift: { ...shift!, uniform: ones(node) } };
  if (name === "gather" && shift!.uniform.includes(node.attrs.axis as number))
    return { bend, sign, shift };
  return unknown;
}

/** The sign shared by all elements of a value that does not depend on parameters. */
function signOf(node: Node): Sign {
  if (!node.storage) realizeSync([node]);
  const values = node.storage!.read();
  if (values.every((x) => x >= 0)) return "nonnegative";
  return values.every((x) => x <= 0) ? "nonpositive" : "any";
}

/** A value through which no derivative flows, although it depends on the parameters. */
function wallOf(node: Node): Known {
  const uniform = new Set(ones(node));
  let wall = node;
  if (wall.op.name === "broadcast") {
    for (const axis of wall.attrs.axes as readonly number[]) uniform.add(axis);
    wall = wall.inputs[0]!;
  }
  while (wall.op.name === "reshape" && sameButOnes(wall, wall.inputs[0]!)) wall = wall.inputs[0]!;
  return { bend: "constant", sign: "any", shift: { wall, by: 1, uniform: [...uniform] } };
}

/**
 * Tries to prove that a loss is convex in all its parameters, by rules that preserve convexity:
 *
 *   sums, nonnegative multiples, maxima of convex functions; a convex function of an affine one;
 *   a nondecreasing convex function of a convex one; log Σ exp; squares of affine functions
 *
 * applied to each operation of the graph, with its sign. A proof holds in exact arithmetic,
 * wherever the loss is defined and for these data. "undecided" means that the rules do not suffice:
 * linear, logistic and softmax regression, support vector machines and their penalties are proved;
 * a hidden layer, or squares behind a sigmoid, are not, and are not convex.
 *
 * @see Boyd & Vandenberghe 2004, "Convex optimization", §3.2; Grant, Boyd & Ye 2006, "Disciplined
 * convex programming"
 * @example
 * certifyConvexity(LossSurface.of((x: Tensor) => x.sub(1).square().sum(), tensor([0, 0]))).verdict; // "convex"
 * certifyConvexity(LossSurface.of((x: Tensor) => x.tanh().square().sum(), tensor([0, 0]))).obstacle; // "tanh"
 */
export function certifyConvexity(surface: LossSurface): ConvexityCertificate {
  const { leaves, loss } = surface.trace();
  const parameters = new Set(leaves);
  const path = new Set(pathBetween(leaves, [loss]));
  const states = new Map<Node, Known>();
  const depends = new Set<Node>(leaves);
  let obstacle: string | null = null;
  let operations = 0;
  for (const node of collect([loss], (x) => x.storage !== null)) {
    if (node.inputs.some((x) => depends.has(x))) depends.add(node);
    if (parameters.has(node)) states.set(node, known("affine"));
    else if (!depends.has(node))
      states.set(node, known("constant", isFloat(node.dtype) ? signOf(node) : "any"));
    else if (!path.has(node)) states.set(node, wallOf(node));
    else {
      const state = stateOf(node, (x) => states.get(x)!);
      states.set(node, state);
      operations++;
      if (state.bend === "unknown") obstacle ??= node.op.name;
    }
  }
  const end = states.get(loss)!;
  const proved = isConvex(end) && !end.shift;
  return {
    verdict: proved ? "convex" : "undecided",
    obstacle: proved ? null : (obstacle ?? loss.op.name),
    operations,
  };
}

/** The result of {@link judgeConvexity}. */
export interface ConvexityJudgement {
  readonly verdict: "convex" | "not convex" | "undecided";
  readonly certificate: ConvexityCertificate;
  /** The search for a counter-example; null if there is a proof. */
  readonly search: ConvexityCheck | null;
}

/**
 * Whether a loss is convex: by {@link certifyConvexity}, and if the rules do not suffice, by {@link
 * checkConvexity}'s search for a counter-example. "undecided" if neither decides.
 *
 * @example
 * judgeConvexity(LossSurface.of((x: Tensor) => x.exp().sum(), tensor([0]))).verdict; // "convex"
 * judgeConvexity(LossSurface.of((x: Tensor) => x.prod(), tensor([0, 0]))).verdict; // "not convex"
 */
export function judgeConvexity(
  surface: LossSurface,
  options: ConvexityOptions = {},
): ConvexityJudgement {
  checkOptions("judgeConvexity", options, convexityNames);
  const certificate = certifyConvexity(surface);
  if (certificate.verdict === "convex") return { verdict: "convex", certificate, search: null };
  const search = checkConvexity(surface, options);
  return { verdict: search.verdict, certificate, search };
}
