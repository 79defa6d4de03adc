/** ONNX's own vectors: operators, nets, and what PyTorch exported. */
import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { loadOnnx } from "../../src/onnx/index.ts";
import { operators } from "../../src/onnx/operators/index.ts";
import { type EngineName, engineInfo, setEngine, tensor } from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";
import { unpack } from "./archive.ts";
import { casesOf, decodeData, difference, judge, operatorsOf, type Verdict } from "./cases.ts";

const missing = (name: string) =>
  console.warn(`skipped: no onnx/${name}.tar.xz in the folder that GRADUS_DATA names`);
const [vectors, exported, nets] = ["node-a", "pytorch-operator", "light"].map((name) => {
  const files = unpack(name);
  if (!files) missing(name);
  return files;
});
/** Nets that take a second or more, the compiler above all: for a night. */
const isWhole = process.env.GRADUS_ONNX === "all";
const quick = /alexnet|zfnet|shufflenet|resnet50/;

test.skipIf(!vectors)(
  "node vectors: 95 of 100 of those whose types there are",
  { timeout: 60_000 },
  async () => {
    const verdicts: Verdict[] = [];
    for (const each of casesOf(vectors!)) {
      expect(each.sets.length, each.name).toBeGreaterThan(0);
      verdicts.push(await judge(each));
    }
    const typed = verdicts.filter(({ kind }) => kind !== "type");
    const passed = typed.filter(({ kind }) => kind === "passes");
    if (process.env.GRADUS_ONNX_VERDICTS)
      writeFileSync(
        process.env.GRADUS_ONNX_VERDICTS,
        JSON.stringify({
          verdicts,
          used: casesOf(vectors!).map(({ name, model }) => [name, operatorsOf(model.graph)]),
          known: operators.map(({ domain, name }) => (domain ? `${domain}.${name}` : name)),
        }),
      );
    expect(typed.filter(({ kind }) => kind === "fails")).toEqual([]);
    expect(passed.length / typed.length).toBeGreaterThanOrEqual(0.95);
  },
);

/** One in so many on the other engines: what operators compose is the same, and engines have tests of their own. */
const stride = 17;
for (const engine of engines)
  test.skipIf(!vectors || engine === engineInfo().name)(
    `every ${stride}th node vector on the ${engine} engine`,
    async () => {
      const before = engineInfo().name as EngineName;
      setEngine(engine);
      try {
        for (const each of casesOf(vectors!).filter((_, i) => i % stride === 0)) {
          const { name, kind, reason } = await judge(each);
          if (!/bernoulli|training_dropout/.test(name))
            expect(kind, `${name}: ${reason}`).toMatch(/passes|type|operator/);
        }
      } finally {
        setEngine(before);
      }
    },
  );

test.skipIf(!exported)("all operators that PyTorch exported", async () => {
  for (const each of casesOf(exported!))
    expect(await judge(each)).toEqual({ name: each.name, kind: "passes", reason: "" });
});

test.skipIf(!nets)("nets of ImageNet, with constant weights", { timeout: 120_000 }, async () => {
  for (const [name, bytes] of nets!) {
    if (!name.endsWith(".onnx") || !(isWhole || quick.test(name))) continue;
    const net = await loadOnnx(bytes);
    const { name: input, shape } = net.inputs[0]!;
    const size = (shape as number[]).reduce((n, d) => n * d, 1);
    const x = tensor(Float32Array.from({ length: size }, (_, i) => i / size)).reshape(
      shape as number[],
    );
    const y = net.run({ [input]: x });
    const wanted = decodeData(nets!.get(name.replace(".onnx", "_output_0.pb"))!, undefined);
    expect(difference(Object.values(y)[0]!, wanted, 1e-3, 1e-5), name).toBeUndefined();
  }
});
