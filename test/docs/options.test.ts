import { describe, expect, test } from "vitest";
import { ConfigError, hostArray } from "../../src/base/index.ts";
import * as data from "../../src/data/index.ts";
import * as gradus from "../../src/index.ts";
import * as lab from "../../src/lab/index.ts";
import * as models from "../../src/models/index.ts";
import * as nn from "../../src/nn/index.ts";
import * as optim from "../../src/optim/index.ts";
import * as train from "../../src/train/index.ts";

/** Every public function and class whose last parameters are options, found by their source. */
type Call = (options: unknown) => unknown;

const table = await data.parseTable("a,b\n1,u\n2,v");
const split = data.xor();
const square = (x: gradus.Tensor) => x.square().sum();
const surface = lab.LossSurface.of(square, gradus.tensor([1, 2]));
/** What stands in a parameter before the options, by its name. */
const given: Readonly<Record<string, unknown>> = {
  ...{ model: new nn.Linear(2, 2), target: new nn.Linear(2, 2), rule: optim.adam(), split, table },
  ...{ data: split, x: gradus.ones([1, 1, 4, 4]), w: gradus.ones([1, 1, 2, 2]), path: "nowhere" },
  ...{ indices: gradus.zeros([1, 1, 2, 2], { dtype: "int32" }), tensors: [gradus.ones([2])] },
  ...{ updates: gradus.ones([1, 1, 2, 2]), shape: [2], p: 0.5, surface, from: "nowhere" },
  ...{ f: square, v: gradus.tensor([1, 2]), samples: hostArray([8], new Float32Array(8)) },
  ...{ branches: [new nn.Identity()], loss: square, start: [1, 2], point: [1, 2], a: [1, 2] },
  ...{ b: [1, 2], c: [1, 2], origin: [1, 2], direction: [1, 2], inputs: gradus.ones([1, 2]) },
  ...{
    directions: [
      [1, 0],
      [0, 1],
    ],
    units: [[0], [1]],
    text: "1,2",
    transforms: [],
    texts: ["a"],
  },
  ...{ codes: Int32Array.of(0, 1, 0), inputShape: [2], objective: square, residuals: square },
  ...{ predictions: gradus.ones([1, 2]), logits: gradus.ones([1, 2]), scores: gradus.ones([2]) },
  ...{ targets: gradus.ones([1, 2]), probabilities: gradus.full([1, 2], 0.5), series: [1, 2] },
  ...{ labels: gradus.tensor([0], "int32"), q: gradus.ones([1, 2]), k: 2, cell: nn.GRUCell },
  ...{ makeModel: () => new nn.Linear(2, 2), fraction: 0.5, recordings: data.xor().inputs },
  ...{ value: 0, space: {}, widths: [[0, 0]], size: [4], kernel: 2 },
  ...{ operator: { size: 2, apply: (v: Float64Array) => v } },
};
/** Where a name means something else. */
const own: Readonly<Record<string, readonly unknown[]>> = {
  ...Object.fromEntries(
    ["AvgPool", "MaxPool", "MaxUnpool"].flatMap((n) => [1, 2, 3].map((d) => [`nn.${n}${d}d`, [2]])),
  ),
  ...Object.fromEntries(
    ["Conv", "ConvTranspose"].flatMap((n) => [1, 2, 3].map((d) => [`nn.${n}${d}d`, [1, 1, 2]])),
  ),
  ...{ "nn.attention": [1, 1, 1].map(() => gradus.ones([1, 2])) },
  ...{ "nn.Embedding": [2, 2], "nn.TransformerBlock": [2, 1], "nn.MultiHeadAttention": [2, 1] },
  ...{ "nn.formatSummary": [nn.summary(new nn.Linear(2, 2), [2])] },
  ...{ "lab.hutchinsonTrace": [{ size: 2, apply: (v: Float64Array) => v }] },
  ...{ "data.completeRows": [data.fitTable(table), table] },
  ...{ "data.readTableFor": [data.fitTable(table), "nowhere"] },
  ...{ "train.saveCheckpoint": ["nowhere", {}], "optim.leastSquares": [square, gradus.ones([2])] },
  ...{ "optim.minimize": [square, gradus.ones([2])], "optim.warmup": [optim.constant(1)] },
  ...Object.fromEntries(
    ["exponentialLoss", "hinge", "logisticLoss", "squaredHinge", "zeroOneLoss"].map((name) => [
      `nn.${name}`,
      [gradus.ones([2]), gradus.ones([2])],
    ]),
  ),
  ...{ "nn.multiClassHinge": [gradus.ones([1, 2]), gradus.tensor([0], "int32")] },
  ...{ "gradus.arange": [0, 4, 1], "gradus.linspace": [0, 1, 3] },
};

const modules = { gradus, nn, optim, models, train, data, lab };
const isOptions = /^(options|given|config)\b|^axis = \{/;

/** The parameters of a function or constructor, by its source. */
function parametersOf(f: (...args: never[]) => unknown): string[] {
  const source = String(f);
  const from = source.startsWith("class") ? source.indexOf("constructor(") : 0;
  if (from < 0) return [];
  const [parameters, parts]: [string[], { depth: number }] = [[""], { depth: 0 }];
  for (const sign of source.slice(source.indexOf("(", from))) {
    if ("([{".includes(sign) && parts.depth++ === 0) continue;
    if (")]}".includes(sign) && --parts.depth === 0) break;
    if (sign === "," && parts.depth === 1) parameters.push("");
    else parameters[parameters.length - 1] += sign;
  }
  return parameters.map((parameter) => parameter.trim());
}

const calls: [string, Call][] = Object.entries(modules).flatMap(([module, all]) =>
  Object.entries(all).flatMap(([name, f]): [string, Call][] => {
    if (typeof f !== "function") return [];
    const full = `${module}.${name}`;
    const parameters = parametersOf(f as never);
    const at = parameters.findIndex((parameter) => isOptions.test(parameter));
    if (at < 0) return [];
    const before =
      own[full] ??
      parameters.slice(0, at).map((parameter) => {
        const word = /^\w+/.exec(parameter)?.[0] ?? "";
        return Object.hasOwn(given, word) ? given[word] : 2;
      });
    const isClass = String(f).startsWith("class");
    const call: Call = (options) =>
      isClass
        ? Reflect.construct(f as never, [...before, options])
        : (f as (...args: unknown[]) => unknown)(...before, options);
    return [[full, call]];
  }),
);

/** What a call throws, at once or later. */
async function thrownBy(call: Call, options: unknown): Promise<unknown> {
  try {
    await call(options);
  } catch (thrown) {
    return thrown;
  }
  return undefined;
}

test("the search finds them", () => {
  const names = calls.map(([name]) => name);
  expect(names.length).toBeGreaterThan(130);
  for (const name of ["nn.Linear", "optim.adam", "train.fit", "data.batches", "lab.sliceLine"])
    expect(names).toContain(name);
});

describe.each(calls)("%s", (_, call) => {
  test("names the option that a misspelt one is nearest to", async () => {
    const unknown = await thrownBy(call, { "?": 1 });
    expect(unknown).toBeInstanceOf(ConfigError);
    const { problem, fix } = unknown as ConfigError;
    expect(problem).toBe('unknown option "?".');
    if (fix === "it has no options.") return;
    const known = fix!.replace(/^.*: /, "").replace(/\.$/, "").split(", ");
    for (const name of known) {
      const misspelt = await thrownBy(call, { [`${name}s`]: 1 });
      expect(misspelt).toBeInstanceOf(ConfigError);
      expect((misspelt as ConfigError).fix).toContain(`did you mean "${name}"`);
    }
  });

  test.each([null, "adam", new Map()])("says that %j is no object", async (options) => {
    const thrown = await thrownBy(call, options);
    expect(thrown).toBeInstanceOf(ConfigError);
    expect((thrown as ConfigError).problem).toMatch(/^the options are .*, not an object\.$/);
  });
});
