/** How PyTorch names what our layers hold. */
import { allocate, type HostArray } from "../../base/index.ts";
import {
  type AnyModule,
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  GRUCell,
  MultiHeadAttention,
  Recurrent,
  RecurrentCell,
  Sequential,
  TransformerBlock,
} from "../../nn/index.ts";
import { type Link, rowsOf, same, stacked, type TorchNames } from "./link.ts";

/** {@link TorchNames}, or all tensors of a module and of what is in it. */
export interface Rule extends TorchNames {
  readonly links?: (module: AnyModule) => readonly Link[];
}

const batchNorm: Rule = {
  fields: { runningVariance: "running_var" },
  ignored: ["num_batches_tracked"], // it only matters for momentum=None
};

const rules: readonly [kind: abstract new (...args: never[]) => AnyModule, rule: Rule][] = [
  [Sequential, { fields: { layers: "" } }],
  ...[BatchNorm1d, BatchNorm2d, BatchNorm3d].map(
    (kind) => [kind, batchNorm] as [typeof kind, Rule],
  ),
  [MultiHeadAttention, { links: (module) => attention(module as unknown as MultiHeadAttention) }],
  // nn.TransformerEncoderLayer with norm_first
  [
    TransformerBlock,
    { fields: { attention: "self_attn", "mlp.0": "linear1", "mlp.2": "linear2" } },
  ],
  [Recurrent, { links: (module) => recurrent(module as unknown as Recurrent<never>) }],
  [RecurrentCell, { links: (module) => cell(module as unknown as RecurrentCell<never>, "") }],
];

/** What the class says, or what is known about it here. */
export function ruleOf(module: AnyModule): Rule {
  const own = (module.constructor as { torch?: TorchNames }).torch;
  return own ?? rules.find(([kind]) => module instanceof kind)?.[1] ?? {};
}

/** Query, key and value stand in one matrix. */
function attention({ query, key, value, output }: MultiHeadAttention): Link[] {
  const inputs = [query, key, value];
  return [
    stacked(
      "in_proj_weight",
      inputs.map(({ weight }) => weight),
    ),
    stacked(
      "in_proj_bias",
      inputs.map(({ bias }) => bias!),
    ),
    same("out_proj.weight", output.weight),
    same("out_proj.bias", output.bias!),
  ];
}

/** The cells by layer and direction: `weight_ih_l0`, `weight_ih_l0_reverse`. */
const recurrent = ({ cells, directions }: Recurrent<never>): Link[] =>
  cells.flatMap((each, i) =>
    cell(each, `_l${Math.floor(i / directions)}${i % directions === 1 ? "_reverse" : ""}`),
  );

function cell(module: RecurrentCell<never>, suffix: string): Link[] {
  const { inputWeight, hiddenWeight, bias } = module;
  const names = [`bias_ih${suffix}`, `bias_hh${suffix}`];
  const shapes = [bias.shape, bias.shape];
  const biases: Link =
    module instanceof GRUCell
      ? { names, shapes, variables: [bias, module.hiddenBias], ...gruBiases(module.hiddenSize) }
      : { names, shapes, variables: [bias], ...sumOfBiases };
  return [
    same(`weight_ih${suffix}`, inputWeight),
    same(`weight_hh${suffix}`, hiddenWeight),
    biases,
  ];
}

/** PyTorch adds two biases, of which the sum matters. */
const sumOfBiases: Pick<Link, "read" | "write"> = {
  read: ([a, b]) => [sum(a!, b!)],
  write: ([bias]) => [bias!, zerosLike(bias!)],
};

/** The blocks are r, z, n; only the last one of the hidden bias acts alone. */
const gruBiases = (size: number): Pick<Link, "read" | "write"> => ({
  read([input, hidden]) {
    const bias = sum(input!, hidden!);
    bias.data.set(input!.data.subarray(2 * size), 2 * size);
    return [bias, rowsOf(hidden!, 2 * size, 3 * size)];
  },
  write([bias, hiddenBias]) {
    const hidden = zerosLike(bias!);
    hidden.data.set(hiddenBias!.data, 2 * size);
    return [bias!, hidden];
  },
});

const zerosLike = ({ dtype, shape, data }: HostArray): HostArray => ({
  ...{ dtype, shape },
  data: allocate(dtype, data.length),
});

function sum(a: HostArray, b: HostArray): HostArray {
  const out = zerosLike(a);
  for (let i = 0; i < out.data.length; i++) out.data[i] = a.data[i]! + b.data[i]!;
  return out;
}
