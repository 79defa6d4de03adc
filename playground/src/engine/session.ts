/** One training: its data, net and optimizer, and where it stands. Runs in a worker or in Node. */
import { compile, fromHost, hostArray, stack, type Tensor, Variable } from "gradus";
import { batches, type Split } from "gradus/data";
import { l1, l2, valueAndGrad } from "gradus/nn";
import type { Optimizer } from "gradus/optim";
import type { Settings } from "../state/settings.ts";
import { type Examples, examplesOf } from "./data.ts";
import { lossOf, type Net, netOf, optimizerOf } from "./net.ts";

/** Steps that one program makes where the net is small: a call then costs less than its work. */
const unrolled = 10;
/** Parameters up to which steps are unrolled. */
const smallNet = 2000;
/** Steps between two checkpoints, and how many there may be before every other one is dropped. */
const checkpoints = { every: 50, most: 64 };

/** Everything that training changes, at one step. */
interface Checkpoint {
  readonly step: number;
  readonly values: readonly {
    readonly shape: readonly number[];
    readonly data: ArrayLike<number>;
  }[];
  /** A change by hand happened here, which no recomputation would repeat. */
  readonly pinned: boolean;
}

/** When to return from {@link Session.advance}. */
export interface Budget {
  readonly steps: number;
  readonly milliseconds: number;
}

export class Session {
  readonly settings: Settings;
  readonly examples: Examples;
  readonly net: Net;
  readonly optimizer: Optimizer;
  /** Steps made so far. */
  step = 0;
  /** The loss of each batch, before its step. */
  readonly losses: number[] = [];
  readonly batchesPerEpoch: number;
  readonly #batch: number;
  readonly #order: { epoch: number; rows: Int32Array } = { epoch: -1, rows: new Int32Array(0) };
  readonly #advance: (rows: Tensor) => Tensor;
  readonly #state: readonly Variable[];
  readonly #checkpoints: Checkpoint[] = [];
  #spacing = checkpoints.every;

  constructor(settings: Settings) {
    this.settings = settings;
    this.examples = examplesOf(settings);
    this.net = netOf(settings);
    const { model } = this.net;
    this.optimizer = optimizerOf(settings, model);
    this.#state = [...Object.values(model.state()), ...Object.values(this.optimizer.state())];
    this.#batch = Math.min(settings.batch, this.examples.train.size);
    this.batchesPerEpoch = Math.ceil(this.examples.train.size / this.#batch);
    this.#advance = this.#program();
    this.#save(true);
  }

  get epoch(): number {
    return Math.floor(this.step / this.batchesPerEpoch);
  }

  /** Trains until the steps or the time are used up. @returns the number of steps made. */
  advance({ steps, milliseconds }: Budget): number {
    const end = performance.now() + milliseconds;
    const from = this.step;
    while (this.step < from + steps) {
      this.#some(from + steps - this.step);
      if (performance.now() >= end) break;
    }
    return this.step - from;
  }

  /** Goes to any earlier step, exactly: from the nearest checkpoint by computing again. */
  goTo(step: number): void {
    if (step < 0 || step > this.step) throw new RangeError(`step ${step} was not made yet.`);
    const from = this.#checkpoints.findLast((checkpoint) => checkpoint.step <= step)!;
    this.#restore(from);
    while (this.step < step) this.#some(step - this.step);
  }

  /** Changes one number of a parameter, from here on. */
  edit(path: string, index: number, value: number): void {
    const parameter = this.net.model.parameters()[path];
    if (!parameter) throw new RangeError(`there is no parameter ${path}.`);
    const data = Float32Array.from(parameter.value.dataSync());
    data[index] = value;
    parameter.value = fromHost(hostArray(parameter.shape, data));
    this.#branch();
  }

  /** Sets the learning rate of all later steps. */
  setLearningRate(lr: number): void {
    this.optimizer.lr = lr;
    this.#branch();
  }

  /** What was computed beyond this step is no longer what training would give. */
  #branch(): void {
    this.losses.length = this.step;
    const kept = this.#checkpoints.filter(({ step }) => step < this.step);
    this.#checkpoints.splice(0, this.#checkpoints.length, ...kept);
    this.#save(true);
  }

  #program(): (rows: Tensor) => Tensor {
    const { model } = this.net;
    const { l1: lasso, l2: ridge } = this.settings;
    const loss = lossOf(this.settings);
    const [inputs, targets] = variablesOf(this.examples.train);
    const gradients = valueAndGrad(model, (x: Tensor, t: Tensor) => {
      let value = loss(model.forward(x), t);
      if (lasso > 0) value = value.add(l1(model.parameters(), lasso));
      if (ridge > 0) value = value.add(l2(model.parameters(), ridge));
      return value;
    });
    const one = (rows: Tensor): Tensor => {
      const { value, grads } = gradients(inputs.value.take(rows), targets.value.take(rows));
      this.optimizer.update(grads);
      return value;
    };
    const step = compile((rows: Tensor) =>
      stack(
        Array.from({ length: rows.shape[0]! }, (_, k) => one(rows.slice([k, k + 1]).reshape([-1]))),
      ),
    );
    return (rows) => step.sync(rows);
  }

  /** One call of a program: several steps where the net is small, else one. */
  #some(most: number): void {
    const at = this.step % this.batchesPerEpoch;
    const full = Math.floor(this.examples.train.size / this.#batch) - at;
    const toSave = this.#spacing - (this.step % this.#spacing);
    const isSmall = this.#size() <= smallNet;
    const many = isSmall && Math.min(most, full, toSave) >= unrolled ? unrolled : 1;
    const rows = this.#rows(this.epoch).subarray(at * this.#batch, (at + many) * this.#batch);
    const shape = [many, rows.length / many];
    const losses = this.#advance(fromHost(hostArray(shape, rows.slice()))).dataSync();
    for (let k = 0; k < many; k++) this.losses[this.step + k] = losses[k]!;
    this.step += many;
    if (this.step % this.#spacing === 0) this.#save(false);
  }

  #size(): number {
    const parameters = Object.values(this.net.model.parameters());
    return parameters.reduce((sum, { value }) => sum + value.size, 0);
  }

  /** The examples of an epoch in their order, which depends on the seed and the epoch alone. */
  #rows(epoch: number): Int32Array {
    if (this.#order.epoch !== epoch) {
      const { train } = this.examples;
      const ids = hostArray(
        [train.size],
        Int32Array.from({ length: train.size }, (_, i) => i),
      );
      const split = { inputs: ids, targets: ids, size: train.size };
      const { seed } = this.settings;
      const [all] = batches(split, { batchSize: train.size, shuffle: true, seed, epoch });
      this.#order.rows = all!.rows;
      this.#order.epoch = epoch;
    }
    return this.#order.rows;
  }

  #save(pinned: boolean): void {
    const last = this.#checkpoints.at(-1);
    if (last && last.step >= this.step) return;
    const values = this.#state.map(({ value }) => {
      const { shape, data } = value.toHost();
      return { shape, data: data.slice() };
    });
    this.#checkpoints.push({ step: this.step, values, pinned });
    if (this.#checkpoints.length > checkpoints.most) this.#thin();
  }

  /** Keeps every other checkpoint, and all after changes by hand. */
  #thin(): void {
    this.#spacing *= 2;
    const kept = this.#checkpoints.filter(
      ({ step, pinned }) => pinned || step % this.#spacing === 0,
    );
    this.#checkpoints.splice(0, this.#checkpoints.length, ...kept);
  }

  #restore({ step, values }: Checkpoint): void {
    this.#state.forEach((variable, i) => {
      const { shape, data } = values[i]!;
      variable.value = fromHost(hostArray(shape, (data as Float32Array).slice()));
    });
    this.step = step;
  }
}

const variablesOf = ({ inputs, targets }: Split): [Variable, Variable] => [
  new Variable(fromHost(inputs)),
  new Variable(fromHost(targets)),
];
