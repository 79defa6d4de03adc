import { dtypes, invariant, ShapeError } from "../base/index.ts";
import { type Epilogue, type Expression, type Value, type View, valueKinds } from "./expression.ts";
import {
  type Field,
  fieldsOf,
  type Instruction,
  instructionKinds,
  type Reducer,
  reducers,
} from "./instructions.ts";
import { opcodeOf } from "./opcodes.ts";
import { arenaUnit, type Program, type Slot } from "./program.ts";

/** Words and constants of an encoded program, as `kernel/src/decode.cc` reads them. */
export interface EncodedProgram {
  readonly words: Int32Array;
  readonly constants: Float64Array;
}

export const programMagic = 0x47524144; // "GRAD"
export const programVersion = 3;

/**
 * Encodes a program. Every item is one int32 word; `list(x)` is its length, then its items:
 *
 *   program     = magic version list(slot) arenaBytes/64 list(instruction)
 *   slot        = role(0 input, 1 output) dtype size mayAlias(−1 for none)
 *   instruction = kind shape, then its fields in the order of the grammar
 *   view        = buffer dtype offset list(stride)
 *   expression  = list(value) list(result)
 *   value       = kind dtype payload, where payload is: input | constant's position in `constants`
 *                 | axis | opcode list(arg)
 *   epilogue    = list(view) list(view) expression
 *   shape and number lists = list(number); flags 0 or 1; reducers by position
 */
export function encodeProgram(program: Program): EncodedProgram {
  const writer = new Writer();
  writer.program(program);
  const { words, constants } = writer;
  for (const word of words) if (word !== (word | 0)) throw tooLarge(word);
  return { words: Int32Array.from(words), constants: Float64Array.from(constants) };
}

class Writer {
  readonly words: number[] = [];
  readonly constants: number[] = [];

  program({ slots, arenaBytes, instructions }: Program): void {
    invariant(arenaBytes % arenaUnit === 0, "arena is not a whole number of units");
    this.#put(programMagic, programVersion);
    this.#list(slots, (slot) => this.#slot(slot));
    this.#put(arenaBytes / arenaUnit);
    this.#list(instructions, (i) => this.#instruction(i));
  }

  #put(...items: number[]): void {
    for (const item of items) this.words.push(item);
  }

  #list<T>(items: readonly T[], write: (item: T) => void): void {
    this.#put(items.length);
    items.forEach(write);
  }

  #numbers(list: readonly number[]): void {
    this.#list(list, (x) => this.#put(x));
  }

  #slot({ role, dtype, size, mayAlias = -1 }: Slot): void {
    this.#put(role === "input" ? 0 : 1, dtypes.indexOf(dtype), size, mayAlias);
  }

  #instruction(i: Instruction): void {
    this.#put(instructionKinds.indexOf(i.kind));
    this.#numbers(i.shape);
    for (const { field, value } of fieldsOf(i)) this.#fields[field.type](value as never);
  }

  /** How a field is written, by its type. */
  readonly #fields: Readonly<Record<Field["type"], (value: never) => void>> = {
    count: (n: number) => this.#put(n),
    flag: (is = false) => this.#put(Number(is)),
    numbers: (list: readonly number[]) => this.#numbers(list),
    reducer: (reducer: Reducer) => this.#put(reducers.indexOf(reducer)),
    view: (v: View) => this.#view(v),
    views: (list: readonly View[]) => this.#views(list),
    bias: (v: View | undefined) => this.#views(v ? [v] : []),
    expression: (e: Expression) => this.#expression(e),
    epilogue: (e: Epilogue) => {
      this.#views(e.inputs);
      this.#views(e.outputs);
      this.#expression(e.expression);
    },
  };

  #view({ buffer, dtype, offset, strides }: View): void {
    this.#put(buffer, dtypes.indexOf(dtype), offset);
    this.#numbers(strides);
  }

  #views(list: readonly View[]): void {
    this.#list(list, (v) => this.#view(v));
  }

  #expression({ values, results }: Expression): void {
    this.#list(values, (v) => this.#value(v));
    this.#numbers(results);
  }

  #value(v: Value): void {
    this.#put(valueKinds.indexOf(v.kind), dtypes.indexOf(v.dtype));
    if (v.kind === "input") this.#put(v.input);
    else if (v.kind === "constant") this.#put(this.constants.push(v.value) - 1);
    else if (v.kind === "index") this.#put(v.axis);
    else {
      this.#put(opcodeOf(v.op));
      this.#numbers(v.args);
    }
  }
}

const tooLarge = (count: number): ShapeError =>
  new ShapeError({
    subject: "tensor",
    problem: `a count of ${count} elements or bytes is more than the 32 bits that engines have for it.`,
    fix: "make the tensors smaller: fewer units, smaller images, smaller batches.",
  });
