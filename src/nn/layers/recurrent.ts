/** Recurrent networks over sequences: cells unrolled in time, stacked, in one direction or both. */
import {
  ConfigError,
  checkOptions,
  DTypeError,
  ShapeError,
  show,
  sizeOf,
} from "../../base/index.ts";
import { concat, stack, type Tensor, where } from "../../tensor/index.ts";
import { Module } from "../module.ts";
import {
  type CellOptions,
  GRUCell,
  type HiddenState,
  LSTMCell,
  type MemoryState,
  type RecurrentCell,
  RNNCell,
} from "./cells.ts";

/** The depth and direction of a recurrent layer. */
export interface RecurrentOptions extends CellOptions {
  /** Number of stacked layers, each reading the outputs of the one below; default 1. */
  readonly layers?: number | undefined;
  /** Also reads each sequence backwards, and concatenates both outputs. */
  readonly bidirectional?: boolean | undefined;
}

/** The initial state, and the lengths of the sequences. */
export interface SequenceOptions<S extends HiddenState> {
  /**
   * Number of real steps in each sequence, int32 `[N]`; beyond them outputs are 0 and the state
   * stays.
   */
  readonly lengths?: Tensor | undefined;
  /** The state to start from, as {@link Recurrent.run} returns one; default 0. */
  readonly initial?: S | undefined;
}

/** Applies a function to every tensor of a state. */
const mapState = <S extends HiddenState>(state: S, f: (x: Tensor, name: keyof S) => Tensor): S =>
  Object.fromEntries(
    Object.entries(state).map(([k, x]) => [k, f(x, k as keyof S)]),
  ) as unknown as S;

/** Shared by recurrent networks; they differ in their cell. */
export abstract class Recurrent<S extends HiddenState> extends Module<
  [x: Tensor, options?: SequenceOptions<S> | undefined]
> {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly directions: 1 | 2;
  /** Layer by layer from below; within one, forwards, then backwards. */
  readonly cells: readonly RecurrentCell<S>[];

  constructor(
    cell: new (inputSize: number, hiddenSize: number, options: CellOptions) => RecurrentCell<S>,
    inputSize: number,
    hiddenSize: number,
    options: RecurrentOptions,
  ) {
    super();
    checkOptions(this.constructor.name, options ?? null, {
      layers: "number",
      bidirectional: "boolean",
      dtype: true,
    });
    const { layers = 1, bidirectional = false, dtype } = options;
    if (!(Number.isInteger(layers) && layers > 0))
      throw new ConfigError({
        subject: this.constructor.name,
        problem: `${layers} layers.`,
        fix: "stack a whole number, 1 or more.",
      });
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.directions = bidirectional ? 2 : 1;
    this.cells = Array.from({ length: layers * this.directions }, (_, i) => {
      const inputs = i < this.directions ? inputSize : hiddenSize * this.directions;
      return new cell(inputs, hiddenSize, { dtype });
    });
  }

  /** `[N, T, in]` → outputs of the top layer, `[N, T, directions · H]` */
  forward(x: Tensor, options: SequenceOptions<S> = {}): Tensor {
    return this.run(x, options).outputs;
  }

  /**
   * Outputs of the top layer, and the last state of every layer and direction.
   *
   * @param x `[N, T, in]`, T ≥ 1.
   * @returns outputs `[N, T, directions · H]`; each tensor of the state `[layers · directions, N, H]`.
   * @throws {ShapeError} for other shapes. @throws {DTypeError} for lengths that are not int32.
   */
  run(x: Tensor, { lengths, initial }: SequenceOptions<S> = {}): { outputs: Tensor; state: S } {
    this.#check(x, lengths, initial);
    const alive = lengths && steps(x).map((t) => lengths.greater(t).unsqueeze(1)); // [N, 1] each
    const last: S[] = [];
    let outputs = x;
    for (let i = 0; i < this.cells.length; i += this.directions) {
      const sides = this.cells.slice(i, i + this.directions).map((cell, side) => {
        const from = initial
          ? mapState(initial, (all) => all.slice(i + side))
          : cell.initial(x.shape[0]!);
        const done = unroll(cell, outputs, from, { backwards: side === 1, alive });
        last.push(done.state);
        return done.outputs;
      });
      outputs = concat(sides, { axis: 2 });
    }
    return {
      outputs,
      state: mapState(last[0]!, (_, name) => stack(last.map((s) => s[name] as Tensor))),
    };
  }

  /** Every weight is used once per step. */
  override connections([length = 1]: readonly number[]): number {
    const weights = this.cells.map(
      (cell) => sizeOf(cell.inputWeight.shape) + sizeOf(cell.hiddenWeight.shape),
    );
    return length * weights.reduce((a, b) => a + b, 0);
  }

  override toString(): string {
    return `${this.constructor.name} ${this.inputSize} → ${this.hiddenSize}`;
  }

  #check(x: Tensor, lengths: Tensor | undefined, initial: S | undefined): void {
    const subject = this.constructor.name;
    if (x.rank !== 3 || x.shape[1] === 0 || x.shape[2] !== this.inputSize)
      throw new ShapeError({
        subject,
        problem: `takes [N, T, ${this.inputSize}] with one step or more, got ${show(x.shape)}.`,
        fix: "put the batch first, then time, then the features of one step.",
      });
    const [n] = x.shape as [number];
    if (lengths && lengths.dtype !== "int32")
      throw new DTypeError({
        subject,
        problem: `lengths are ${lengths.dtype}.`,
        fix: 'cast them: lengths.cast("int32").',
      });
    if (lengths && show(lengths.shape) !== show([n]))
      throw new ShapeError({
        subject,
        problem: `lengths are ${show(lengths.shape)}, the input ${show(x.shape)}.`,
        fix: `give one length per sequence, ${show([n])}.`,
      });
    const wanted = show([this.cells.length, n, this.hiddenSize]);
    for (const [name, state] of Object.entries(initial ?? {}))
      if (show(state.shape) !== wanted)
        throw new ShapeError({
          subject,
          problem: `the initial ${name} is ${show(state.shape)}, not ${wanted}.`,
          fix: "give [layers · directions, N, H].",
        });
  }
}

const steps = (x: Tensor): number[] => Array.from({ length: x.shape[1]! }, (_, t) => t);

/** One cell over `[N, T, in]`: outputs `[N, T, H]` in the order of time, and the last state. */
function unroll<S extends HiddenState>(
  cell: RecurrentCell<S>,
  x: Tensor,
  state: S,
  { backwards, alive }: { backwards: boolean; alive: readonly Tensor[] | undefined },
): { outputs: Tensor; state: S } {
  const projected = cell.project(x); // one product for all steps
  const outputs: Tensor[] = [];
  const order = steps(x);
  for (const t of backwards ? order.reverse() : order) {
    const next = cell.step(projected.slice(null, t), state);
    const real = alive?.[t];
    state = real ? mapState(next, (y, name) => where(real, y, state[name] as Tensor)) : next;
    outputs[t] = real ? where(real, next.h, 0) : next.h;
  }
  return { outputs: stack(outputs, { axis: 1 }), state };
}

/**
 * A simple recurrent network over sequences; see {@link RNNCell} for its equation.
 *
 * @see Elman 1990
 * @example
 * new RNN(3, 8).forward(zeros([2, 5, 3])).shape; // [2, 5, 8]
 */
export class RNN extends Recurrent<HiddenState> {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(RNNCell, inputSize, hiddenSize, options);
  }
}

/**
 * A long short-term memory over sequences; see {@link LSTMCell} for its equations.
 *
 * @see Hochreiter & Schmidhuber 1997; Schuster & Paliwal 1997 for both directions
 * @example
 * const layer = new LSTM(3, 8, { layers: 2, bidirectional: true });
 * const { outputs, state } = layer.run(zeros([2, 5, 3]), { lengths: tensor([5, 2], "int32") });
 * outputs.shape; // [2, 5, 16]
 * [state.h.shape, state.c.shape]; // [[4, 2, 8], [4, 2, 8]]
 */
export class LSTM extends Recurrent<MemoryState> {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(LSTMCell, inputSize, hiddenSize, options);
  }
}

/**
 * A gated recurrent unit over sequences; see {@link GRUCell} for its equations.
 *
 * @see Cho et al. 2014
 * @example
 * const layer = new GRU(3, 8);
 * const { state } = layer.run(zeros([2, 5, 3]));
 * layer.run(zeros([2, 1, 3]), { initial: state }).outputs.shape; // [2, 1, 8]
 */
export class GRU extends Recurrent<HiddenState> {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(GRUCell, inputSize, hiddenSize, options);
  }
}
