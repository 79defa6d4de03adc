/**
 * Models with the layouts of torchvision and Hugging Face against PyTorch in float64: outputs,
 * gradients and an Adam step. The numbers come from tools/fixtures/torch-models.py; weights go in by
 * `loadStateDict`, so its names and layouts are tested, too.
 */
import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { type Tensor, tensor } from "gradus";
import {
  alexnetOwt,
  bert,
  gpt,
  loadStateDict,
  mobilenetV2,
  resnet18,
  resnet50,
  squeezenet,
  vgg11,
  vgg16,
} from "gradus/models";
import { type AnyModule, crossEntropy, Dropout, valueAndGrad } from "gradus/nn";
import { adam, Optimizer } from "gradus/optim";
import { describe, expect, test } from "vitest";
import { type HostArray, type Shape, sizeOf } from "../../src/base/index.ts";
import { linksOf } from "../../src/models/state-dict/links.ts";

interface Study {
  readonly shape: readonly [number, ...number[]];
  readonly classes?: number;
  readonly options?: object;
  readonly logits: number[];
  readonly loss: number;
  readonly grads: Record<string, [sum: number, product: number]>;
  readonly after: Record<string, [sum: number, product: number]>;
}
const file = process.env.GRADUS_TORCH_MODELS; // what the script writes with --all
const fixture: {
  readonly layouts: Record<string, [count: number, checksum: number]>;
  readonly studies: Record<string, Study>;
} = JSON.parse(readFileSync("test/models/torch-models.json", "utf8"));
const studies: Record<string, Study> = {
  ...fixture.studies,
  ...(file && JSON.parse(readFileSync(file, "utf8"))),
};

/** As `uniform` of the script. */
function uniform(name: string, shape: Shape): Float64Array {
  const seed = crc32(name);
  return Float64Array.from({ length: sizeOf(shape) }, (_, i) => {
    let x = (Math.imul(i, 0x9e3779b1) + seed) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b) >>> 0;
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0;
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32 - 0.5;
  });
}

/** As `fill` of the script. */
function weight(name: string, shape: Shape): HostArray {
  const u = uniform(name, shape);
  const scale = (24 / sizeOf(shape.slice(1))) ** 0.5;
  const value =
    shape.length > 1
      ? (x: number) => x * scale
      : name.endsWith("running_var")
        ? (x: number) => x + 1.5
        : name.endsWith("weight")
          ? (x: number) => 1 + 0.2 * x
          : (x: number) => 0.1 * x;
  return { dtype: "float64", shape, data: u.map(value) };
}

const images = { alexnetOwt, vgg11, vgg16, resnet18, resnet50, squeezenet, mobilenetV2 };

const imageModel = (name: string) =>
  images[name.replace(/-(.)/g, (_, c) => c.toUpperCase()) as keyof typeof images];

/** The model, and its logits for the script's input, one row for each label. */
function subject(name: string, { shape, classes, options }: Study) {
  const dtype = "float64";
  if (name === "gpt" || name === "bert") {
    const sizes = { ...(options as Parameters<typeof gpt>[0]), dtype } as const;
    const ids = Int32Array.from(uniform("x", shape), (u) => Math.floor((u + 0.5) * 19));
    const x = tensor(ids, "int32").reshape([...shape]);
    const mask = tensor(Int32Array.from({ length: 21 }, (_, i) => (i === 12 || i === 13 ? 0 : 1)));
    const model = name === "gpt" ? gpt(sizes) : bert(sizes);
    const run = () => {
      const y =
        "transformer" in model
          ? model.forward(x)
          : model.forward(x, { mask: mask.reshape([3, 7]).cast("bool") });
      return y.reshape([21, y.shape[2]!]);
    };
    return { model: model as AnyModule, run, count: 21, outputs: name === "gpt" ? 19 : 12 };
  }
  const model = imageModel(name)({ inputShape: shape.slice(1), classes: classes!, dtype });
  const x = tensor(uniform("x", shape), dtype)
    .mul(2)
    .reshape([...shape]);
  return {
    model: model as AnyModule,
    run: () => model.forward(x),
    count: shape[0],
    outputs: classes!,
  };
}

/** @param within relative to the numbers of the list that are largest. */
function expectAlike(
  found: Record<string, [number, number]>,
  wanted: Record<string, [number, number]>,
  scale: (name: string) => number,
): void {
  expect(Object.keys(found).sort()).toEqual(Object.keys(wanted).sort());
  for (const [name, values] of Object.entries(wanted))
    for (const [i, value] of values.entries())
      expect(Math.abs(found[name]![i]! - value) / scale(name), `${name} ${i}`).toBeLessThan(1e-9);
}

function checks(name: string, data: ArrayLike<number>, shape: Shape): [number, number] {
  const random = uniform(`check ${name}`, shape);
  let [sum, product] = [0, 0];
  for (let i = 0; i < random.length; i++) {
    sum += data[i]!;
    product += data[i]! * random[i]!;
  }
  return [sum, product];
}

test.each(Object.entries(fixture.layouts))(
  "names and shapes of %s are torchvision's",
  (name, [count, sum]) => {
    const { links } = linksOf(imageModel(name)({ inputShape: [3, 67, 67], classes: 5 }));
    const lines = links.flatMap(({ names, shapes }) =>
      names.map((each, i) => `${each} [${shapes[i]!.join(", ")}]`),
    );
    expect(lines.length).toBe(count);
    expect(crc32(lines.sort().join("\n"))).toBe(sum);
  },
);

describe.each(Object.entries(studies))("%s", (name, study) => {
  test("outputs, gradients and an Adam step are PyTorch's", { timeout: 600_000 }, async () => {
    const { model, run, count, outputs } = subject(name, study);
    const { links } = linksOf(model);
    const weights = links.flatMap(({ names, shapes }) =>
      names.map((each, i) => [each, weight(each, shapes[i]!)] as const),
    );
    const { loaded } = await loadStateDict(model, new Map(weights));
    expect([...loaded].sort()).toEqual(
      Object.keys(study.after)
        .filter((each) => each !== "lm_head.weight") // tied
        .sort(),
    );
    for (const module of Object.values(model.train().modules()))
      if (module instanceof Dropout) module.training = false;
    const labels = tensor(Int32Array.from({ length: count }, (_, i) => i % outputs));
    const optimizer = new Optimizer(model, adam({ eps: 1e-3 }), { lr: 1e-3 });
    let logits: Tensor | undefined;
    const { value, grads } = valueAndGrad(model, () => {
      logits = run();
      return crossEntropy(logits, labels);
    })();
    const paths = new Map(Object.entries(model.state()).map(([path, x]) => [x as object, path]));
    const gradients = Object.fromEntries(
      links.flatMap(({ names, variables, write }) => {
        const own = variables.map((x) => grads[paths.get(x)!]?.toHost());
        if (own.some((x) => !x)) return [];
        return write(own as HostArray[]).map((x, i) => [
          names[i]!,
          checks(names[i]!, x.data, x.shape),
        ]);
      }),
    );
    for (const [i, x] of [...logits!.flatten().dataSync()].slice(0, 12).entries())
      expect(x).toBeCloseTo(study.logits[i]!, 9);
    expect(Math.abs(value.item() - study.loss)).toBeLessThan(1e-9);
    const wanted = Object.values(study.grads).flat().map(Math.abs);
    const largest = Math.max(1, ...wanted);
    const unused = name === "bert" ? ["pooler.dense.weight", "pooler.dense.bias"] : [];
    for (const each of unused) delete gradients[each];
    expectAlike(gradients, study.grads, () => largest);
    optimizer.update(grads);
    const after = Object.fromEntries(
      links.flatMap(({ names, variables, write }) =>
        write(variables.map((x) => x.value.toHost())).map((x, i) => [
          names[i]!,
          checks(names[i]!, x.data, x.shape),
        ]),
      ),
    );
    delete study.after["lm_head.weight"];
    const sizes = Object.fromEntries(weights.map(([each, { shape }]) => [each, sizeOf(shape)]));
    expectAlike(after, study.after, (each) => Math.max(1, 1e-3 * sizes[each]!));
  });
});
