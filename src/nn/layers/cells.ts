/**
 * Single steps of recurrent networks; {@link RNN}, {@link LSTM} and {@link GRU} run them over
 * sequences.
 */
import { checkOptions, type FloatDType, ShapeError, show } from "../../base/index.ts";
import { type Tensor, zeros } from "../../tensor/index.ts";
import { torchUniform } from "../initialise.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";
import { checkCounts } from "./linear.ts";

/** The state of a cell: the hidden state h, which is also its output. */
export interface HiddenState {
  readonly h: Tensor; // [N, H]
}
/** With the content c of an LSTM's memory cell. */
export interface MemoryState extends HiddenState {
  readonly c: Tensor; // [N, H]
}

/** The dtype of a cell's parameters. */
export interface CellOptions {
  readonly dtype?: FloatDType | undefined;
}

/** Shared by all cells: `gates` blocks of H rows in each weight, in the order given by the cell. */
export abstract class RecurrentCell<S extends HiddenState> extends Module<
  [x: Tensor, state?: S | undefined],
  S
> {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly inputWeight: Parameter; // [gates · H, in]
  readonly hiddenWeight: Parameter; // [gates · H, H]
  readonly bias: Parameter; // [gates · H]

  constructor(gates: number, inputSize: number, hiddenSize: number, options: CellOptions) {
    super();
    checkOptions(this.constructor.name, options ?? null, { dtype: true });
    const { dtype } = options;
    checkCounts(this.constructor.name, { inputSize, hiddenSize });
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    const init = { dtype, fanIn: hiddenSize };
    this.inputWeight = new Parameter(torchUniform([gates * hiddenSize, inputSize], init));
    this.hiddenWeight = new Parameter(torchUniform([gates * hiddenSize, hiddenSize], init));
    this.bias = new Parameter(torchUniform([gates * hiddenSize], init));
  }

  /** The state before the first step: 0 for each of `n` examples. */
  abstract initial(n: number): S;
  /** The next state, from the projected input `[N, gates · H]`. */
  abstract step(projected: Tensor, state: S): S;

  /** `[N, in]`, and a state of `[N, H]` (default 0) → the next state */
  forward(x: Tensor, state?: S | undefined): S {
    if (x.rank !== 2)
      throw new ShapeError({
        subject: this.constructor.name,
        problem: `takes [N, ${this.inputSize}], got ${show(x.shape)}.`,
        fix: "give one step of each sequence.",
      });
    return this.step(this.project(x), state ?? this.initial(x.shape[0]!));
  }

  /**
   * The part of the gates that does not depend on the state, W x + b: `[…, in]` → `[…, gates · H]`
   */
  project(x: Tensor): Tensor {
    if (x.shape.at(-1) !== this.inputSize)
      throw new ShapeError({
        subject: this.constructor.name,
        problem: `takes inputs of ${this.inputSize}, got ${show(x.shape)} (${this.inputSize} ≠ ${x.shape.at(-1)}).`,
        fix: "make the last axis the features of one step.",
      });
    return x.matmul(this.inputWeight.value.transpose()).add(this.bias.value);
  }

  /** U h: `[N, H]` → `[N, gates · H]` */
  protected recur(h: Tensor): Tensor {
    return h.matmul(this.hiddenWeight.value.transpose());
  }

  /** Block `i` of `[N, gates · H]`. */
  protected gate(all: Tensor, i: number): Tensor {
    return all.slice(null, [i * this.hiddenSize, (i + 1) * this.hiddenSize]);
  }

  protected zero(n: number): Tensor {
    return zeros([n, this.hiddenSize], { dtype: this.bias.dtype });
  }

  override toString(): string {
    return `${this.constructor.name} ${this.inputSize} → ${this.hiddenSize}`;
  }
}

/**
 * One step of a simple recurrent network.
 *
 *   h ← tanh(W x + U h + b)
 *
 * All weights and the bias start as U(−1/√H, 1/√H). PyTorch's second bias, which would only be
 * added to the first, is omitted.
 *
 * @see Elman 1990
 * @example
 * new RNNCell(3, 2).forward(zeros([4, 3])).h.shape; // [4, 2]
 */
export class RNNCell extends RecurrentCell<HiddenState> {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(1, inputSize, hiddenSize, options);
  }
  initial(n: number): HiddenState {
    return { h: this.zero(n) };
  }
  step(projected: Tensor, { h }: HiddenState): HiddenState {
    return { h: projected.add(this.recur(h)).tanh() };
  }
}

/**
 * One step of a long short-term memory: gates decide what is written, kept and output.
 *
 *   i = σ(Wᵢ x + Uᵢ h + bᵢ)     f = σ(W_f x + U_f h + b_f)     o = σ(Wₒ x + Uₒ h + bₒ)
 *   g = tanh(W_g x + U_g h + b_g)
 *   c ← f c + i g,   h ← o tanh c
 *
 * The weights hold the blocks i, f, g, o in this order, as PyTorch's do, and start with the bias as
 * U(−1/√H, 1/√H). PyTorch's second bias, which would only be added to the first, is omitted.
 *
 * @see Hochreiter & Schmidhuber 1997; Gers et al. 2000 for f
 * @example
 * const { h, c } = new LSTMCell(3, 2).forward(zeros([4, 3]));
 * [h.shape, c.shape]; // [[4, 2], [4, 2]]
 */
export class LSTMCell extends RecurrentCell<MemoryState> {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(4, inputSize, hiddenSize, options);
  }
  initial(n: number): MemoryState {
    return { h: this.zero(n), c: this.zero(n) };
  }
  step(projected: Tensor, { h, c }: MemoryState): MemoryState {
    const all = projected.add(this.recur(h));
    const [i, f] = [this.gate(all, 0).sigmoid(), this.gate(all, 1).sigmoid()];
    const [g, o] = [this.gate(all, 2).tanh(), this.gate(all, 3).sigmoid()];
    const memory = f.mul(c).add(i.mul(g));
    return { h: o.mul(memory.tanh()), c: memory };
  }
}

/**
 * One step of a gated recurrent unit, in the form of PyTorch and cuDNN, where r acts after the product:
 *
 *   r = σ(Wᵣ x + Uᵣ h + bᵣ)     z = σ(W_z x + U_z h + b_z)
 *   n = tanh(Wₙ x + bₙ + r (Uₙ h + d))
 *   h ← (1 − z) n + z h
 *
 * The weights hold the blocks r, z, n in this order, as PyTorch's do; all weights and biases start as
 * U(−1/√H, 1/√H).
 *
 * @see Cho et al. 2014, with the reset as in its later version
 * @example
 * new GRUCell(3, 2).forward(zeros([4, 3])).h.shape; // [4, 2]
 */
export class GRUCell extends RecurrentCell<HiddenState> {
  readonly hiddenBias: Parameter; // d [H]

  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(3, inputSize, hiddenSize, options);
    const init = { dtype: options.dtype, fanIn: hiddenSize };
    this.hiddenBias = new Parameter(torchUniform([hiddenSize], init));
  }
  initial(n: number): HiddenState {
    return { h: this.zero(n) };
  }
  step(projected: Tensor, { h }: HiddenState): HiddenState {
    const recurrent = this.recur(h);
    const both = (i: number) => this.gate(projected, i).add(this.gate(recurrent, i));
    const [r, z] = [both(0).sigmoid(), both(1).sigmoid()];
    const reset = r.mul(this.gate(recurrent, 2).add(this.hiddenBias.value));
    const n = this.gate(projected, 2).add(reset).tanh();
    return { h: n.add(z.mul(h.sub(n))) };
  }
}
