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
import { nodeOf, noOperator } from "./arguments.ts";
import { display } from "./display.ts";
import { backend } from "./engine.ts";
import { Tensor } from "./tensor.ts";
import { type Uncloneable, uncloneable } from "./uncloneable.ts";

const hereVariable = uncloneable("Variable", "w.value");

/** How a trace intercepts variables; `compile` is one. */
export interface VariableTrace {
  read(variable: Variable): Tensor;
  write(variable: Variable, value: Tensor): void;
}

const traces: VariableTrace[] = [];

/** Runs `f` while `trace` intercepts all variables. */
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
 * A named container for a tensor that changes: parameters, optimizer state, random counters. Inside
 * a compiled function, reads and writes become inputs and outputs of the program, and the memory is
 * updated in place. Tensors read from it keep their values: a value that has been handed out is
 * never overwritten.
 *
 * @example
 * const counter = new Variable(tensor(0));
 * counter.value = counter.value.add(1);
 * counter.value.item(); // 1
 */
export class Variable {
  /** Makes structuredClone and postMessage refuse: a variable stays on its thread. */
  readonly here: Uncloneable = hereVariable;
  readonly shape: Shape;
  readonly dtype: DType;
  #tensor: Tensor;
  /** True if nobody else holds the storage, so that it may be overwritten. */
  #exclusive = false;
  /** True if the storage is where the engine reads it fastest, because every run reads it. */
  #relocated = false;
  /** Pending calls that will write it. */
  #claims = 0;
  /** Pending calls that will read the present value: it is not overwritten. */
  #holds = 0;
  #spare: Storage | null = null;

  constructor(value: Tensor) {
    nodeOf("Variable", value);
    this.shape = value.shape;
    this.dtype = value.dtype;
    this.#tensor = value;
  }

  /** Its kind, dtype, shape and values, formatted like a tensor's. */
  toString(): string {
    return display(this.constructor.name, this.#tensor.node);
  }
  /** Like its tensor's. */
  toJSON(): unknown {
    return this.#tensor.toJSON();
  }
  /**
   * JavaScript operators do not work on variables: `${w}` is text, all others throw and name the
   * method to call.
   */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    throw noOperator(`a ${this.constructor.name}`, "w.value");
  }
  /** The output of Node's `console.log`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  get value(): Tensor {
    return traces.at(-1)?.read(this) ?? this.current;
  }

  /** Its current tensor, whether or not a function is being traced. */
  get current(): Tensor {
    this.checkIdle();
    this.#exclusive = false;
    return this.#tensor;
  }

  set value(value: Tensor) {
    nodeOf("Variable", value);
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
    this.checkIdle();
    this.#exclusive = false;
    this.#relocated = false;
    this.#spare = null;
    this.#tensor = value;
  }

  // — for `compile`: a call claims what it writes and holds what it reads, until it can run —

  /** @throws {ConfigError} if a pending call writes it. */
  checkIdle(): void {
    if (this.#claims > 0)
      throw new ConfigError({
        subject: "Variable",
        problem: "a compiled function that writes it is still running.",
        fix: "await the running call first.",
      });
  }

  /** Registers a pending call that writes it. */
  claim(): void {
    this.#claims++;
  }

  /** The call is done, or has failed: then the old value stays. */
  release(): void {
    this.#claims--;
  }

  /**
   * The value for a call made now; null if an earlier pending call writes it, unless it is this
   * call's `turn`.
   */
  hold(turn = false): Tensor | null {
    if (this.#claims > 0 && !turn) return null;
    this.#holds++;
    return this.#tensor;
  }

  /** Releases a value taken by `hold`: its call is done. */
  drop(): void {
    this.#holds--;
  }

  /** The storage for a run to read: the held one, or the present one. */
  acquire(held: Tensor | null = null): Storage {
    const tensor = held ?? this.#tensor;
    const given = tensor.evalSync().node.storage!;
    if (this.#relocated || tensor !== this.#tensor) return given;
    this.#relocated = true;
    const storage = backend().relocate(given);
    if (storage === given) return given;
    this.#tensor = new Tensor(dataNode(storage, this.shape));
    this.#exclusive = true;
    return storage;
  }

  /** The storage for a run to write: the old one if it may be reused and nobody else holds it. */
  target(inPlace: boolean): Storage {
    const old = this.#tensor.node.storage;
    if (inPlace && this.#exclusive && this.#holds === 0 && old) {
      this.#spare = null;
      return old;
    }
    return this.#spare ?? backend().allocate(this.dtype, this.#tensor.size);
  }

  /** Ends a run that wrote `storage`. */
  commit(storage: Storage): void {
    const old = this.#tensor.node.storage;
    if (storage === old) return;
    this.#spare = this.#exclusive && this.#holds === 0 ? old : null;
    this.#tensor = new Tensor(dataNode(storage, this.shape));
    this.#exclusive = true;
  }
}

export const isVariable = (x: unknown): x is Variable => x instanceof Variable;
