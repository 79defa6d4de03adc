import {
  ConfigError,
  type DType,
  DTypeError,
  type Shape,
  ShapeError,
  type Storage,
  sameShape,
  show,
} from "../base/index.ts";
import { dataNode } from "../ops/index.ts";
import { backend } from "./engine.ts";
import { Tensor } from "./tensor.ts";

/** What a trace wants to know of variables; `compile` is one. */
export interface VariableTrace {
  read(variable: Variable): Tensor;
  write(variable: Variable, value: Tensor): void;
}

const traces: VariableTrace[] = [];

/** Runs `f` while `trace` answers for all variables. */
export function withTrace<T>(trace: VariableTrace, f: () => T): T {
  traces.push(trace);
  try {
    return f();
  } finally {
    traces.pop();
  }
}

/** True while a function is being traced, when values are not known. */
export const isTracing = (): boolean => traces.length > 0;

/**
 * A named place for a tensor that changes: parameters, optimiser state, random counters. Inside a
 * compiled function, reads and writes become inputs and outputs of the program, and the memory is
 * updated in place. Tensors read from it stay what they were: a value that was handed out is
 * never overwritten.
 *
 * @example
 * const counter = new Variable(tensor(0));
 * counter.value = counter.value.add(1);
 * counter.value.item(); // 1
 */
export class Variable {
  readonly shape: Shape;
  readonly dtype: DType;
  #tensor: Tensor;
  /** True when nobody outside holds the storage, so that it may be overwritten. */
  #exclusive = false;
  /** True when the storage is where the engine reads it fastest: it is read in every run. */
  #settled = false;
  #busy = false;
  #spare: Storage | null = null;

  constructor(value: Tensor) {
    this.shape = value.shape;
    this.dtype = value.dtype;
    this.#tensor = value;
  }

  get value(): Tensor {
    const trace = traces.at(-1);
    if (trace) return trace.read(this);
    this.#checkIdle();
    this.#exclusive = false;
    return this.#tensor;
  }

  set value(value: Tensor) {
    if (!sameShape(value.shape, this.shape))
      throw new ShapeError({
        subject: "Variable",
        problem: `holds ${show(this.shape)}, got ${show(value.shape)}.`,
        fix: "assign a tensor of the same shape.",
      });
    if (value.dtype !== this.dtype)
      throw new DTypeError({
        subject: "Variable",
        problem: `holds ${this.dtype}, got ${value.dtype}.`,
        fix: `cast it: value.cast("${this.dtype}").`,
      });
    const trace = traces.at(-1);
    if (trace) {
      trace.write(this, value);
      return;
    }
    this.#checkIdle();
    this.#exclusive = false;
    this.#settled = false;
    this.#spare = null;
    this.#tensor = value;
  }

  /** The storage for a run to read. For `compile`. */
  acquire(): Storage {
    this.#checkIdle();
    const given = this.#tensor.evalSync().node.storage!;
    if (this.#settled) return given;
    this.#settled = true;
    const storage = backend().settle(given);
    if (storage === given) return given;
    this.#tensor = new Tensor(dataNode(storage, this.shape));
    this.#exclusive = true;
    return storage;
  }

  /** The storage for a run to write: the old one if it may be shared and nobody else holds it. */
  target(inPlace: boolean): Storage {
    this.#busy = true;
    const old = this.#tensor.node.storage;
    if (inPlace && this.#exclusive && old) return old;
    return this.#spare ?? backend().allocate(this.dtype, old?.size ?? this.#tensor.size);
  }

  /** The end of a run that wrote `storage`. */
  commit(storage: Storage): void {
    const old = this.#tensor.node.storage;
    this.#busy = false;
    if (storage === old) return;
    this.#spare = this.#exclusive ? old : null;
    this.#tensor = new Tensor(dataNode(storage, this.shape));
    this.#exclusive = true;
  }

  /** The end of a run that failed: the old value stays. */
  abandon(): void {
    this.#busy = false;
  }

  #checkIdle(): void {
    if (this.#busy)
      throw new ConfigError({
        subject: "Variable",
        problem: "a compiled function that writes it is still running.",
        fix: "await the running call first.",
      });
  }
}

export const isVariable = (x: unknown): x is Variable => x instanceof Variable;
