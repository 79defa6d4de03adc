/** Damaged files that trainings, searches and learners leave, and settings. */
import { readFileSync, rmSync } from "node:fs";
import { readSafetensors, writeSafetensors } from "gradus/formats";
import { learnerFromJSON, loadLearner, pipeline, StandardScaler, SVC } from "gradus/learn";
import { float, loadCheckpoint, RunFolder, readTrajectory, search } from "gradus/train";
import { beforeAll, expect } from "vitest";
import { hostArray } from "../../src/base/index.ts";
import { readRunConfig } from "../../src/cli/run/run-config.ts";
import { readSettings } from "../../src/cli/settings/settings.ts";
import { readSettingsFile } from "../../src/cli/settings/settings-file.ts";
import { gradus, workIn } from "../cli/support.ts";
import { fuzz, inFile, mutateJson, mutateText, pathIn } from "../support/damage.ts";

workIn();
beforeAll(async () => {
  const { code, error } = await gradus("train --data moons examples=60 --epochs 2 --run run");
  expect(error).toBe("");
  expect(code).toBe(0);
});

const text = (name: string) => readFileSync(`run/${name}`, "utf8");

fuzz({
  what: "a run's config.json",
  isSlow: true,
  make: async () => {
    const config = text("config.json");
    return () => mutateJson(config);
  },
  read: async (json: string) => {
    await inFile("config.json", json);
    await readRunConfig(await RunFolder.open(pathIn(".")));
  },
});

fuzz({
  what: "a run's metrics",
  isSlow: true,
  make: async () => {
    await inFile("config.json", "{}");
    const [line = ""] = text("metrics.jsonl").split("\n");
    return () => `${line}\n${mutateJson(line)}\n`;
  },
  read: async (lines: string) => {
    await inFile("metrics.jsonl", lines);
    for (const line of await (await RunFolder.open(pathIn("."))).readMetrics())
      expect(Object.prototype.toString.call(line)).toBe("[object Object]");
  },
});

/** Files whose sums are right and whose notes are not: the notes, each a text, as one JSON. */
async function withNotes(name: string, json: string): Promise<string | undefined> {
  let notes: unknown;
  try {
    notes = JSON.parse(json);
  } catch {
    return undefined;
  }
  const isNotes = typeof notes === "object" && notes !== null && !Array.isArray(notes);
  if (!isNotes || Object.values(notes as object).some((x) => typeof x !== "string"))
    return undefined;
  const tensors = new Map([["step 1", hostArray([2], Float32Array.of(1, 2))]]);
  await writeSafetensors(pathIn(name), tensors, notes as Record<string, string>);
  return pathIn(name);
}

/** The notes of a file with one of them damaged, as JSON or as text. */
async function damagedNotes(file: string): Promise<() => string> {
  const { metadata } = await readSafetensors(file);
  const { "gradus.crc32": _, ...notes } = metadata;
  const whole = JSON.stringify(notes);
  const names = Object.keys(notes);
  let n = 0;
  return () => {
    const name = names[n++ % (names.length + 1)];
    if (name === undefined) return mutateText(whole);
    const isJson = /^[[{"]/.test(notes[name]!);
    const damaged = isJson ? mutateJson(notes[name]!) : mutateText(notes[name]!);
    return JSON.stringify({ ...notes, [name]: damaged });
  };
}

fuzz({
  what: "checkpoints whose sums are right and whose notes are not",
  isSlow: true,
  make: () => damagedNotes("run/last.safetensors"),
  read: async (json: string) => {
    const path = await withNotes("c.safetensors", json);
    if (path) await loadCheckpoint(path);
  },
});

fuzz({
  what: "trajectories whose sums are right and whose notes are not",
  isSlow: true,
  make: () => damagedNotes("run/trajectory.safetensors"),
  read: async (json: string) => {
    const path = await withNotes("t.safetensors", json);
    if (!path) return;
    const { parameters, steps, points } = (await readTrajectory(path))!;
    expect(steps.length).toBe(points.length);
    for (const { path, shape } of parameters)
      expect([typeof path, shape.length >= 0]).toEqual(["string", true]);
  },
});

const objective = ({ x }: { x: number }) => x;

fuzz({
  what: "tables of searches",
  isSlow: true,
  make: async () => {
    const table = pathIn("search.jsonl");
    await search({ x: float(0, 1) }, objective, { trials: 2, table });
    const [head = "", ...lines] = readFileSync(table, "utf8").trim().split("\n");
    return () => `${[head, lines[0], mutateJson(lines[1]!)].join("\n")}\n`;
  },
  read: async (lines: string) => {
    const table = await inFile("search.jsonl", lines);
    const { trials, best } = await search({ x: float(0, 1) }, objective, { trials: 2, table });
    for (const { value } of [...trials, best!])
      expect(value === null || Number.isFinite(value)).toBe(true);
    rmSync(table);
  },
});

const learner = () =>
  pipeline(new StandardScaler(), new SVC()).fit(
    [
      [0, 1],
      [1, 0],
      [2, 2],
      [3, 1],
    ],
    [0, 0, 1, 1],
  );

fuzz({
  what: "learners as JSON",
  make: async () => {
    const json = JSON.stringify(await learner());
    return () => mutateJson(json);
  },
  read: (json: string) => learnerFromJSON(json),
});

fuzz({
  what: "learners whose sums are right and whose notes are not",
  isSlow: true,
  make: async () => {
    const path = pathIn("learner.safetensors");
    await (await learner()).save(path);
    return damagedNotes(path);
  },
  read: async (json: string) => {
    const path = await withNotes("l.safetensors", json);
    if (path) await loadLearner(path);
  },
});

const settings = `base: &base { epochs: 3 }
data: { source: moons, size: 12 } # of rows
model:
  name: mlp
  hidden: [8, 4]
training:
  <<: *base
  lr: 1e-2
  optimizer: "adam"
`;

fuzz({
  what: "settings as YAML and JSON",
  isSlow: true,
  make: async () => {
    const json = JSON.stringify({
      data: { source: "moons" },
      model: { name: "mlp", hidden: [8, 4] },
      training: { lr: 0.01, epochs: 3 },
    });
    let n = 0;
    return () => (n++ % 2 ? mutateJson(json) : mutateText(settings));
  },
  read: async (content: string) => {
    const path = await inFile(content.startsWith("{") ? "s.json" : "s.yaml", content);
    readSettings(await readSettingsFile(path), []);
  },
});
