/** What files may hold, and what they must not. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { afterAll, expect, test } from "vitest";
import { Linear } from "../../src/nn/index.ts";
import { encodeOnnx, loadOnnx, saveOnnx } from "../../src/onnx/index.ts";
import { type GraphProtoSchema, ModelProtoSchema } from "../../src/onnx/proto/onnx_pb.ts";
import { compile, grad, type Tensor, tensor } from "../../src/tensor/index.ts";

const folder = mkdtempSync(join(tmpdir(), "gradus-onnx-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Graph = MessageInitShape<typeof GraphProtoSchema>;
type Node = NonNullable<Graph["node"]>[number];

const info = (name: string, ...sizes: (number | string)[]) => ({
  name,
  type: {
    value: {
      case: "tensorType" as const,
      value: {
        elemType: 1,
        shape: {
          dim: sizes.map((d) => ({
            value:
              typeof d === "string"
                ? { case: "dimParam" as const, value: d }
                : { case: "dimValue" as const, value: BigInt(d) },
          })),
        },
      },
    },
  },
});
const node = (
  opType: string,
  input: string[],
  output: string[],
  attribute: Node["attribute"] = [],
): Node => ({ opType, input, output, attribute, name: `the_${opType}` }) as Node;
const int64 = (name: string, ...values: bigint[]) => ({
  ...{ name, dataType: 7, dims: [BigInt(values.length)] },
  rawData: new Uint8Array(BigInt64Array.from(values).buffer),
});
const net = (graph: Graph, version = 18n): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: "", version }],
      graph: { name: "g", ...graph } as never,
    }),
  );
const x = info("x", "N", 2);
const y = [{ name: "y" }];

const wrong: Readonly<Record<string, [Uint8Array, string | RegExp]>> = {
  "no protobuf": [Uint8Array.from({ length: 40 }, (_, i) => 255 - i), "no whole ONNX file"],
  empty: [new Uint8Array(0), "it has no graph"],
  cut: [
    net({ input: [x], node: [node("Relu", ["x"], ["y"])], output: y }).slice(0, 30),
    "no whole ONNX file",
  ],
  "a cycle": [
    net({
      input: [x],
      node: [node("Add", ["x", "y"], ["a"]), node("Relu", ["a"], ["y"])],
      output: y,
    }),
    'has a cycle: node "the_Add"',
  ],
  "a name twice": [
    net({ input: [x], node: [node("Relu", ["x"], ["y"]), node("Neg", ["x"], ["y"])], output: y }),
    'defines "y" twice',
  ],
  "an unknown name": [
    net({ input: [x], node: [node("Relu", ["z"], ["y"])], output: y }),
    'reads "z", which nothing defines',
  ],
  "an unknown operator": [
    net({ input: [x], node: [node("Frobnicate", ["x"], ["y"])], output: y }),
    /Frobnicate: this operator is not supported\.\n {2}in node "the_Frobnicate"/,
  ],
  "a newer version": [
    net({ input: [x], node: [node("Relu", ["x"], ["y"])], output: y }, 99n),
    "version 99",
  ],
  "a wrong length": [
    net({
      initializer: [{ name: "w", dataType: 1, dims: [3n], rawData: new Uint8Array(8) }],
      output: [{ name: "w" }],
    }),
    "holds 8 bytes for the 12",
  ],
  "huge sizes": [
    net({
      initializer: [
        { name: "w", dataType: 1, dims: [2n ** 40n, 2n ** 40n], rawData: new Uint8Array(4) },
      ],
      output: [{ name: "w" }],
    }),
    "elements",
  ],
  "a foreign type": [
    net({
      initializer: [{ name: "w", dataType: 17, dims: [1n], rawData: new Uint8Array(1) }],
      output: [{ name: "w" }],
    }),
    "float8e4m3fn",
  ],
};
for (const [what, [bytes, message]] of Object.entries(wrong))
  test(`${what} is one clear error`, async () => {
    await expect(loadOnnx(bytes)).rejects.toThrow(message);
  });

test("integers beyond int32 are an error where they become a tensor, and exact where they stay numbers", async () => {
  const beyond = int64("big", 2n ** 40n);
  const added = await loadOnnx(
    net({
      input: [info("x", 1)],
      initializer: [beyond],
      node: [
        node("Cast", ["x"], ["z"], [{ name: "to", type: 2, i: 7n } as never]),
        node("Add", ["z", "big"], ["y"]),
      ],
      output: y,
    }),
  );
  expect(() => added.run({ x: tensor([1]) })).toThrow(/1099511627776.*int32/s);
  const divided = await loadOnnx(
    net({
      input: [info("x", "N", 2)],
      initializer: [beyond, int64("down", 2n ** 39n)],
      node: [
        node("Div", ["big", "down"], ["two"]),
        node("Concat", ["two", "open"], ["shape"], [{ name: "axis", type: 2, i: 0n } as never]),
        node("Reshape", ["x", "shape"], ["y"]),
        node("Shape", ["x"], ["all"]),
        node("ReduceProd", ["all"], ["n"], [{ name: "keepdims", type: 2, i: 1n } as never]),
        node("Div", ["n", "two"], ["open"]),
      ],
      output: y,
    }),
  );
  for (const n of [1, 3]) {
    const input = tensor(Array.from({ length: n }, () => [1, 2]));
    expect((divided.run({ x: input }).y as Tensor).shape).toEqual([2, n]);
  }
  const compiled = compile((input: Tensor) => divided.forward(input));
  expect(
    (
      await compiled(
        tensor([
          [1, 2],
          [3, 4],
        ]),
      )
    ).toArray(),
  ).toEqual([
    [1, 2],
    [3, 4],
  ]);
});

test("inputs must fit what the net declares", async () => {
  const two = await loadOnnx(
    net({ input: [x, info("z", "N", 2)], node: [node("Add", ["x", "z"], ["y"])], output: y }),
  );
  expect(two.inputs[0]).toEqual({
    name: "x",
    dtype: "float32",
    elementType: "float32",
    shape: ["N", 2],
  });
  const one = tensor([[1, 2]]);
  expect(() => two.run({ x: one })).toThrow('the input "z" is missing');
  expect(() => two.run({ x: one, z: one, w: one })).toThrow('there is no input "w"');
  expect(() => two.run({ x: one, z: tensor([[1, 2, 3]]) })).toThrow("the net takes [N, 2]");
  expect(() =>
    two.run({
      x: one,
      z: tensor([
        [1, 2],
        [3, 4],
      ]),
    }),
  ).toThrow("N = ");
  expect(() => two.run({ x: one, z: one.cast("float64") })).toThrow('cast it: x.cast("float32")');
});

test("an If on data runs the branch that holds, and compiled both", async () => {
  const branch = (op: string) => ({
    name: op,
    node: [node(op, ["x"], ["b"])],
    output: [{ name: "b" }],
  });
  const graph = (name: string, op: string) => ({ name, type: 5, g: branch(op) }) as never;
  const chosen = await loadOnnx(
    net({
      input: [info("x", 2)],
      node: [
        node("ReduceSum", ["x"], ["s"], [{ name: "keepdims", type: 2, i: 0n } as never]),
        node("Cast", ["s"], ["c"], [{ name: "to", type: 2, i: 9n } as never]),
        node("If", ["c"], ["y"], [graph("then_branch", "Neg"), graph("else_branch", "Abs")]),
      ],
      output: y,
    }),
  );
  const compiled = compile((input: Tensor) => chosen.forward(input));
  for (const [given, wanted] of [
    [
      [1, 2],
      [-1, -2],
    ],
    [
      [-1, 1],
      [1, 1],
    ],
  ] as const) {
    expect(chosen.forward(tensor([...given])).toArray()).toEqual(wanted);
    expect((await compiled(tensor([...given]))).toArray()).toEqual(wanted);
  }
});

test("weights in files of their own are read from the folder of the net alone", async () => {
  const layer = new Linear(2, 3);
  const file = join(folder, "net.onnx");
  await saveOnnx(layer, file, { inputs: { x: { shape: ["batch", 2] } }, external: true });
  const back = await loadOnnx(file);
  expect(back.forward(tensor([[1, 2]])).toArray()).toEqual(
    layer.forward(tensor([[1, 2]])).toArray(),
  );
  const at = (location: string) =>
    net({
      initializer: [
        {
          name: "w",
          dataType: 1,
          dims: [1n],
          dataLocation: 1,
          externalData: [{ key: "location", value: location }],
        },
      ],
      output: [{ name: "w" }],
    });
  symlinkSync("/etc/hostname", join(folder, "link"));
  for (const location of ["../secret", "/etc/hostname", "a/../../b", "", "link"]) {
    writeFileSync(join(folder, "bad.onnx"), at(location));
    await expect(loadOnnx(join(folder, "bad.onnx")), location).rejects.toThrow(
      "outside the net's folder",
    );
  }
  writeFileSync(join(folder, "bad.onnx"), at("net.onnx.data"));
  await expect(loadOnnx(join(folder, "bad.onnx"))).rejects.toThrow("bytes for the 4");
  await expect(loadOnnx(at("net.onnx.data"))).rejects.toThrow("was given as bytes");
});

const inverses: Readonly<
  Record<string, [f: (x: number) => number, slope: (x: number) => number, at: number[]]>
> = {
  Atan: [Math.atan, (x) => 1 / (1 + x * x), [-30, -1, -0.3, 0, 1e-9, 0.7, 1, 2, 1e9]],
  Asin: [Math.asin, (x) => 1 / Math.sqrt(1 - x * x), [-0.99, -0.2, 0, 0.5, 0.999]],
  Acos: [Math.acos, (x) => -1 / Math.sqrt(1 - x * x), [-0.99, -0.2, 0, 0.5, 0.999]],
  Asinh: [Math.asinh, (x) => 1 / Math.sqrt(1 + x * x), [-1e200, -40, -1, -1e-8, 0, 0.3, 5, 1e10]],
  Acosh: [Math.acosh, (x) => 1 / Math.sqrt(x * x - 1), [1.0001, 2, 100, 1e200]],
  Atanh: [Math.atanh, (x) => 1 / ((1 - x) * (1 + x)), [-0.9999999, -0.9, 0, 1e-9, 0.5, 0.9999999]],
  Sinh: [Math.sinh, Math.cosh, [-700, -5, 0, 1e-9, 2, 700]],
  Cosh: [Math.cosh, Math.sinh, [-700, -1, 0, 3, 700]],
  Tan: [Math.tan, (x) => 1 + Math.tan(x) ** 2, [-1, 0, 1.2]],
};
for (const [name, [f, slope, at]] of Object.entries(inverses))
  test(`${name} and its derivative, in float64`, async () => {
    const of = { ...info("x", at.length) };
    of.type.value.value.elemType = 11;
    const module = await loadOnnx(
      net({ input: [of], node: [node(name, ["x"], ["y"])], output: y }),
    );
    const given = tensor(at, "float64");
    const near = (found: Tensor, wanted: (x: number) => number) =>
      found.dataSync().forEach((v, i) => {
        expect(Math.abs(v - wanted(at[i]!)), `at ${at[i]}`).toBeLessThan(
          4e-12 * Math.abs(wanted(at[i]!)) + 1e-24,
        );
      });
    near(module.forward(given), f);
    near(grad((x: Tensor) => module.forward(x).sum())(given), slope);
  });

test("Sinh and Cosh of 710 are not infinite in float64, as e⁷¹⁰ is", async () => {
  for (const [name, f] of [
    ["Sinh", Math.sinh],
    ["Cosh", Math.cosh],
  ] as const) {
    const of = { ...info("x", 2) };
    of.type.value.value.elemType = 11;
    const module = await loadOnnx(
      net({ input: [of], node: [node(name, ["x"], ["y"])], output: y }),
    );
    const found = module.forward(tensor([-710, 710], "float64")).dataSync();
    for (const [i, x] of [-710, 710].entries()) expect(found[i]! / f(x)).toBeCloseTo(1, 12);
  }
});

test("what was read is written again, with all of its outputs", async () => {
  const two = await loadOnnx(
    net({
      input: [x],
      initializer: [
        {
          name: "w",
          dataType: 1,
          dims: [2n],
          rawData: new Uint8Array(Float32Array.of(2, 3).buffer),
        },
      ],
      node: [node("Mul", ["x", "w"], ["y"]), node("Tanh", ["y"], ["z"])],
      output: [info("y", "N", 2), info("z", "N", 2)],
    }),
  );
  const again = await loadOnnx(encodeOnnx(two));
  expect(again.outputs.map(({ name, shape }) => [name, shape])).toEqual([
    ["y", ["N", 2]],
    ["z", ["N", 2]],
  ]);
  expect(Object.keys(again.parameters())).toEqual(["w"]);
  const given = {
    x: tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
  };
  const [a, b] = [two.run(given), again.run(given)] as Record<string, Tensor>[];
  for (const name of ["y", "z"]) expect(b![name]!.toArray()).toEqual(a![name]!.toArray());
});

test("a net for batches of one takes others where its batch is opened", async () => {
  const bytes = net({
    input: [info("x", 1, 2, 2)],
    initializer: [int64("flat", 1n, -1n)],
    node: [node("Reshape", ["x", "flat"], ["y"])],
    output: [info("y", 1, 4)],
  });
  const two = tensor([
    [
      [1, 2],
      [3, 4],
    ],
    [
      [5, 6],
      [7, 8],
    ],
  ]);
  const closed = await loadOnnx(bytes);
  expect(() => closed.forward(two)).toThrow("the net takes [1, 2, 2]");
  const open = await loadOnnx(bytes, { openBatch: true });
  expect(open.inputs[0]!.shape).toEqual(["batch", 2, 2]);
  expect(open.forward(two).toArray()).toEqual([
    [1, 2, 3, 4],
    [5, 6, 7, 8],
  ]);
});
