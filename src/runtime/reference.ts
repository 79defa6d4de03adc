import {
  allocate,
  InternalError,
  intact,
  isFloat,
  roundTo,
  type Storage,
  type TypedArray,
} from "../base/index.ts";
import { type Complex, collect, type Node, type RefArray } from "../graph/index.ts";

/**
 * The reference engine: evaluates the graph itself, node by node, in float64 (or complex numbers),
 * by the records' own definitions. Slow and simple; it is the oracle for the other engines.
 */
export function evaluate(
  outputs: readonly Node[],
  bind: (leaf: Node) => ArrayLike<number>,
): Float64Array[] {
  const values = new Map<Node, RefArray>();
  for (const node of collect(outputs, (x) => x.storage !== null)) {
    const given = node.storage !== null || node.op.leaf === true;
    const data = given ? Float64Array.from(bind(node)) : compute(node, values);
    values.set(node, { shape: node.shape, dtype: node.dtype, data });
  }
  return outputs.map((y) => values.get(y)!.data);
}

function compute(node: Node, values: Map<Node, RefArray>): Float64Array {
  const inputs = node.inputs.map((x) => values.get(x)!);
  const { reference } = node.op;
  if (reference.kind === "array") return wrapped(node, reference.real(node, inputs));
  const int = node.inputs.every((x) => x.dtype === "int32");
  const f = (int && reference.int) || reference.real;
  const result = new Float64Array(node.size);
  for (let i = 0; i < result.length; i++) result[i] = f(...inputs.map((x) => x.data[i]!));
  return wrapped(node, result);
}

/** int32 wraps around; floats stay in float64 here. */
const wrapped = (node: Node, data: Float64Array): Float64Array =>
  node.dtype === "int32" ? data.map((x) => x | 0) : data;

/** A complex array: real and imaginary parts, row-major. */
export interface ComplexArray {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/**
 * Evaluates an analytic graph on complex inputs: f(x + ih) = f(x) + ih f′(x) + O(h²), whose
 * imaginary part gives f′ without any subtraction.
 *
 * @param bind the value of a given node; null for one to compute.
 * @see Squire & Trapp 1998, "Using complex variables to estimate derivatives of real functions"
 */
export function evaluateComplex(
  outputs: readonly Node[],
  bind: (node: Node) => ComplexArray | null,
): ComplexArray[] {
  const values = new Map<Node, ComplexArray>();
  for (const node of collect(outputs, (x) => bind(x) !== null)) {
    const given = bind(node);
    if (given) values.set(node, given);
    else
      values.set(
        node,
        computeComplex(
          node,
          node.inputs.map((x) => values.get(x)!),
        ),
      );
  }
  return outputs.map((y) => values.get(y)!);
}

/** Real values as complex ones. */
export const complexOf = (re: Float64Array): ComplexArray => ({
  re,
  im: new Float64Array(re.length),
});

const part = ({ re, im }: ComplexArray, which: "re" | "im" | "zero"): Float64Array =>
  which === "re" ? re : which === "im" ? im : new Float64Array(re.length);

function computeComplex(node: Node, inputs: readonly ComplexArray[]): ComplexArray {
  const { reference, linearity } = node.op;
  const parts = (choose: readonly ("re" | "im" | "zero")[]): Float64Array => {
    const arrays = node.inputs.map((x, i) => ({
      shape: x.shape,
      dtype: x.dtype,
      data: part(inputs[i]!, choose[i] ?? "re"),
    }));
    return reference.kind === "array" ? reference.real(node, arrays) : new Float64Array(0);
  };
  if (reference.kind === "scalar") {
    const { complex } = reference;
    if (!complex) return complexOf(computeReal(node, inputs));
    const re = new Float64Array(node.size);
    const im = new Float64Array(node.size);
    for (let i = 0; i < node.size; i++) {
      const z: Complex = complex(...inputs.map((x) => ({ re: x.re[i]!, im: x.im[i]! })));
      re[i] = z.re;
      im[i] = z.im;
    }
    return { re, im };
  }
  if (!node.op.differentiable) return complexOf(parts([]));
  if (linearity === "together") {
    // L(x + iy) = L(x) + i (L(y) − L(0)): an affine op keeps its constant in the real part; indices
    // and conditions are real and stay the same in both terms
    const im = parts(node.inputs.map((x) => (isFloat(x.dtype) ? "im" : "re")));
    const zero = parts(node.inputs.map((x) => (isFloat(x.dtype) ? "zero" : "re")));
    return { re: parts([]), im: im.map((y, i) => y - zero[i]!) };
  }
  if (linearity === "each") {
    const minus = parts(["im", "im"]);
    const cross = parts(["im", "re"]);
    return {
      re: parts(["re", "re"]).map((x, i) => x - minus[i]!),
      im: parts(["re", "im"]).map((x, i) => x + cross[i]!),
    };
  }
  if (reference.imaginary) {
    const of = (which: "re" | "im") =>
      node.inputs.map(({ shape, dtype }, i) => ({ shape, dtype, data: part(inputs[i]!, which) }));
    return { re: parts([]), im: reference.imaginary(node, of("re"), of("im")) };
  }
  return complexOf(parts([]));
}

function computeReal(node: Node, inputs: readonly ComplexArray[]): Float64Array {
  const { reference } = node.op;
  if (reference.kind !== "scalar") throw new InternalError("computeReal wants a scalar reference");
  return Float64Array.from({ length: node.size }, (_, i) =>
    reference.real(...inputs.map((x) => x.re[i]!)),
  );
}

/** Storage of the reference engine: a typed array. */
export class HostStorage implements Storage {
  readonly array: TypedArray;
  readonly dtype: Storage["dtype"];
  readonly size: number;

  constructor(dtype: Storage["dtype"], array: TypedArray) {
    this.dtype = dtype;
    this.array = array;
    this.size = array.length;
  }
  read(): TypedArray {
    return intact(this.array, this.size);
  }
}

/** Rounds float64 results into a new storage of the node's dtype. */
export function store(node: Node, data: Float64Array): HostStorage {
  const array = allocate(node.dtype, node.size);
  for (let i = 0; i < data.length; i++) array[i] = roundTo(node.dtype, data[i]!);
  return new HostStorage(node.dtype, array);
}
