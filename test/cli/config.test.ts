import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { loadCheckpoint } from "gradus/train";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { scalar } from "../../src/cli/settings/settings-file.ts";
import { gradus, isFast, workIn, writeImages } from "./support.ts";

workIn();
beforeAll(async () => {
  await writeImages("bars", 200);
  await writeFile(
    "bars.yaml",
    "data:\n  source: bars\nmodel:\n  name: mlp\n  hidden: [16, 8]\ntraining:\n  epochs: 2\n  lr: 0.01\n",
  );
});

const digest = async (file: string) =>
  createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
const printed = async (words: string) => parse((await gradus(`config print ${words}`)).out);

describe("gradus config print", () => {
  test("shows every setting with the values that suit the data", async () => {
    expect(await printed("data=moons")).toEqual({
      data: { source: "moons" },
      model: { name: "mlp" },
      training: {
        epochs: 50,
        batchSize: 16,
        lr: 0.001,
        weightDecay: 0,
        optimizer: "adam",
        schedule: "cosine",
        warmup: 0,
        seed: 0,
      },
    });
  });
  test("a file, and single settings over it", async () => {
    const { model, training } = await printed("bars.yaml lr=0.5 training.optimizer=sgd");
    expect(model).toEqual({ name: "mlp", hidden: [16, 8] });
    expect(training).toMatchObject({ epochs: 2, lr: 0.5, optimizer: "sgd" });
  });
  test("what it prints is a file that prints the same", async () => {
    const { out } = await gradus("config print bars.yaml hidden=[5,6]");
    await writeFile("again.yaml", out);
    expect((await gradus("config print again.yaml")).out).toBe(out);
    expect(out).toContain("- 5\n    - 6");
  });
  test("a module and JSON", async () => {
    await writeFile(
      "c.mjs",
      "export default { data: { source: 'bars' }, training: { epochs: 3 } };",
    );
    await writeFile(
      "c.json",
      JSON.stringify({ data: { source: "bars" }, training: { epochs: 3 } }),
    );
    expect(await printed("c.mjs")).toEqual(await printed("c.json"));
    expect((await printed("c.json")).training.epochs).toBe(3);
  });
  test("merge keys of YAML", async () => {
    await writeFile(
      "merged.yaml",
      "data: {source: moons}\ntraining:\n  <<: &defaults {epochs: 7, lr: 0.5}\n  lr: 0.25\n",
    );
    expect((await printed("merged.yaml")).training).toMatchObject({ epochs: 7, lr: 0.25 });
    // a holder beside the sections
    await writeFile(
      "held.yaml",
      "base: &base\n  epochs: 7\n  lr: 0.5\ndata: {source: moons}\ntraining:\n  <<: *base\n  lr: 0.25\n",
    );
    expect((await printed("held.yaml")).training).toMatchObject({ epochs: 7, lr: 0.25 });
  });
  test("words stay words where a setting is a text, numbers are numbers where it is one", () => {
    const words: [path: string, text: string, value: unknown][] = [
      ["data.classes", "01,02", ["01", "02"]],
      ["data.classes", "true,false", ["true", "false"]],
      ["data.classes", "1.0,1e3", ["1.0", "1e3"]],
      ["data.source", "2024", "2024"],
      ["data.source", "true", "true"],
      ["transfer.from", "007", "007"],
      ["data.target", "species", "species"],
      ["data.target", "4", 4],
      ["data.target", "04", "04"],
      ["data.drop", "[id,2]", ["id", 2]],
      ["data.other", "true", true],
      ["training.lr", "1e-3", 1e-3],
      ["training.epochs", "5", 5],
      ["model.hidden", "[16,8]", [16, 8]],
    ];
    for (const [path, text, value] of words)
      expect(scalar(text, path), `${path}=${text}`).toEqual(value);
  });
});

describe.runIf(isFast)("gradus train with settings", () => {
  test("the stored configuration gives the same run, to the last bit", async () => {
    await gradus("train bars.yaml --seed 3 --run one");
    const { settings } = JSON.parse(await readFile("one/config.json", "utf8"));
    expect(settings.training).toMatchObject({ epochs: 2, lr: 0.01, seed: 3, batchSize: 64 });
    await gradus("train one/config.json --run two");
    for (const name of ["config.json", "best.safetensors", "last.safetensors"])
      expect(await digest(`two/${name}`), name).toBe(await digest(`one/${name}`));
  });
  test("hidden units and classes are those that were asked for", async () => {
    await gradus("train bars.yaml classes=[3,1] --run some");
    const { data } = JSON.parse(await readFile("some/config.json", "utf8"));
    expect(data.preparation.target.classes).toEqual(["3", "1"]);
    const { tensors } = await loadCheckpoint("some/best.safetensors");
    const shapes = [...tensors.values()].map((x) => x.shape);
    expect(shapes).toContainEqual([16, 64]);
    expect(shapes).toContainEqual([2, 8]);
  });
  test("patience ends a training that does not improve", async () => {
    const { out } = await gradus(
      "train bars.yaml epochs=30 lr=1e-12 schedule=constant --patience 2",
    );
    expect(out).toMatch(/val_loss has not improved for 2 epochs/);
  });
});

describe("what is wrong is named where it was written", () => {
  const failing = (words: string, ...messages: (string | RegExp)[]) =>
    test(words, async () => {
      const { code, error } = await gradus(`config print ${words}`);
      expect(code).toBe(1);
      for (const message of messages) expect(error).toMatch(message);
      expect(error).not.toMatch(/internal/);
    });
  beforeAll(async () => {
    await writeFile("typo.yaml", "training:\n  epohcs: 3\n");
    await writeFile("section.yaml", "trainnig:\n  epochs: 3\n");
    await writeFile("value.yaml", "training:\n  epochs: many\n");
    await writeFile("list.yaml", "- 1\n- 2\n");
    await writeFile("torn.json", '{"training": ');
    await writeFile("torn.yaml", "a: [1, 2\n");
  });
  failing("typo.yaml", 'typo.yaml: training: there is no setting "epohcs"', "did you mean epochs?");
  failing("section.yaml", 'section.yaml: there is no setting "trainnig"', "did you mean training?");
  failing(
    "value.yaml",
    'value.yaml: training.epochs: "many" is not a whole number of 1 or more',
    "epochs: 5",
  );
  const deep = `${"[".repeat(30_000)}${"]".repeat(30_000)}`;
  const files: [name: string, content: string, message: string | RegExp][] = [
    ["brackets.yaml", "[".repeat(5000), "brackets.yaml: it is nested more than 200 levels deep."],
    ["dashes.yaml", "- ".repeat(5000), "dashes.yaml: it is nested more than 200 levels deep."],
    ["itself.yaml", "data: &d {x: *d}", "itself.yaml: it is nested more than 200 levels deep."],
    ["deep.json", deep, "deep.json: it is nested more than 200 levels deep."],
    ["long.yaml", "# ".repeat(35_000), "it has 70000 characters, settings in YAML at most 65536."],
    ["flat.yaml", "lr: 0.1", /"lr" among data, model.*did you mean training: \{ lr: … \}\?/s],
    [
      "null.yaml",
      "training:",
      /training: "null" is no section.*such as training: \{ epochs: 5 \}/s,
    ],
    ["classes.yaml", "data: {classes: [{a: 1}]}", "is not a list of classes"],
    ["call.mjs", "export default () => 1", "its default export holds more than data"],
    ["no.mjs", "export const lr = 1", "no.mjs: not a module of settings (no default export)"],
    ["big.mjs", "export default { training: { lr: 1n } }", 'training.lr: "1" is not a number'],
  ];
  for (const [name, content, message] of files) {
    writeFileSync(name, content);
    failing(name, message);
  }
  failing("list.yaml", "it holds no settings by name");
  failing("torn.json", "torn.json: not JSON");
  failing("torn.yaml", "torn.yaml: not YAML");
  failing("none.yaml", "none.yaml: there is no such file", "gradus config print > config.yaml");
  failing("flat.yaml/inner.yaml", "there is no such file: part of the path is no folder");
  failing("a.yaml b.yaml", "there are 2 files");
  failing("lrr=3", 'there is no setting "lrr"', "did you mean lr=3?");
  failing("lr=fast", 'training.lr: "fast" is not a number above 0', "lr: 0.001");
  failing("optimizer=adm", '"adm" is not one of adam, adamW', "did you mean optimizer: adam");
  failing("data=moons classes=7", 'there is no class "7" in moons, which has 0, 1');
});
