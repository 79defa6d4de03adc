import { byteSize, type DType, type Shape, show, sizeOf } from "../base/index.ts";
import { isTensor, zeros } from "../tensor/index.ts";
import { listenToCalls } from "./calls.ts";
import { type AnyModule, evaluating, type Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

/** One layer, for one example. */
export interface SummaryRow {
  readonly path: string;
  /** The class of the layer. */
  readonly kind: string;
  /** Without the batch axis. */
  readonly outputShape: Shape;
  /** The layer's own weights and biases; 0 when it has been counted in a row above. */
  readonly parameters: number;
  /** Elements of the output. */
  readonly units: number;
  /** Multiply-adds for one example; training takes about 3 times as many. */
  readonly connections: number;
}

export interface Summary {
  readonly inputShape: Shape;
  /** In the order in which the layers are computed. */
  readonly rows: readonly SummaryRow[];
  readonly totals: {
    readonly parameters: number;
    /** Of these, the ones that learn. */
    readonly trainable: number;
    /** Units of layers with parameters: what papers count as neurons. */
    readonly units: number;
    readonly connections: number;
    /** Memory of the parameters. */
    readonly parameterBytes: number;
    /** Memory of all outputs for one example, if all are kept. */
    readonly activationBytes: number;
  };
}

/**
 * The sizes of a model: units, weights and connections of every layer. Shapes are traced through
 * `forward`; nothing is computed.
 *
 * @param inputShape the shape of one example, without the batch axis.
 * @param options `inputDType`: what the model takes, by default the dtype of its first parameter;
 * "int32" for one that begins with an {@link Embedding}.
 * @throws {ShapeError} if the model does not take this shape.
 * @see Goodfellow, Bengio & Courville 2016, §9.1
 * @example
 * const { rows, totals } = summary(new Conv2d(3, 8, 5), [3, 32, 32]);
 * rows[0].outputShape; // [8, 28, 28]
 * [totals.parameters, totals.units, totals.connections]; // [608, 6272, 470400]
 */
export function summary(
  model: Module,
  inputShape: Shape,
  { inputDType }: { readonly inputDType?: DType | undefined } = {},
): Summary {
  const paths = new Map(Object.entries(model.modules()).map(([path, m]) => [m, path]));
  const parameters = Object.values(model.parameters());
  const counted = new Set<Parameter>();
  const listed = new Set<AnyModule>();
  const rows: SummaryRow[] = [];
  const sums = { units: 0, connections: 0, activationBytes: 0 };
  const hear = (module: AnyModule, output: unknown) => {
    // a module whose parts have no rows of their own, such as a recurrent layer's cells, is one row
    const isWhole = Object.values(module.modules()).every((m) => m === module || !listed.has(m));
    const own = isWhole
      ? Object.values(module.parameters())
      : Object.values(module).filter((x) => x instanceof Parameter);
    if (!isTensor(output) || (!isWhole && own.length === 0)) return;
    listed.add(module);
    const row: SummaryRow = {
      path: paths.get(module) ?? "",
      kind: module.constructor.name,
      outputShape: output.shape.slice(1),
      parameters: elements(own.filter((p) => !counted.has(p))),
      units: sizeOf(output.shape.slice(1)),
      connections: module.connections(output.shape.slice(1)),
    };
    for (const p of own) counted.add(p);
    rows.push(row);
    sums.units += own.length > 0 ? row.units : 0;
    sums.connections += row.connections;
    sums.activationBytes += row.units * byteSize(output.dtype);
  };
  const dtype = inputDType ?? parameters[0]?.dtype ?? "float32";
  evaluating(model, () =>
    listenToCalls(hear, () => model.forward(zeros([1, ...inputShape], { dtype }))),
  );
  return {
    inputShape: [...inputShape],
    rows,
    totals: {
      parameters: elements(parameters),
      trainable: elements(parameters.filter((p) => p.trainable)),
      parameterBytes: parameters.reduce((n, p) => n + sizeOf(p.shape) * byteSize(p.dtype), 0),
      ...sums,
    },
  };
}

const elements = (parameters: readonly Parameter[]): number =>
  parameters.reduce((n, p) => n + sizeOf(p.shape), 0);

const count = (n: number): string => n.toLocaleString("en-US");

/**
 * A summary as a table of text.
 *
 * @example
 * formatSummary(summary(new Linear(4, 2), [4])).split("\n")[1]; // "(model)  Linear  [2]         10      2            8"
 */
export function formatSummary({ rows, totals }: Summary): string {
  const table = [
    ["layer", "kind", "output", "parameters", "units", "connections"],
    ...rows.map((row) => [
      row.path || "(model)",
      row.kind,
      show(row.outputShape),
      count(row.parameters),
      count(row.units),
      count(row.connections),
    ]),
    ["total", "", "", count(totals.parameters), count(totals.units), count(totals.connections)],
  ];
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  const firstNumber = 3; // text stands on the left, numbers on the right
  return table
    .map((row) =>
      row
        .map((cell, i) => (i < firstNumber ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
