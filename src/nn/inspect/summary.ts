import {
  byteSize,
  ConfigError,
  checkOptions,
  type DType,
  type Shape,
  sizeOf,
} from "../../base/index.ts";
import { isTensor, zeros } from "../../tensor/index.ts";
import { listenToCalls } from "../listen.ts";
import { type AnyModule, evaluating, type Module, ownParameters } from "../module.ts";
import type { Parameter } from "../parameter.ts";
import { Fields, type ReceptiveField } from "./receptive-field.ts";

/** The costs of a layer, or a whole model, for one example. */
export interface Sizes {
  /** Weights and biases; 0 in a row if an earlier row has counted them. */
  readonly parameters: number;
  /** The weights among these: those with at least two axes. */
  readonly weights: number;
  /**
   * Elements of the output. The total counts layers with parameters only: what papers count as
   * neurons.
   */
  readonly units: number;
  /** Uses of weights: the multiply-adds of one forward pass. */
  readonly connections: number;
  /** Multiply-adds of a training step: 1 per connection forward, 2 backward. */
  readonly trainingMultiplyAdds: number;
  /** Memory of the outputs if all are kept, as in training. */
  readonly activationBytes: number;
  /** Memory of the parameters. */
  readonly parameterBytes: number;
}

/** One layer. */
export interface SummaryRow extends Sizes {
  readonly path: string;
  /** The class of the layer. */
  readonly kind: string;
  /** Without the batch axis. */
  readonly outputShape: Shape;
  /** The receptive field of one unit; null if unknown, see {@link receptiveField}. */
  readonly receptiveField: ReceptiveField | null;
}

/** A model layer by layer, with totals. */
export interface Summary {
  readonly inputShape: Shape;
  /** In the order in which the layers are computed. */
  readonly rows: readonly SummaryRow[];
  readonly totals: Sizes & {
    /** Parameters that learn. */
    readonly trainable: number;
  };
}

/** The input's dtype, and the depth of {@link summary}. */
export interface SummaryOptions {
  /**
   * The dtype of the input, by default that of the first parameter; "int32" for an {@link
   * Embedding}.
   */
  readonly inputDType?: DType | undefined;
  /**
   * Modules this deep in the model become one row each, including everything inside; default: no
   * limit.
   */
  readonly depth?: number | undefined;
}

/**
 * The sizes of a model: units, weights and connections of every layer, and what one unit sees.
 * Shapes are traced through `forward`; nothing is computed.
 *
 * @param inputShape the shape of one example, without the batch axis.
 * @throws {ShapeError} if the model does not accept this shape.
 * @see Goodfellow, Bengio & Courville 2016, §9.1
 * @example
 * const { rows, totals } = summary(new Conv2d(3, 8, 5), [3, 32, 32]);
 * rows[0].outputShape; // [8, 28, 28]
 * [totals.parameters, totals.weights, totals.units, totals.connections]; // [608, 600, 6272, 470400]
 * rows[0].receptiveField.size; // [5, 5]
 */
export function summary(model: Module, inputShape: Shape, options: SummaryOptions = {}): Summary {
  checkOptions("summary", options, { inputDType: true, depth: "number" });
  const { inputDType, depth } = options;
  const parameters = Object.values(model.parameters());
  const dtype = inputDType ?? parameters[0]?.dtype ?? "float32";
  const x = zeros([1, ...inputShape], { dtype });
  const fields = new Fields(x);
  const paths = new Map(Object.entries(model.modules()).map(([path, m]) => [m, path]));
  const counted = new Set<Parameter>();
  const listed = new Set<AnyModule>();
  const rows: SummaryRow[] = [];
  const learned = new Set<SummaryRow>();
  const whole = new Map<string, SummaryRow>();
  const onCall = (module: AnyModule, output: unknown, inputs: readonly unknown[]) => {
    fields.onCall(module, inputs, output);
    if (!isTensor(output)) return;
    const own = countedParameters(module, listed);
    const outputShape = output.shape.slice(1);
    const units = sizeOf(outputShape);
    const connections = module.connections(outputShape);
    const row: SummaryRow = {
      path: paths.get(module) ?? "",
      kind: module.constructor.name,
      outputShape,
      ...sizesOf((own ?? []).filter((p) => !counted.has(p))),
      units,
      connections,
      trainingMultiplyAdds: 3 * connections,
      activationBytes: units * byteSize(output.dtype),
      receptiveField: fields.of(output),
    };
    whole.set(row.path, row);
    if (!own) return;
    listed.add(module);
    for (const p of own) counted.add(p);
    if (own.length > 0) learned.add(row);
    rows.push(row);
  };
  evaluating(model, () => listenToCalls(onCall, () => model.forward(x)));
  const isLearned = (row: SummaryRow) => learned.has(row);
  return {
    inputShape: [...inputShape],
    rows: depth === undefined ? rows : folded(rows, whole, isLearned, paths.values(), depth),
    totals: {
      ...joined(rows, isLearned),
      ...sizesOf(parameters),
      trainable: sizesOf(parameters.filter((p) => p.trainable)).parameters,
    },
  };
}

/**
 * The parameters that a module's row counts; null for a module whose only parameters belong to
 * parts with rows of their own. A module whose parts have no rows, such as a recurrent layer's
 * cells, is one row.
 */
function countedParameters(module: AnyModule, listed: ReadonlySet<AnyModule>): Parameter[] | null {
  const isWhole = Object.values(module.modules()).every((m) => m === module || !listed.has(m));
  if (isWhole) return Object.values(module.parameters());
  const own = ownParameters(module);
  return own.length > 0 ? own : null;
}

const sizesOf = (parameters: readonly Parameter[]) => {
  const elements = (of: readonly Parameter[]) => of.reduce((n, p) => n + sizeOf(p.shape), 0);
  return {
    parameters: elements(parameters),
    weights: elements(parameters.filter((p) => p.shape.length > 1)),
    parameterBytes: parameters.reduce((n, p) => n + sizeOf(p.shape) * byteSize(p.dtype), 0),
  };
};

/** The totals of the rows; units count layers with parameters only. */
function joined(rows: readonly SummaryRow[], isLearned: (row: SummaryRow) => boolean): Sizes {
  const sum = (f: (row: SummaryRow) => number) => rows.reduce((n, row) => n + f(row), 0);
  return {
    parameters: sum((row) => row.parameters),
    weights: sum((row) => row.weights),
    units: sum((row) => (isLearned(row) ? row.units : 0)),
    connections: sum((row) => row.connections),
    trainingMultiplyAdds: sum((row) => row.trainingMultiplyAdds),
    activationBytes: sum((row) => row.activationBytes),
    parameterBytes: sum((row) => row.parameterBytes),
  };
}

/**
 * Merges rows of modules deeper than `depth` into the row of the module that contains them. @param
 * whole records of every module that was called.
 */
function folded(
  rows: readonly SummaryRow[],
  whole: ReadonlyMap<string, SummaryRow>,
  isLearned: (row: SummaryRow) => boolean,
  paths: Iterable<string>,
  depth: number,
): SummaryRow[] {
  if (!(depth >= 1))
    throw new ConfigError({
      subject: "summary",
      problem: `depth is ${depth}.`,
      fix: "give 1 for the modules that the model itself holds, or more.",
    });
  const modules = [...paths].filter((path) => path !== "");
  const groups: { path: string; rows: SummaryRow[] }[] = [];
  for (const row of rows) {
    const above = modules.filter((path) => `${row.path}.`.startsWith(`${path}.`));
    const path = above.sort((a, b) => a.length - b.length)[depth - 1] ?? row.path;
    const last = groups.at(-1);
    if (last?.path === path) last.rows.push(row);
    else groups.push({ path, rows: [row] });
  }
  return groups.map(({ path, rows: inside }) => {
    const [first] = inside as [SummaryRow];
    if (inside.length === 1 && first.path === path) return first;
    const { kind, outputShape, units, receptiveField } = whole.get(path) ?? inside.at(-1)!;
    const sizes = joined(inside, isLearned);
    return { path, kind, outputShape, ...sizes, units: sizes.units || units, receptiveField };
  });
}
