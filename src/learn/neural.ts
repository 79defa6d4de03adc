/** Neural nets as learners. */
import {
  allocate,
  ConfigError,
  DataError,
  describe,
  FormatError,
  type HostArray,
  ShapeError,
  show,
} from "../base/index.ts";
import { makeSplit } from "../data/index.ts";
import { evaluating, type Module } from "../nn/index.ts";
import { compile, fromHost, Tensor, zeros } from "../tensor/index.ts";
import { type FitOptions, fit, type History } from "../train/index.ts";
import {
  Classifier,
  type ClassifierState,
  classified,
  type LearnOptions,
  measured,
  Regressor,
  type State,
} from "./estimator.ts";
import { type Examples, type Features, type Matrix, type Targets, vectorTensor } from "./input.ts";
import { largest } from "./linear/linear-classifier.ts";
import { byIndex, checkNeural, type NeuralOptions, plain } from "./neural-options.ts";
import { type Snapshot, snapshotOf } from "./storage.ts";

type NetState = State & {
  readonly weights: { readonly [path: string]: HostArray };
  /** The shape of one example. */
  readonly inputShape: readonly number[];
};

/** Batch size of predictions. */
const batchSize = 256;

/** Which learner's weights a model currently has: several learners may share one model. */
const tenants = new WeakMap<Module, object>();

/** A model, its initial weights, and its compiled outputs. */
class Net {
  readonly model: Module;
  readonly #initial: Readonly<Record<string, HostArray>>;
  readonly #forward: ReturnType<typeof compile<[Tensor], Tensor>>;

  constructor(subject: string, model: Module, options: NeuralOptions) {
    if (typeof model?.forward !== "function" || typeof model.state !== "function")
      throw new ConfigError({
        subject,
        problem: `the model is ${describe(model)}.`,
        fix: `give a model of gradus/nn, such as ${subject}(new Linear(2, 3), { epochs: 10 }).`,
      });
    checkNeural(subject, options);
    this.model = model;
    this.#initial = weightsIn(model);
    this.#forward = compile((x: Tensor) => evaluating(model, () => model.forward(x)));
  }

  /** Trains from the initial weights of the model. */
  async train(
    x: HostArray,
    targets: HostArray,
    options: FitOptions,
    tenant: object,
  ): Promise<{ history: History; weights: Readonly<Record<string, HostArray>> }> {
    tenants.set(this.model, tenant);
    write(this.model, this.#initial);
    const history = await fit(this.model, makeSplit(x, targets), options);
    return { history, weights: weightsIn(this.model) };
  }

  /** The outputs `[N, K]` with a learner's fitted weights. */
  outputs(
    x: HostArray,
    { weights }: NetState,
    tenant: object,
  ): { values: Float64Array; k: number } {
    if (tenants.get(this.model) !== tenant) write(this.model, weights);
    tenants.set(this.model, tenant);
    const rows = x.shape[0]!;
    const size = x.data.length / rows;
    const parts: Tensor[] = [];
    for (let first = 0; first < rows; first += batchSize) {
      const last = Math.min(first + batchSize, rows);
      const data = x.data.slice(first * size, last * size);
      const shape = [last - first, ...x.shape.slice(1)];
      parts.push(this.#forward.sync(fromHost({ dtype: x.dtype, shape, data })));
    }
    const values = new Float64Array(parts.reduce((sum, part) => sum + part.size, 0));
    let at = 0;
    for (const part of parts) {
      values.set(part.dataSync(), at);
      at += part.size;
    }
    return { values, k: values.length / rows };
  }

  /** The number of outputs per example. @throws {ShapeError} unless its outputs are `[N, K]`. */
  width(subject: string, { dtype, shape }: HostArray): number {
    const one = zeros([1, ...shape.slice(1)], { dtype });
    const given = evaluating(this.model, () => this.model.forward(one).shape);
    if (given.length === 2) return given[1]!;
    throw new ShapeError({
      subject,
      problem: `the model gives ${show(given)} for one example, not [1, K].`,
      fix: "end it with a layer that gives a row for each example, such as Linear.",
    });
  }

  /** Rows in the dtype of the parameters, and in the shape of the examples. */
  inputs({ rows, data }: Matrix, inputShape: readonly number[]): HostArray {
    const dtype = Object.values(this.model.parameters())[0]?.value.dtype ?? "float32";
    const own = allocate(dtype, data.length);
    own.set(data);
    return { dtype, shape: [rows, ...inputShape], data: own };
  }

  /** @throws {FormatError} unless the weights have the names and shapes of the model's. */
  check(subject: string, { weights }: NetState): void {
    const shapes = (of: Readonly<Record<string, HostArray>>) =>
      Object.entries(of)
        .map(([path, { shape }]) => `${path} ${show(shape)}`)
        .join(", ");
    const [stored, own] = [shapes(weights), shapes(this.#initial)];
    if (stored === own) return;
    throw new FormatError({
      subject,
      problem: `the stored weights are ${stored}, and the model has ${own}.`,
      fix: "give a model that is built as the stored one was.",
    });
  }
}

function weightsIn(model: Module): Record<string, HostArray> {
  return Object.fromEntries(
    Object.entries(model.state()).map(([path, variable]) => {
      const { dtype, shape, data } = variable.value.toHost();
      return [path, { dtype, shape, data: data.slice() }];
    }),
  );
}

function write(model: Module, weights: Readonly<Record<string, HostArray>>): void {
  for (const [path, variable] of Object.entries(model.state()))
    variable.value = fromHost({ ...weights[path]!, data: weights[path]!.data.slice() });
}

/** The shape of one example of `[N, …]`; one axis for rows. */
function shapeOf(x: Features | Examples, columns: number): readonly number[] {
  const given = typeof x === "object" && x !== null && "inputs" in x ? x.inputs : x;
  const shape = given instanceof Tensor || "shape" in given ? given.shape : [];
  return shape.length > 2 ? shape.slice(1) : [columns];
}

/** A neural net as classifier. Created by {@link neuralClassifier}. */
export class NeuralClassifier extends Classifier<ClassifierState & NetState> {
  readonly name = "NeuralClassifier";
  readonly options: NeuralOptions;
  readonly #net: Net;
  #history: History | undefined;

  constructor(model: Module, options: NeuralOptions = {}) {
    super();
    this.#net = new Net("neuralClassifier", model, options);
    this.options = options;
  }

  /** The net. Its weights are those of the learner that was last fitted or used for prediction. */
  get model(): Module {
    return this.#net.model;
  }
  /** The training history of `fit`; undefined for a loaded learner. */
  get history(): History | undefined {
    return this.#history;
  }

  /**
   * Trains the net from its initial weights. @throws {ConfigError} unless it has an output per
   * class, or one for two classes.
   */
  async fit(x: Features | Examples, y?: Targets, options: LearnOptions = {}): Promise<this> {
    const rows = classified(this.name, x, y, options);
    const inputShape = shapeOf(x, rows.x.columns);
    const inputs = this.#net.inputs(rows.x, inputShape);
    const width = this.#net.width(this.name, inputs);
    const { classes } = rows;
    if (width !== classes.length && !(width === 1 && classes.length === 2))
      throw new ConfigError({
        subject: this.name,
        problem: `the model gives ${width} scores, and there are ${classes.length} classes (${width} ≠ ${classes.length}).`,
        fix: `end it with a layer of ${classes.length} outputs${classes.length === 2 ? ", or of 1" : ""}.`,
      });
    const targets: HostArray = { dtype: "int32", shape: [rows.x.rows], data: rows.indices };
    const { history, weights } = await this.#net.train(
      inputs,
      targets,
      {
        ...this.options,
        objective: width === 1 ? "binary" : "classification",
        sampleWeight: options.sampleWeight,
        classWeight: byIndex(this.name, this.options.classWeight, classes),
      },
      this,
    );
    this.#history = history;
    return this.learn({ classes, weights, inputShape });
  }

  #outputs(x: Features): { values: Float64Array; k: number } {
    const { inputShape } = this.state;
    const rows = this.rows(
      x,
      inputShape.reduce((a, b) => a * b, 1),
    );
    return this.#net.outputs(this.#net.inputs(rows, inputShape), this.state, this);
  }

  /** The outputs of the net, logits: `[N, K]`, or `[N]` if it has one. */
  decisionFunction(x: Features): Tensor {
    const { values, k } = this.#outputs(x);
    return vectorTensor(values, k === 1 ? [values.length] : [values.length / k, k]);
  }
  /** The probability of each class, `[N, K]`. */
  predictProba(x: Features): Tensor {
    const { values, k } = this.#outputs(x);
    if (k > 1)
      return vectorTensor(values, [values.length / k, k])
        .softmax(1)
        .evalSync();
    const p = vectorTensor(values).sigmoid().dataSync();
    return vectorTensor(
      Float64Array.from({ length: 2 * p.length }, (_, at) =>
        at % 2 ? p[at >> 1]! : 1 - p[at >> 1]!,
      ),
      [p.length, 2],
    );
  }

  protected indicesOf(x: Features): Int32Array {
    const { values, k } = this.#outputs(x);
    if (k === 1) return Int32Array.from(values, (z) => Number(z > 0));
    return Int32Array.from({ length: values.length / k }, (_, i) =>
      largest(values.subarray(i * k, (i + 1) * k)),
    );
  }

  override fresh(): this {
    return new NeuralClassifier(this.#net.model, this.options) as this;
  }
  override restore(state: State): this {
    this.#net.check(this.name, state as NetState);
    return super.restore(state);
  }
  override toJSON(): Snapshot {
    return snapshotOf({ name: this.name, options: plain(this.name, this.options) }, this.state);
  }
}

/** A neural net as regressor. Created by {@link neuralRegressor}. */
export class NeuralRegressor extends Regressor<NetState> {
  readonly name = "NeuralRegressor";
  readonly options: NeuralOptions;
  readonly #net: Net;
  #history: History | undefined;

  constructor(model: Module, options: NeuralOptions = {}) {
    super();
    this.#net = new Net("neuralRegressor", model, options);
    if (options.classWeight !== undefined)
      throw new ConfigError({
        subject: "neuralRegressor",
        problem: "there are no classes to weigh.",
        fix: "leave out classWeight, or use neuralClassifier.",
      });
    this.options = options;
  }

  /** The net. Its weights are those of the learner that was last fitted or used for prediction. */
  get model(): Module {
    return this.#net.model;
  }
  /** The training history of `fit`; undefined for a loaded learner. */
  get history(): History | undefined {
    return this.#history;
  }

  /**
   * Trains the net from its initial weights. @throws {ConfigError} unless it has one output per
   * example.
   */
  async fit(x: Features | Examples, y?: Targets, options: LearnOptions = {}): Promise<this> {
    const rows = measured(this.name, x, y, options);
    const inputShape = shapeOf(x, rows.x.columns);
    const inputs = this.#net.inputs(rows.x, inputShape);
    const width = this.#net.width(this.name, inputs);
    if (width !== 1)
      throw new ConfigError({
        subject: this.name,
        problem: `the model gives ${width} numbers, and an example has one target (${width} ≠ 1).`,
        fix: "end it with a layer of 1 output.",
      });
    const data = allocate(inputs.dtype, rows.y.length);
    data.set(rows.y);
    const targets: HostArray = { dtype: inputs.dtype, shape: [rows.x.rows, 1], data };
    const { history, weights } = await this.#net.train(
      inputs,
      targets,
      {
        ...this.options,
        ...{ objective: "regression", classWeight: undefined },
        sampleWeight: options.sampleWeight,
      },
      this,
    );
    this.#history = history;
    return this.learn({ weights, inputShape });
  }

  protected numbers(x: Features): Float64Array {
    const { inputShape } = this.state;
    const rows = this.rows(
      x,
      inputShape.reduce((a, b) => a * b, 1),
    );
    return this.#net.outputs(this.#net.inputs(rows, inputShape), this.state, this).values;
  }

  override fresh(): this {
    return new NeuralRegressor(this.#net.model, this.options) as this;
  }
  override restore(state: State): this {
    this.#net.check(this.name, state as NetState);
    return super.restore(state);
  }
  override toJSON(): Snapshot {
    return snapshotOf({ name: this.name, options: plain(this.name, this.options) }, this.state);
  }
}

/**
 * A net as a classifier: it fits, predicts and scores like the other learners, including at the end
 * of a pipeline and in {@link crossValidate}. Each `fit` starts from the weights that the model has
 * now. The model ends in logits: one per class, or one for two classes. Rows `[N, …]` of more axes
 * keep their shape.
 *
 * Files store its weights, classes and plain-data options, but no code: {@link loadLearner} needs a
 * model of the same structure.
 *
 * @throws {ConfigError} for anything that is not a model, or an optimizer with state.
 * @example
 * const net = new Sequential(new Linear(2, 8), new Tanh(), new Linear(8, 2));
 * const model = neuralClassifier(net, { epochs: 100, lr: 0.05 });
 * await model.fit([[0, 0], [0, 1], [1, 0], [1, 1]], ["even", "odd", "odd", "even"]);
 * model.predictProba([[0, 1]]).shape; // [1, 2]
 */
export const neuralClassifier = (model: Module, options: NeuralOptions = {}): NeuralClassifier =>
  new NeuralClassifier(model, options);

/**
 * A net as a regressor. See {@link neuralClassifier}; the model has one output per example.
 *
 * @throws {ConfigError} for anything that is not a model, or an optimizer with state.
 * @example
 * const model = neuralRegressor(new Linear(1, 1), { epochs: 300, lr: 0.1 });
 * await model.fit([[0], [1], [2]], [1, 3, 5]);
 * model.predict([[3]]).shape; // [1]
 */
export const neuralRegressor = (model: Module, options: NeuralOptions = {}): NeuralRegressor =>
  new NeuralRegressor(model, options);

/** The learners that need a model to be restored. */
export const netLearners = { NeuralClassifier, NeuralRegressor } as const;

/** The next of the given models. @throws {DataError} if none is left. */
export function takeModel(name: string, models: Module[]): Module {
  const model = models.shift();
  if (model) return model;
  throw new DataError({
    subject: name,
    problem: "the file holds the weights of a net, and no code that builds it.",
    fix: "build the model as before, and give it: loadLearner(path, model).",
  });
}
