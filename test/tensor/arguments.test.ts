import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ConfigError, DTypeError, GradusError, ShapeError } from "../../src/base/index.ts";
import * as gradus from "../../src/index.ts";
import { setEngine, Tensor, tensor } from "../../src/tensor/index.ts";

setEngine("reference");

/** What somebody without TypeScript may pass anywhere. */
const wrong: Record<string, unknown> = {
  nothing: undefined,
  null: null,
  text: "2",
  word: "axis",
  object: {},
  "an unknown option": { foo: 1 },
  "an axis of text": { axis: "0" },
  "an axis of NaN": { axis: Number.NaN },
  "an axis out of range": { axis: 7 },
  array: [1, 2],
  "array of text": ["a"],
  "nested array": [[1, 2]],
  holes: new Array(2),
  "a typed array": Float32Array.of(1, 2),
  NaN: Number.NaN,
  negative: -5,
  fraction: 0.5,
  large: 2 ** 40,
  infinite: Infinity,
  true: true,
  bigint: 1n,
  symbol: Symbol("s"),
  function: () => 1,
  date: new Date(0),
  variable: new gradus.Variable(tensor([1, 2])),
  promise: Promise.resolve(1),
  "a tensor of another shape": tensor([[[1, 2, 3]]]),
  "an int tensor": tensor([0, 1], "int32"),
};

let crashes: string[] = [];
beforeEach(() => {
  crashes = [];
});
afterEach(() => {
  expect(crashes.slice(0, 20)).toEqual([]);
});

/** Every so manyth combination is tried, from another one on in each test; all with GRADUS_FUZZ. */
const stride = process.env.GRADUS_FUZZ ? 1 : 7;
let turn = 0;
const isDue = () => turn++ % stride === 0;

/** An error of the library, or a tensor whose values can be had; never a crash. */
function attempt(what: string, run: () => unknown): void {
  let result: unknown;
  try {
    result = run();
    const tensors = result instanceof Tensor ? [result] : Object.values(Object(result));
    for (const x of tensors) if (x instanceof Tensor && x.size < 1e6) x.dataSync();
  } catch (error) {
    if (error instanceof GradusError && error.name !== "InternalError" && error.fix) return;
    crashes.push(`${what}: ${(error as Error).name}: ${(error as Error).message}`);
  }
}

const skipped = new Set([
  "constructor",
  "data",
  "dataSync",
  "eval",
  "evalSync",
  "toString",
  "toJSON",
  "graph",
]);
const classes = [Tensor.prototype, Object.getPrototypeOf(Tensor.prototype)];
const methods = classes.flatMap(Object.getOwnPropertyNames).filter((name) => {
  const { value } =
    Object.getOwnPropertyDescriptor(classes[0], name) ??
    Object.getOwnPropertyDescriptor(classes[1], name)!;
  return typeof value === "function" && !skipped.has(name);
});

describe("every method of a tensor, given anything", () => {
  const subjects = {
    scalar: tensor(2),
    vector: tensor([1, 2]),
    matrix: tensor([
      [1, 2],
      [3, 4],
    ]),
    empty: tensor([]),
  };
  test.each(methods)("%s", (name) => {
    for (const [kind, x] of Object.entries(subjects)) {
      const method = (x as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!.bind(
        x,
      );
      for (const [first, a] of Object.entries(wrong)) {
        attempt(`${kind}.${name}(${first})`, () => method(a));
        for (const [second, b] of Object.entries(wrong))
          if (method.length !== 1 && isDue())
            attempt(`${kind}.${name}(${first}, ${second})`, () => method(a, b));
      }
    }
  });
});

const functions = {
  ...{
    arange: gradus.arange,
    avgPool: gradus.avgPool,
    bernoulli: gradus.bernoulli,
    concat: gradus.concat,
  },
  ...{
    conv: gradus.conv,
    convTranspose: gradus.convTranspose,
    eye: gradus.eye,
    fromHost: gradus.fromHost,
  },
  ...{ full: gradus.full, linspace: gradus.linspace, maxPool: gradus.maxPool },
  ...{
    maxPoolWithIndices: gradus.maxPoolWithIndices,
    maxUnpool: gradus.maxUnpool,
    normal: gradus.normal,
  },
  ...{ oneHot: gradus.oneHot, ones: gradus.ones, onesLike: gradus.onesLike, pad: gradus.pad },
  ...{ randomKey: gradus.randomKey, scatterAdd: gradus.scatterAdd, stack: gradus.stack },
  ...{ tensor: gradus.tensor, topK: gradus.topK, uniform: gradus.uniform, where: gradus.where },
  ...{ zeros: gradus.zeros, zerosLike: gradus.zerosLike, hostArray: gradus.hostArray },
} as unknown as Record<string, (...args: unknown[]) => unknown>;

describe("every function that makes or joins tensors, given anything", () => {
  const image = tensor([
    [
      [
        [1, 2],
        [3, 4],
      ],
    ],
  ]);
  const right: Record<string, unknown> = {
    ...wrong,
    image,
    vector: tensor([1, 2]),
    shape: [1, 1, 2, 2],
    flag: tensor([true, false]),
  };
  const third = {
    nothing: undefined,
    options: { axis: 0, size: 2 },
    unknown: { sise: 2 },
    text: "x",
    number: 3,
    null: null,
    array: [1],
  };
  test.each(Object.keys(functions))("%s", (name) => {
    const f = functions[name]!;
    for (const [first, a] of Object.entries(right))
      for (const [second, b] of Object.entries(right))
        for (const [last, c] of Object.entries(third))
          if (isDue()) attempt(`${name}(${first}, ${second}, ${last})`, () => f(a, b, c));
  });
});

describe("the message names what was given, and the fix", () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  const any = x as unknown as Record<string, (...args: unknown[]) => unknown>;
  test.each<[string, () => unknown, new (...x: never[]) => GradusError, string]>([
    [
      "an array",
      () => any.add!([1, 2]),
      DTypeError,
      "add: takes a tensor or a number, got an array.*make one of it: tensor",
    ],
    ["text", () => any.mul!("2"), DTypeError, 'got "2".*Number\\(x\\)'],
    ["nothing", () => any.sub!(), DTypeError, "got undefined"],
    [
      "a parameter",
      () => any.matmul!(new gradus.Variable(x)),
      DTypeError,
      "got a Variable.*w\\.value",
    ],
    ["a promise", () => any.add!(Promise.resolve(x)), DTypeError, "got a Promise.*await it"],
    ["a condition of floats", () => gradus.where(x, 1, 2), DTypeError, 'x\\.cast\\("bool"\\)'],
    ["float indices", () => x.take(tensor([0.5])), DTypeError, "takes int32, not float32"],
    ["one tensor to join", () => gradus.concat(x as never), DTypeError, "put them into brackets"],
    [
      "an axis beyond",
      () => x.sum({ axis: 2 }),
      ShapeError,
      "axis 2 does not exist in 2 dim.*from -2 to 1",
    ],
    ["an axis of NaN", () => x.sum(Number.NaN), ShapeError, "axis NaN does not exist"],
    [
      "an axis of text",
      () => x.softmax({ axis: "1" as never }),
      ShapeError,
      'axis "1" does not exist',
    ],
    [
      "axes",
      () => x.sum({ axes: 0 } as never),
      ConfigError,
      'unknown option "axes".*did you mean "axis"',
    ],
    [
      "keepdims",
      () => x.mean({ axis: 0, keepdims: true } as never),
      ConfigError,
      'did you mean "keepDims"',
    ],
    ["dim", () => x.max({ dim: 0 } as never), ConfigError, "the options are: axis, keepDims"],
    [
      "ddof",
      () => x.std({ ddof: 1 } as never),
      ConfigError,
      "options are: axis, keepDims, correction",
    ],
    ["descend", () => x.sort({ descend: true } as never), ConfigError, 'did you mean "descending"'],
    ["an order of axes", () => any.transpose!(0, 1), ShapeError, "an array such as \\[1, 0\\]"],
    ["sizes one by one", () => any.reshape!(4, 1), ShapeError, "the shape is 4, not an array"],
    [
      "a wrong shape",
      () => x.reshape([3, 2]),
      ShapeError,
      "has 4 elements, \\[3, 2\\] needs 6.*as many elements",
    ],
    ["a shape that does not divide", () => x.reshape([3, -1]), ShapeError, "needs a multiple of 3"],
    ["two open sizes", () => x.reshape([-1, -1]), ShapeError, "leaves 2 sizes open"],
    ["an axis that is not 1", () => x.squeeze(0), ShapeError, "axis 0 of \\[2, 2\\] has size 2"],
    [
      "shapes that differ",
      () => gradus.stack([x, tensor([1])]),
      ShapeError,
      "shapes differ, \\[2, 2\\] with \\[1\\]",
    ],
    [
      "a stride of text",
      () => gradus.maxPool(x.reshape([1, 1, 4]), { size: 2, stride: "1" as never }),
      ConfigError,
      'stride "1"',
    ],
    [
      "a misspelt stride",
      () => gradus.conv(tensor([[[1]]]), tensor([[[1]]]), { strides: 2 } as never),
      ConfigError,
      'did you mean "stride"',
    ],
  ])("%s", (_, run, kind, message) => {
    expect(run).toThrow(kind);
    expect(run).toThrow(new RegExp(message, "s"));
  });
});

describe("an axis stands for the options that name it", () => {
  const x = tensor([
    [3, 1, 2],
    [4, 6, 5],
  ]);
  const reductions = [
    "sum",
    "mean",
    "prod",
    "max",
    "min",
    "variance",
    "std",
    "logSumExp",
    "any",
    "all",
  ] as const;
  test.each(reductions)("%s", (name) => {
    for (const axis of [0, 1, -1]) {
      const value = x[name](axis);
      expect(value.shape).toEqual(x[name]({ axis }).shape);
      expect(value.toArray()).toEqual(x[name]({ axis }).toArray());
    }
    expect(x[name]([0, 1]).shape).toEqual([]);
    expect(x[name]([]).shape).toEqual([2, 3]);
  });
  test.each(["softmax", "logSoftmax", "argmax", "argmin", "cumsum", "argsort", "sort"] as const)(
    "%s",
    (name) => {
      for (const axis of [0, 1, -1])
        expect(x[name](axis).toArray()).toEqual(x[name]({ axis }).toArray());
    },
  );
  test("by hand", () => {
    expect(x.sum(0).toArray()).toEqual([7, 7, 7]);
    expect(x.max(1).toArray()).toEqual([3, 6]);
    expect(x.argmax(0).toArray()).toEqual([1, 1, 1]);
    expect(x.sort(0).toArray()).toEqual([
      [3, 1, 2],
      [4, 6, 5],
    ]);
    expect(x.flatten(1).shape).toEqual([2, 3]);
    expect(gradus.concat([x, x], 1).shape).toEqual([2, 6]);
    expect(gradus.stack([x, x], -1).shape).toEqual([2, 3, 2]);
    expect(x.take(tensor([2], "int32"), 1).toArray()).toEqual([[2], [5]]);
    expect(x.takeAlong(tensor([[1, 0, 1]], "int32"), 0).toArray()).toEqual([[4, 1, 5]]);
  });
});
