import {
  broadcastShapes,
  type DType,
  DTypeError,
  isFloat,
  type Shape,
  ShapeError,
  sameShape,
  show,
} from "../base/index.ts";
import {
  type Attrs,
  apply,
  type Complex,
  type Imaginary,
  type Linearity,
  type Masking,
  type Node,
  type Op,
  type RefArray,
  type Strided,
} from "../graph/index.ts";
import type { Opcode } from "../runtime/opcodes.ts";
import type { Epilogue, Instruction, Reducer, View } from "../runtime/program.ts";

/** How the compiler lowers an op. */
export type Lowering =
  /** A value from outside the graph. */
  | { readonly kind: "leaf" }
  /** `attrs.value` everywhere. */
  | { readonly kind: "constant" }
  /** The index along `attrs.axis`. */
  | { readonly kind: "index" }
  /** One operation of a fused expression. */
  | { readonly kind: "map"; readonly opcode: Opcode }
  /** A view: other strides on the same buffer, no work at all; null if no strides express it. */
  | {
      readonly kind: "view";
      readonly view: (x: Strided, node: Node) => Strided | null;
      /** True for the same elements in the same order under another shape. */
      readonly keepsOrder?: boolean;
    }
  /** A reduction over `attrs.axes`, with expressions fused before and after. */
  | { readonly kind: "reduce"; readonly reducer: Reducer }
  /** An equivalent composition of other ops, once all derivatives have been taken. */
  | { readonly kind: "expand"; readonly expand: (node: Node) => Node }
  /** An instruction of its own, with bias, ReLU and an expression fused as its epilogue. */
  | {
      readonly kind: "fused";
      readonly emit: (node: Node, inputs: readonly View[], after: After) => Instruction;
      /** The axes of the result along which a bias may vary. */
      readonly channels: (rank: number) => readonly number[];
      /** What a convolution declares about its batch. */
      readonly batch?: Batch;
    }
  /** An instruction of its own that stores its result. */
  | {
      readonly kind: "kernel";
      readonly emit: (node: Node, inputs: readonly View[], output: View) => Instruction;
      /** The input that holds indices; the run fails unless all are below `bound`. */
      readonly indices?: { readonly input: number; readonly bound: (node: Node) => number };
    }
  /**
   * Input i fills the slice `slices(node, whole)[i]` of the result; the rest is `fill`, null if
   * there is no rest.
   */
  | {
      readonly kind: "assemble";
      readonly fill: (node: Node) => number | null;
      readonly slices: (node: Node, whole: Strided) => readonly Strided[];
    };

/** The bias and ReLU that an instruction applies to its results. */
export interface After {
  readonly bias?: View | undefined;
  readonly relu: boolean;
  readonly epilogue: Epilogue;
}

/** The batch of a layer is axis 0 of its first input and of its result; a gradient of weights sums over it. */
export interface Batch {
  /** The axis of both inputs over which the op sums. */
  readonly summed: number;
  /** Whether a layer runs faster in the batch-innermost (CHWN) layout. */
  readonly prefersInnermost: (node: Node) => boolean;
}

/** An op of gradus: the graph's part of the record and the compiler's. */
export type OpRecord = Op<Lowering>;

/** The typed lowering of a node's op. */
export const loweringOf = (node: Node): Lowering => node.op.lower as Lowering;

/** Whether the node is its input under another shape. */
export function keepsOrder(node: Node): boolean {
  const lower = loweringOf(node);
  return lower.kind === "view" && lower.keepsOrder === true;
}

type Infer = (inputs: readonly Node[], attrs: Attrs) => { shape: Shape; dtype: DType };

/** @throws {DTypeError} unless input `i` has one of `allowed`. */
export function checkInput(name: string, x: Node, allowed: readonly DType[]): void {
  if (allowed.includes(x.dtype)) return;
  throw new DTypeError({
    subject: name,
    problem: `takes ${allowed.join(", ")}, not ${x.dtype}.`,
    fix: `cast it: x.cast("${allowed[0]}").`,
  });
}

/** @throws {DTypeError} unless all dtypes agree. */
export function checkSameDType(name: string, inputs: readonly Node[]): void {
  const [first] = inputs;
  for (const x of inputs)
    if (x.dtype !== first!.dtype)
      throw new DTypeError({
        subject: name,
        problem: `dtypes differ, ${inputs.map((i) => i.dtype).join(" with ")}.`,
        fix: `cast one side: x.cast("${first!.dtype}").`,
      });
}

/** @throws {ShapeError} unless all shapes agree. */
export function checkSameShape(name: string, inputs: readonly Node[]): void {
  const [first] = inputs;
  for (const x of inputs)
    if (!sameShape(x.shape, first!.shape)) {
      broadcastShapes(
        name,
        inputs.map((i) => i.shape),
      );
      throw new ShapeError({
        subject: name,
        problem: `shapes differ, ${inputs.map((i) => show(i.shape)).join(" with ")}.`,
        fix: "broadcast them to one shape first.",
      });
    }
}

/**
 * ∂y/∂xᵢ: a number, a formula in the output and the inputs, or null if there is none; or a function
 * of the incoming derivative, if the op selects rather than multiplies (0 · ∞ would be NaN).
 */
type Partial =
  | number
  | null
  | ((y: Node, ...x: Node[]) => Node)
  | { readonly choose: (g: Node, ...x: Node[]) => Node };

interface Tuples<T> {
  1: readonly [T];
  2: readonly [T, T];
  3: readonly [T, T, T];
}
type Arity = 1 | 2 | 3;

export interface ElementwiseSpec<A extends Arity> {
  readonly name: string;
  readonly arity: A;
  /** The instruction, if its name differs from the op's. */
  readonly opcode?: Opcode;
  /** The value in terms of other ops, if there is no single instruction. */
  readonly expand?: (...x: Node[]) => Node;
  readonly formula: string;
  readonly dtypes: readonly DType[];
  /** The result's dtype, if it is not that of the inputs. */
  readonly result?: DType;
  /** One partial derivative per input; a missing one does not compile. */
  readonly partials: Tuples<Partial>[A];
  /** True where the partials are finite for all finite inputs. */
  readonly tame?: boolean;
  /** The values that the derivatives of `choose` leave unselected. */
  readonly masks?: Masking;
  readonly reference: (...x: number[]) => number;
  /** The exact int32 form, if rounding the float result is not exact. */
  readonly int?: (...x: number[]) => number;
  /** The continuation to complex numbers, where the op is analytic. */
  readonly complex?: (...x: Complex[]) => Complex;
  readonly simplify?: (node: Node) => Node | undefined;
  /** The range from which the test sweep draws each input. Default [−3, 3]. */
  readonly domain?: readonly (readonly [number, number])[];
}

export interface ElementwiseOp extends OpRecord {
  readonly domain: readonly (readonly [number, number])[];
}

// The chain rule needs products and sums of nodes, which are themselves records. elementwise.ts
// passes them in once they exist, so that this file does not import its own users.
let chain: {
  mul(a: Node, b: Node): Node;
  /** a · b, and 0 if either is 0. */
  mulZero(a: Node, b: Node): Node;
  add(a: Node, b: Node): Node;
  neg(a: Node): Node;
};
export function setChainRule(rule: typeof chain): void {
  chain = rule;
}

/** g · partial; `guarded` if zeros in g must not meet ∞ or NaN in a partial. */
function scale(g: Node, partial: Partial, y: Node, guarded: boolean): Node | null {
  if (partial === null || partial === 0) return null;
  if (partial === 1) return g;
  if (partial === -1) return chain.neg(g);
  if (typeof partial === "number") throw new TypeError("a constant partial is −1, 0 or 1"); // a bug in a record
  if (typeof partial === "object") return partial.choose(g, ...y.inputs);
  const factor = partial(y, ...y.inputs);
  const plain = loweringOf(factor).kind === "constant" && Number.isFinite(factor.attrs.value);
  return !guarded || plain ? chain.mul(g, factor) : chain.mulZero(g, factor);
}

/** Sum of the terms that are not null. */
export function addAll(terms: readonly (Node | null)[]): Node | null {
  return terms.reduce((sum, term) => (sum && term ? chain.add(sum, term) : (sum ?? term)), null);
}

/** y = f(x₁, …) element by element; both modes of differentiation follow from the partials. */
export function elementwise<A extends Arity>(spec: ElementwiseSpec<A>): ElementwiseOp {
  const partials = spec.partials as readonly Partial[];
  const { name, dtypes, tame, masks } = spec;
  const guards = (masking?: Masking) => masking === "condition" || (masking === "value" && !tame);
  return {
    name,
    formula: spec.formula,
    arity: spec.arity,
    dtypes,
    domain: spec.domain ?? Array.from({ length: spec.arity }, () => [-3, 3] as const),
    infer(inputs) {
      for (const x of inputs) checkInput(name, x, dtypes);
      checkSameDType(name, inputs);
      checkSameShape(name, inputs);
      return { shape: inputs[0]!.shape, dtype: spec.result ?? inputs[0]!.dtype };
    },
    differentiable: partials.some((p) => p !== null && p !== 0),
    linearity: null,
    vjp: (node, g, masking) => partials.map((p) => scale(g, p, node, guards(masking))),
    jvp: (node, tangents, masking) =>
      addAll(
        partials.map((p, i) => (tangents[i] ? scale(tangents[i], p, node, guards(masking)) : null)),
      ),
    ...(masks && { masks: () => masks }),
    reference: {
      kind: "scalar",
      real: spec.reference,
      ...(spec.int && { int: spec.int }),
      ...(spec.complex && { complex: spec.complex }),
    },
    lower: spec.expand
      ? { kind: "expand", expand: (node) => spec.expand!(...node.inputs) }
      : { kind: "map", opcode: spec.opcode ?? (name as Opcode) },
    ...(spec.simplify && { simplify: spec.simplify }),
  };
}

type Adjoint = ((g: Node, node: Node) => Node) | null;

interface LinearSpec {
  readonly name: string;
  readonly formula: string;
  readonly arity: number | "any";
  readonly dtypes: readonly DType[];
  readonly infer: Infer;
  /**
   * The adjoint with respect to each input (null: an index or condition, which has no derivative).
   * One entry for ops of any arity, which then receives the input's position.
   */
  readonly adjoints: readonly Adjoint[] | ((g: Node, node: Node, position: number) => Node);
  /** The op on tangents, if it is not the op itself (an affine op drops its constant). */
  readonly tangent?: (node: Node, tangents: readonly Node[]) => Node;
  /** The zero tangent of input i, for ops that take several inputs together. */
  readonly reference: (node: Node, inputs: readonly RefArray[]) => Float64Array;
  readonly lower: Lowering;
  readonly simplify?: (node: Node) => Node | undefined;
  readonly masks?: (node: Node, i: number) => Masking | undefined;
}

let zerosLike: (x: Node) => Node;
export function setZerosLike(f: typeof zerosLike): void {
  zerosLike = f;
}

/** y = L(x), linear in all of its differentiable inputs together: vjp is the adjoint, jvp is L. */
export function linear(spec: LinearSpec): OpRecord {
  const { adjoints } = spec;
  const adjointOf = (position: number): Adjoint =>
    typeof adjoints === "function"
      ? (g, node) => adjoints(g, node, position)
      : (adjoints[position] ?? null);
  return {
    ...baseOf(spec),
    linearity: "together",
    vjp: (node, g) => node.inputs.map((_, i) => adjointOf(i)?.(g, node) ?? null),
    jvp(node, tangents) {
      const active = tangents.some((t, i) => t && adjointOf(i));
      if (!active) return null;
      const inputs = node.inputs.map((x, i) => (adjointOf(i) ? (tangents[i] ?? zerosLike(x)) : x));
      return spec.tangent ? spec.tangent(node, inputs) : apply(node.op, inputs, node.attrs);
    },
  };
}

/** y = B(a, b), linear in each: vjp is the two adjoints, jvp the product rule. */
export function bilinear(
  spec: Omit<LinearSpec, "adjoints" | "tangent" | "arity"> & {
    readonly adjoints: Tuples<(g: Node, node: Node) => Node>[2];
  },
): OpRecord {
  return {
    ...baseOf({ ...spec, arity: 2 }),
    linearity: "each",
    vjp: (node, g) => spec.adjoints.map((adjoint) => adjoint(g, node)),
    jvp(node, [da, db]) {
      const [a, b] = node.inputs as [Node, Node];
      return addAll([
        da ? apply(node.op, [da, b], node.attrs) : null,
        db ? apply(node.op, [a, db], node.attrs) : null,
      ]);
    },
  };
}

/** An op that is neither elementwise nor linear: both rules are written out. */
export function custom(
  spec: Omit<LinearSpec, "adjoints" | "tangent"> &
    Pick<OpRecord, "vjp" | "jvp"> & { readonly imaginary: Imaginary },
): OpRecord {
  const { vjp, jvp, imaginary } = spec;
  const reference = { kind: "array" as const, real: spec.reference, imaginary };
  return { ...baseOf(spec), linearity: null, vjp, jvp, reference };
}

/**
 * An op through which no derivative flows: its results are integers or booleans, or it stops
 * derivatives.
 */
export function constantOp(spec: Omit<LinearSpec, "adjoints" | "tangent">): OpRecord {
  return {
    ...baseOf(spec),
    differentiable: false,
    linearity: null,
    vjp: (node) => node.inputs.map(() => null),
    jvp: () => null,
  };
}

function baseOf(spec: Omit<LinearSpec, "adjoints" | "tangent">) {
  const { name, formula, arity, dtypes, infer, lower, simplify, masks } = spec;
  return {
    name,
    formula,
    arity,
    dtypes,
    infer(inputs: readonly Node[], attrs: Attrs) {
      if (dtypes.length > 0 && inputs.length > 0)
        checkInput(name, inputs[inputs.length - 1]!, dtypes);
      return infer(inputs, attrs);
    },
    differentiable: true,
    reference: { kind: "array" as const, real: spec.reference },
    lower,
    linearity: null as Linearity,
    ...(simplify && { simplify }),
    ...(masks && { masks }),
  };
}

/** Whether derivatives can flow through this node: its dtype is float and its op differentiable. */
export const carriesDerivative = (node: Node): boolean =>
  isFloat(node.dtype) && node.op.differentiable;
