/** Finds where a loss of NaN comes from. */
import { type HostArray, sizeOf, treeLeaves } from "../base/index.ts";
import type { Batch, Split } from "../data/index.ts";
import type { AnyModule, Module, Parameter } from "../nn/index.ts";
import { listenToCalls } from "../nn/listen.ts";
import { fromHost, isTensor, type Tensor, type Variable } from "../tensor/index.ts";

/** What went wrong first, and how to fix it. */
export interface Diagnosis {
  readonly what: string;
  readonly fix: string;
}

/** Earlier values of a model. Tensors that were read are never overwritten. */
export type Earlier = ReadonlyMap<Variable, Tensor>;

/** The current state of a model. */
export const earlierOf = (model: AnyModule): Earlier =>
  new Map(Object.values(model.state()).map((x) => [x, x.value]));

/**
 * Examines the inputs of a step that gave NaN: the data first, then the layers one after another,
 * with earlier weights, because the step has left none that are finite. If an earlier step had
 * already spoilt the weights, the example that did is searched for among all.
 */
export function diagnosis(model: Module, batch: Batch, earlier: Earlier, all: Split): Diagnosis {
  const data = wrongData(batch, batch.rows);
  const lost = [...earlier].find(([x, value]) => isFloat(x) && !allFinite(value))?.[0];
  const layer = lost ? undefined : firstLayer(model, batch.inputs, earlier);
  if (data)
    return {
      what: `${data}${layer ? `, and ${layer} is the first to give no finite numbers` : ""}`,
      fix: "leave out examples with such values, or fill them in.",
    };
  if (layer)
    return {
      what: `${layer} is the first to give no finite numbers, of data and weights that are finite`,
      fix: "lower lr (ten times is a good try), scale the inputs, and look for divisions by 0, logarithms and roots there.",
    };
  return (
    lostWeights(model, all) ?? {
      what: "all outputs and weights are finite, so it arises in the loss",
      fix: "look for divisions by 0, logarithms and roots in the loss.",
    }
  );
}

/** Whether a step has left weights that are not finite, and what was wrong with its data. */
export function lostWeights(model: Module, all: Split): Diagnosis | undefined {
  const path = Object.entries(model.parameters()).find(([, p]) => !allFinite(p.value))?.[0];
  if (path === undefined) return undefined;
  const data = wrongData(all);
  if (data)
    return {
      what: `the parameter "${path}" is the first that is not finite, and ${data}`,
      fix: "leave out examples with such values, or fill them in.",
    };
  return {
    what: `the parameter "${path}" is the first that is not finite: a gradient was not, or lr lets it grow without bounds`,
    fix: "lower lr (ten times is a good try), or clip gradients: chain(clipByGlobalNorm(1), adam()).",
  };
}

type Examples = Pick<Split, "inputs" | "targets">;

/** The first value that is not finite; `rows` are the example numbers in the data. */
const wrongData = ({ inputs, targets }: Examples, rows?: ArrayLike<number>): string | undefined =>
  wrongValue("input", inputs, rows) ?? wrongValue("target", targets, rows);

function wrongValue(what: string, array: HostArray, rows?: ArrayLike<number>): string | undefined {
  const at = array.data.findIndex((x) => !Number.isFinite(x));
  if (at < 0) return undefined;
  const width = sizeOf(array.shape.slice(1));
  const row = Math.floor(at / width);
  const example = rows?.[row] ?? row;
  const place = width > 1 ? `value ${at % width} of ${what} ${example}` : `${what} ${example}`;
  return `${place} is ${array.data[at]}`;
}

const isFloat = ({ dtype }: Variable | Tensor | Parameter): boolean =>
  dtype === "float32" || dtype === "float64";
const allFinite = (x: Tensor): boolean => x.isFinite().all().item() === 1;

/** The first layer, in order of completion, whose output is not finite, named as in errors. */
function firstLayer(model: Module, inputs: HostArray, earlier: Earlier): string | undefined {
  const calls: { readonly module: AnyModule; readonly outputs: readonly Tensor[] }[] = [];
  const onCall = (module: AnyModule, output: unknown) => {
    calls.push({ module, outputs: treeLeaves(output, isTensor).map(({ leaf }) => leaf) });
  };
  const now = earlierOf(model);
  const put = (values: Earlier) => {
    for (const [variable, value] of values) variable.value = value;
  };
  put(earlier);
  try {
    model.train();
    listenToCalls(onCall, () => model.forward(fromHost(inputs)));
    const first = calls.find(({ outputs }) => outputs.some((x) => isFloat(x) && !allFinite(x)));
    if (!first) return undefined;
    const path = Object.entries(model.modules()).find(([, m]) => m === first.module)?.[0];
    return path ? `${path} (${first.module})` : `${first.module}`;
  } finally {
    put(now);
  }
}
