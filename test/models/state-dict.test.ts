/**
 * Weights under PyTorch's names. The file and the outputs are PyTorch's, from
 * tools/fixtures/torch-state-dict.py, which also loads what is written here.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Tensor, tensor } from "gradus";
import { openSafetensors, readSafetensors } from "gradus/formats";
import { loadStateDict, saveStateDict } from "gradus/models";
import * as nn from "gradus/nn";
import { afterAll, expect, test } from "vitest";
import { hostArray } from "../../src/base/index.ts";
import { expectClose } from "../support/compare.ts";

const file = "test/models/state-dict.safetensors";
const wanted: Record<string, number[]> = JSON.parse(
  readFileSync("test/models/state-dict.json", "utf8"),
);
const folder = mkdtempSync(join(tmpdir(), "gradus-state-"));
afterAll(() => rmSync(folder, { recursive: true }));

class Zoo extends nn.Module<[]> {
  readonly net = new nn.Sequential(new nn.Linear(3, 4), new nn.BatchNorm1d(4), new nn.PReLU(4));
  readonly conv = new nn.Conv2d(4, 6, 3, { groups: 2 });
  readonly upConv = new nn.ConvTranspose2d(6, 2, 2);
  readonly embedding = new nn.Embedding(5, 3);
  readonly lstm = new nn.LSTM(3, 2, { layers: 2, bidirectional: true });
  readonly gru = new nn.GRU(3, 2);
  readonly rnn = new nn.RNN(3, 2);
  readonly lstmCell = new nn.LSTMCell(3, 2);
  readonly gruCell = new nn.GRUCell(3, 2);
  readonly attention = new nn.MultiHeadAttention(4, 2);
  readonly block = new nn.TransformerBlock(4, 2, { hidden: 8 });
  readonly norm = new nn.LayerNorm(4);
  forward(): Tensor {
    throw new Error("not called");
  }
}

const wave = (...shape: number[]): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(Float32Array.from({ length: size }, (_, i) => Math.sin(1.7 * i))).reshape(shape);
};

function outputs(zoo: Zoo): Record<string, Tensor> {
  const [x, y] = [wave(2, 5, 3), wave(2, 5, 4)];
  return {
    net: zoo.net.forward(wave(2, 3)),
    conv: zoo.upConv.forward(zoo.conv.forward(wave(1, 4, 4, 4))),
    embedding: zoo.embedding.forward(tensor([3, 0, 4], "int32")),
    lstm: zoo.lstm.forward(x),
    gru: zoo.gru.forward(x),
    rnn: zoo.rnn.forward(x),
    lstmCell: zoo.lstmCell.forward(wave(2, 3)).h,
    gruCell: zoo.gruCell.forward(wave(2, 3)).h,
    attention: zoo.attention.forward(y),
    block: zoo.block.forward(y),
    norm: zoo.norm.forward(y),
  };
}

function expectTorch(zoo: Zoo): void {
  for (const [name, y] of Object.entries(outputs(zoo.eval())))
    expectClose(name, y.flatten().dataSync(), wanted[name]!, 1e-6);
}

test("PyTorch's weights give PyTorch's outputs; written and read again, too", async () => {
  const zoo = new Zoo();
  const { loaded } = await loadStateDict(zoo, file);
  expect(loaded).toContain("lstm.weight_ih_l1_reverse");
  expectTorch(zoo);
  const ours = process.env.GRADUS_STATE_DICT ?? join(folder, "zoo.safetensors"); // for PyTorch
  await saveStateDict(zoo, ours);
  const names = [...(await readSafetensors(file)).tensors.keys()];
  const own = [...(await readSafetensors(ours)).tensors.keys()];
  expect(own.sort()).toEqual(names.filter((name) => !name.endsWith("num_batches_tracked")).sort());
  const other = new Zoo();
  await loadStateDict(other, ours);
  expectTorch(other);
});

test("shards with an index, also by the name of their folder", async () => {
  const zoo = new Zoo();
  await loadStateDict(zoo, file);
  await saveStateDict(zoo, join(folder, "model.safetensors"), { prefix: "zoo.", shardBytes: 500 });
  const index = join(folder, "model.safetensors.index.json");
  const { weight_map: map } = JSON.parse(readFileSync(index, "utf8"));
  expect(map["zoo.net.0.weight"]).toMatch(/^model-00001-of-0000\d\.safetensors$/);
  expect(new Set(Object.values(map)).size).toBeGreaterThan(2);
  for (const path of [index, folder]) {
    const other = new Zoo();
    await loadStateDict(other, path, { prefix: "zoo." });
    expectTorch(other);
  }
  writeFileSync(index, JSON.stringify({ weight_map: { "zoo.norm.weight": "../x.safetensors" } }));
  await expect(openSafetensors(index)).rejects.toThrow(/no name of a file beside it/);
  writeFileSync(index, JSON.stringify({ weight_map: { w: "absent.safetensors" } }));
  await expect(openSafetensors(index)).rejects.toThrow(
    /its shard .*absent.safetensors is not there/,
  );
});

const net = (outputs: number) => new nn.Sequential(new nn.Linear(2, 3), new nn.Linear(3, outputs));
const small = new Map([
  ["0.weight", hostArray([3, 2], Float64Array.of(1, 2, 3, 4, 5, 6))],
  ["0.bias", hostArray([3], Int32Array.of(1, 2, 3))],
  ["1.weight", hostArray([2, 3], new Float32Array(6))],
  ["extra", hostArray([1], new Float32Array(1))],
]);

test("what does not fit is listed, and nothing is changed", async () => {
  const model = net(1);
  const before = model.parameters()["layers.0.weight"]!.value.toArray();
  await expect(loadStateDict(model, small)).rejects.toThrow(
    [
      "loadStateDict: its tensors are not those of the model.",
      "  missing in the file (1):",
      "    1.bias [1]",
      "  unexpected in the file (1):",
      "    extra",
      "  of another shape or type (2):",
      "    0.bias is of int32 in the file and float32 in the model",
      "    1.weight is [2, 3] in the file and [1, 3] in the model",
    ].join("\n"),
  );
  expect(model.parameters()["layers.0.weight"]!.value.toArray()).toEqual(before);
});

test("lenient: what fits is taken, float64 as float32, and the rest is reported", async () => {
  const model = net(1);
  const report = await loadStateDict(model, small, { strict: false });
  expect(report).toEqual({
    loaded: ["0.weight"],
    missing: ["1.bias"],
    unexpected: ["extra"],
    unfit: [
      "0.bias is of int32 in the file and float32 in the model",
      "1.weight is [2, 3] in the file and [1, 3] in the model",
    ],
  });
  expect(model.parameters()["layers.0.weight"]!.value.toArray()).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
});

test("a class says its own names; files of torch.save are refused with a hint", async () => {
  class Block extends nn.Module {
    static readonly torch = { fields: { norm1: "ln_1" }, transposed: ["mixing"] };
    readonly norm1 = new nn.LayerNorm(2);
    readonly mixing = new nn.Parameter(
      tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]),
    );
    forward(x: Tensor): Tensor {
      return x;
    }
  }
  const path = join(folder, "block.safetensors");
  await saveStateDict(new Block(), path);
  const { tensors } = await readSafetensors(path);
  expect([...tensors.keys()].sort()).toEqual(["ln_1.bias", "ln_1.weight", "mixing"]);
  expect(tensors.get("mixing")).toEqual(hostArray([3, 2], Float32Array.of(1, 4, 2, 5, 3, 6)));
  writeFileSync(path, "PK\u0003\u0004 and so on");
  await expect(loadStateDict(new Block(), path)).rejects.toThrow(/torch.save[\s\S]*save_file/);
  await expect(saveStateDict(new Block(), "net.pt")).rejects.toThrow(/write to "net.safetensors"/);
});

test("one tensor is read at a time, and a damaged one is found", async () => {
  const path = join(folder, "damaged.safetensors");
  await saveStateDict(net(1), path);
  const bytes = readFileSync(path);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(path, bytes);
  const reader = await openSafetensors(path);
  expect(reader.tensors.get("0.weight")).toEqual({ code: "F32", shape: [3, 2] });
  expect((await reader.read("0.weight")).shape).toEqual([3, 2]);
  await expect(reader.read("1.bias")).rejects.toThrow(/tensor "1.bias" has the checksum/);
  await expect(reader.read("2.bias")).rejects.toThrow(/there is no tensor "2.bias"/);
  await reader.close();
});
