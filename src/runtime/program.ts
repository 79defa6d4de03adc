import { type DType, dtypes, invariant, type Shape, ShapeError } from "../base/index.ts";
import { type Opcode, opcodeOf } from "./opcodes.ts";

/**
 * The flat form that engines execute: instructions in order, over one arena and a list of external
 * slots (the caller's buffers). Everything in it is a number, so that it serialises to two arrays
 * and an engine can check every bound before the first run.
 */
export interface Program {
  /** External buffers, in the order in which `run` receives them. */
  readonly slots: readonly Slot[];
  /** Bytes of scratch memory that all intermediate buffers share. */
  readonly arenaBytes: number;
  readonly instructions: readonly Instruction[];
}

export interface Slot {
  readonly role: "input" | "output";
  readonly dtype: DType;
  /** Elements. */
  readonly size: number;
  /**
   * For an output: the input slot whose memory it may share, because nothing reads that input
   * after this output is written (or reads it only at the element being written).
   */
  readonly mayAlias?: number | undefined;
}

/** Where operand elements lie: buffer 0 is the arena, buffer i > 0 is slot i − 1. */
export interface View {
  readonly buffer: number;
  readonly dtype: DType;
  /** Elements (of `dtype`) from the start of the buffer. */
  readonly offset: number;
  /** Elements per step of each axis of the instruction's shape; 0 broadcasts, negative flips. */
  readonly strides: readonly number[];
}

/**
 * An elementwise expression in single-assignment form. Value i is `values[i]`; an operation refers
 * only to earlier values. `input` values read the instruction's input views in order.
 */
export interface Expression {
  readonly values: readonly Value[];
  /** The values that are stored, one per output view. */
  readonly results: readonly number[];
}

export type Value =
  /** The element of input view `input` (in an epilogue, input 0 is the accumulated result). */
  | { readonly kind: "input"; readonly dtype: DType; readonly input: number }
  | { readonly kind: "constant"; readonly dtype: DType; readonly value: number }
  /** The index along an axis of the instruction's shape, int32. */
  | { readonly kind: "index"; readonly dtype: "int32"; readonly axis: number }
  | {
      readonly kind: "op";
      readonly dtype: DType;
      readonly op: Opcode;
      readonly args: readonly number[];
    };

export type Instruction =
  | MapInstruction
  | ReduceInstruction
  | MatmulInstruction
  | ConvInstruction
  | FoldInstruction
  | GatherInstruction
  | ScatterAddInstruction
  | CumsumInstruction
  | ArgsortInstruction;

/** outputs[j][i] = expression(inputs[…][i]) for every index i of `shape`. */
export interface MapInstruction {
  readonly kind: "map";
  readonly shape: Shape;
  readonly inputs: readonly View[];
  readonly outputs: readonly View[];
  readonly expression: Expression;
}

export type Reducer = "sum" | "max" | "min" | "argmax" | "argmin";
export const reducers: readonly Reducer[] = ["sum", "max", "min", "argmax", "argmin"];

/**
 * r[k] = reducer over the trailing axes of `before(inputs[k, …])`; outputs[j][k] = after(r[k], …).
 * The first `kept` axes of `shape` are kept. The last `inner` axes make a line, whose elements lie side
 * by side; where there are none, results do. The order in which elements are added follows from
 * these numbers alone, so that a sum has the same bits however its elements are made and stored. argmax/argmin give the row-major index within the
 * reduced axes (int32), the first on ties, the first NaN if there is one. An empty sum is 0, an
 * empty max/min is ∓Infinity (for int32 the extreme integers), an empty argmax is refused.
 */
export interface ReduceInstruction {
  readonly kind: "reduce";
  readonly shape: Shape;
  readonly kept: number;
  readonly inner: number;
  readonly reducer: Reducer;
  /** Views over the whole of `shape`. */
  readonly inputs: readonly View[];
  /** One result, over `shape`. */
  readonly before: Expression;
  readonly epilogue: Epilogue;
}

/**
 * What happens to an accumulated result before it is stored: input 0 of the expression is the
 * result, input i ≥ 1 is `inputs[i − 1]`. Views are over the shape of the result.
 */
export interface Epilogue {
  readonly inputs: readonly View[];
  readonly outputs: readonly View[];
  readonly expression: Expression;
}

/** r[b…, m, n] = Σ_k a[b…, m, k] · c[b…, k, n]; float32, float64 or int32. */
export interface MatmulInstruction {
  readonly kind: "matmul";
  /** [batch…, m, n]: the shape of the result. */
  readonly shape: Shape;
  readonly k: number;
  /** Strides over [batch…, m, k]. */
  readonly a: View;
  /** Strides over [batch…, k, n]. */
  readonly b: View;
  readonly epilogue: Epilogue;
}

/**
 * Cross-correlation in 1, 2 or 3 dimensions, float32 or float64:
 *
 *   r[n, g, o, p…] = Σ_{c, q…} x̃[n, g, c, p·stride + q·kernelDilation − padLow] · w[g, o, c, q…]
 *
 * where x̃ is x with inputDilation − 1 zeros between neighbours, and 0 outside. padLow may be
 * negative (a crop). `shape` is [n, g, o, p…], the shape of the result.
 */
export interface ConvInstruction {
  readonly kind: "conv";
  readonly shape: Shape;
  readonly channels: number;
  /** Spatial sizes of x, before dilation. */
  readonly inputSize: readonly number[];
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padLow: readonly number[];
  readonly inputDilation: readonly number[];
  readonly kernelDilation: readonly number[];
  /** Strides over [n, g, c, spatial…]. */
  readonly x: View;
  /** Strides over [g, o, c, kernel…]. */
  readonly w: View;
  readonly epilogue: Epilogue;
}

/**
 * Overlap-add, the adjoint of taking windows:
 *
 *   output[l…, s…] = Σ over (p, q) with p·stride + q·dilation = s of input[l…, p…, q…]
 *
 * over the last axes. `shape` is [l…, s…]; r = windowSize.length axes are spatial.
 */
export interface FoldInstruction {
  readonly kind: "fold";
  readonly shape: Shape;
  readonly positions: readonly number[];
  readonly windowSize: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Strides over [l…, positions…, window…]. */
  readonly input: View;
  readonly output: View;
}

/** output[i] = x[i with its `axis` replaced by indices[i]]; an index outside 0…axisSize−1 is a run-time error. */
export interface GatherInstruction {
  readonly kind: "gather";
  /** The shape of indices and output. */
  readonly shape: Shape;
  readonly axis: number;
  /** The size of x along `axis`; its other sizes are `shape`'s. */
  readonly axisSize: number;
  readonly x: View;
  readonly indices: View;
  readonly output: View;
  /** What an index outside means, where it is not an index but the code of a value that must not be. */
  readonly blame?: Blame;
}

/** What the error about a value says: whose it is, what it must be, and how to mend it. */
export interface Blame {
  readonly subject: string;
  readonly wanted: string;
  readonly fix: string;
  /** By how much the value is multiplied in its code. */
  readonly scale: number;
}

/** output = 0; output[i with its `axis` replaced by indices[i]] += updates[i]. float32, float64, int32. */
export interface ScatterAddInstruction {
  readonly kind: "scatterAdd";
  /** The shape of indices and updates. */
  readonly shape: Shape;
  readonly axis: number;
  readonly axisSize: number;
  readonly indices: View;
  readonly updates: View;
  /** Dense over `shape` with `axis` replaced by axisSize. */
  readonly output: View;
}

/** Running sum along the last axis, from the end if `reverse`. float32, float64, int32. */
export interface CumsumInstruction {
  readonly kind: "cumsum";
  readonly shape: Shape;
  readonly reverse: boolean;
  readonly input: View;
  readonly output: View;
}

/** Stable argsort along the last axis; NaN last; int32 indices. */
export interface ArgsortInstruction {
  readonly kind: "argsort";
  readonly shape: Shape;
  readonly descending: boolean;
  readonly input: View;
  readonly output: View;
}

/** Words and constants of an encoded program, as `kernel/src/program.h` reads them. */
export interface EncodedProgram {
  readonly words: Int32Array;
  readonly constants: Float64Array;
}

export const programMagic = 0x47524144; // "GRAD"
export const programVersion = 2;

const instructionKinds = [
  "map",
  "reduce",
  "matmul",
  "conv",
  "fold",
  "gather",
  "scatterAdd",
  "cumsum",
  "argsort",
] as const satisfies readonly Instruction["kind"][];

const valueKinds = ["input", "constant", "index", "op"] as const;

/** Arena bytes are counted in these units, so that 32-bit words reach far enough. */
export const arenaUnit = 64;

/**
 * Encodes a program. Grammar (every item one int32 word; `list(x)` is its length, then its items):
 *
 *   program     = magic version list(slot) arenaBytes/64 list(instruction)
 *   slot        = role(0 input, 1 output) dtype size mayAlias(−1 for none)
 *   instruction = kind, then its fields in the order of the interface above
 *   view        = buffer dtype offset list(stride)
 *   expression  = list(value) list(result)
 *   value       = kind dtype payload, where payload is: input | constant's position in `constants`
 *                 | axis | opcode list(arg)
 *   epilogue    = list(view) list(view) expression
 *   shape and number lists = list(number); booleans 0 or 1; reducers by position
 */
export function encodeProgram(program: Program): EncodedProgram {
  const words: number[] = [programMagic, programVersion];
  const constants: number[] = [];
  const put = (...items: number[]) => {
    for (const item of items) words.push(item);
  };
  const numbers = (list: readonly number[]) => {
    put(list.length);
    for (const item of list) words.push(item);
  };
  const view = (v: View) => {
    put(v.buffer, dtypes.indexOf(v.dtype), v.offset);
    numbers(v.strides);
  };
  const views = (list: readonly View[]) => {
    put(list.length);
    list.forEach(view);
  };
  const value = (v: Value) => {
    put(valueKinds.indexOf(v.kind), dtypes.indexOf(v.dtype));
    if (v.kind === "input") put(v.input);
    else if (v.kind === "constant") put(constants.push(v.value) - 1);
    else if (v.kind === "index") put(v.axis);
    else {
      put(opcodeOf(v.op));
      numbers(v.args);
    }
  };
  const expression = (e: Expression) => {
    put(e.values.length);
    e.values.forEach(value);
    numbers(e.results);
  };
  const epilogue = (e: Epilogue) => {
    views(e.inputs);
    views(e.outputs);
    expression(e.expression);
  };
  const instruction = (i: Instruction) => {
    put(instructionKinds.indexOf(i.kind));
    numbers(i.shape);
    switch (i.kind) {
      case "map":
        views(i.inputs);
        views(i.outputs);
        return expression(i.expression);
      case "reduce":
        put(i.kept, i.inner, reducers.indexOf(i.reducer));
        views(i.inputs);
        expression(i.before);
        return epilogue(i.epilogue);
      case "matmul":
        put(i.k);
        view(i.a);
        view(i.b);
        return epilogue(i.epilogue);
      case "conv":
        put(i.channels);
        numbers(i.inputSize);
        numbers(i.kernelSize);
        numbers(i.stride);
        numbers(i.padLow);
        numbers(i.inputDilation);
        numbers(i.kernelDilation);
        view(i.x);
        view(i.w);
        return epilogue(i.epilogue);
      case "fold":
        numbers(i.positions);
        numbers(i.windowSize);
        numbers(i.stride);
        numbers(i.dilation);
        view(i.input);
        return view(i.output);
      case "gather":
        put(i.axis, i.axisSize);
        view(i.x);
        view(i.indices);
        return view(i.output);
      case "scatterAdd":
        put(i.axis, i.axisSize);
        view(i.indices);
        view(i.updates);
        return view(i.output);
      case "cumsum":
      case "argsort":
        put(i.kind === "cumsum" ? Number(i.reverse) : Number(i.descending));
        view(i.input);
        return view(i.output);
    }
  };
  put(program.slots.length);
  for (const slot of program.slots)
    put(slot.role === "input" ? 0 : 1, dtypes.indexOf(slot.dtype), slot.size, slot.mayAlias ?? -1);
  invariant(program.arenaBytes % arenaUnit === 0, "arena is not a whole number of units");
  put(program.arenaBytes / arenaUnit);
  put(program.instructions.length);
  program.instructions.forEach(instruction);
  for (const word of words) if (word !== (word | 0)) throw tooLarge(word);
  return { words: Int32Array.from(words), constants: Float64Array.from(constants) };
}

const tooLarge = (count: number): ShapeError =>
  new ShapeError({
    subject: "tensor",
    problem: `a count of ${count} elements or bytes is more than the 32 bits that engines have for it.`,
    fix: "make the tensors smaller: fewer units, smaller images, smaller batches.",
  });
