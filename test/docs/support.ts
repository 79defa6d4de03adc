import fs from "node:fs/promises";
import path from "node:path";
import * as core from "gradus";
import * as data from "gradus/data";
import * as draw from "gradus/draw";
import * as formats from "gradus/formats";
import * as inspect from "gradus/inspect";
import * as lab from "gradus/lab";
import * as learn from "gradus/learn";
import * as models from "gradus/models";
import * as nn from "gradus/nn";
import * as onnx from "gradus/onnx";
import * as optim from "gradus/optim";
import * as train from "gradus/train";
import { expect } from "vitest";

const modules = {
  gradus: core,
  "gradus/nn": nn,
  "gradus/optim": optim,
  "gradus/data": data,
  "gradus/train": train,
  "gradus/formats": formats,
  "gradus/models": models,
  "gradus/inspect": inspect,
  "gradus/lab": lab,
  "gradus/learn": learn,
  "gradus/draw": draw,
  "gradus/onnx": onnx,
};

/** Names that the code declares itself. */
function declared(code: string): Set<string> {
  const names = new Set<string>();
  for (const [, left] of code.matchAll(/\b(?:const|let)\s+([^=;]+?)\s*=[^>]/g))
    for (const word of left!.match(/[\w$]+/g) ?? []) names.add(word);
  for (const [, left] of code.matchAll(/\b(?:function|class)\s+([\w$]+)/g)) names.add(left!);
  for (const [, left] of code.matchAll(/\bimport\s+(?:type\s+)?\{([^}]*)\}/g))
    for (const word of left!.match(/[\w$]+/g) ?? []) names.add(word);
  for (const [, left] of code.matchAll(/\bof (?:const|let) \{([^}]*)\}/g))
    for (const word of left!.match(/[\w$]+/g) ?? []) names.add(word);
  return names;
}

/** Imports of the public names that the code uses; where two modules share one, `first` wins, then layers. */
export function importsFor(code: string, first = "gradus"): string {
  const lines = [`import { check } from "../../docs/support.ts";`];
  const taken = declared(code);
  const rank = (name: string) =>
    name === first ? 0 : name === "gradus/nn" && first !== "gradus/tensor" ? 1 : 2;
  const order = Object.entries(modules).sort(([a], [b]) => rank(a) - rank(b));
  for (const [name, module] of order) {
    const used = Object.keys(module).filter(
      (word) => !taken.has(word) && new RegExp(`(?<![.\\w"'])${word}\\b`).test(code),
    );
    for (const word of used) taken.add(word);
    if (used.length > 0) lines.push(`import { ${used.join(", ")} } from "${name}";`);
  }
  return lines.join("\n");
}

/** `expression; // value` becomes a check; other lines stay. */
export function rewriteClaims(code: string): string {
  return code
    .split("\n")
    .map((line) => {
      const claim = /^(?!\s*(?:const|let|import|for|if|return|\/\/|\}))(.+?);\s*\/\/ (.+)$/.exec(
        line,
      );
      return claim ? `check(await (${claim[1]}), ${JSON.stringify(claim[2])});` : line;
    })
    .join("\n");
}

/** Compares a value with what the comment says of it. */
export function check(actual: unknown, claim: string): void {
  if (claim.includes("…")) {
    const pattern = squeezed(claim)
      .split("…")
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
      .join("[\\s\\S]*");
    expect(squeezed(plain(actual))).toMatch(new RegExp(`^${pattern}$`));
    return;
  }
  let expected: unknown;
  try {
    expected = new Function(`return (${claim.replace(/\b\w+Array(\(\d+\))? (?=\[)/g, "")})`)();
  } catch {
    expected = claim;
  }
  expectClose(actual, expected);
}

const plain = (x: unknown): string =>
  typeof x === "string"
    ? x
    : (JSON.stringify(ArrayBuffer.isView(x) ? [...(x as Float32Array)] : x) ?? String(x));
/** Without spaces and quotes, which readers and JSON set differently. */
const squeezed = (text: string) => text.replace(/[\s"']/g, "");

/** Numbers agree to float32's rounding; everything else exactly. */
function expectClose(actual: unknown, expected: unknown): void {
  if (typeof actual === "number" && typeof expected === "number" && Number.isFinite(expected)) {
    const error = Math.abs(actual - expected);
    expect(error).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(expected)));
  } else if (Array.isArray(expected)) {
    const list = Array.from(actual as ArrayLike<unknown>);
    expect(list.length).toBe(expected.length);
    expected.forEach((e, i) => {
      expectClose(list[i], e);
    });
  } else if (expected !== null && typeof expected === "object") {
    const record = actual as Record<string, unknown>;
    expect(Object.keys(record).sort()).toEqual(Object.keys(expected).sort());
    for (const [key, value] of Object.entries(expected)) expectClose(record[key], value);
  } else expect(actual).toEqual(expected);
}

/** A tenth of a second of a tone, as a WAV file of 16 bits and 8000 Hz. */
function recording(): Buffer {
  const file = Buffer.alloc(44 + 1600);
  file.write("RIFF....WAVEfmt ");
  for (const [at, value] of [
    [16, 16],
    [24, 8000],
    [28, 16000],
    [4, 1636],
    [40, 1600],
  ] as const)
    file.writeUInt32LE(value, at);
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 2],
    [34, 16],
  ] as const)
    file.writeUInt16LE(value, at);
  file.write("data", 36);
  for (let t = 0; t < 800; t++) file.writeInt16LE(9000 * Math.sin(t / 3), 44 + 2 * t);
  return file;
}

/** The files that examples read: small, but real files of their formats. */
export async function writeSampleFiles(folder: string): Promise<void> {
  const images = (n: number) => ({
    dtypeCode: formats.idxTypes.ubyte,
    shape: [n, 28, 28],
    data: Uint8Array.from({ length: n * 784 }, (_, i) => (i * 7) % 256),
  });
  const labels = (n: number) => ({
    dtypeCode: formats.idxTypes.ubyte,
    shape: [n],
    data: Uint8Array.from({ length: n }, (_, i) => i % 10),
  });
  await fs.mkdir(path.join(folder, "data/mnist"), { recursive: true });
  await fs.mkdir(path.join(folder, "run"), { recursive: true });
  for (const [name, n] of [
    ["train", 20],
    ["t10k", 10],
  ] as const) {
    await formats.writeIdx(path.join(folder, `data/mnist/${name}-images-idx3-ubyte.gz`), images(n));
    await formats.writeIdx(path.join(folder, `data/mnist/${name}-labels-idx1-ubyte.gz`), labels(n));
  }
  await fs.writeFile(
    path.join(folder, "penguins.csv"),
    "species,bill,mass\nAdelie,39.1,3750\nChinstrap,46.5,3500\nGentoo,46.1,4500\nGentoo,50,\n",
  );
  await fs.writeFile(path.join(folder, "names.txt"), "anna\nbert\ncora\ndave\n");
  const poem = "Tyger Tyger, burning bright,\nIn the forests of the night;\n";
  await fs.writeFile(path.join(folder, "poem.txt"), poem.repeat(20));
  await fs.writeFile(path.join(folder, "prompt.txt"), "Tyger Ty");
  await fs.mkdir(path.join(folder, "spoken"), { recursive: true });
  await fs.writeFile(path.join(folder, "seven.wav"), recording());
  for (const name of ["yes_a_0", "no_a_0", "yes_a_5", "no_a_5", "yes_b_6", "no_b_6"])
    await fs.writeFile(path.join(folder, "spoken", `${name}.wav`), recording());
  const { default: sharp } = await import("sharp");
  const pixels = new Uint8Array(28 * 28).fill(255);
  for (let i = 8; i < 20; i++) pixels[8 * 28 + i] = 0;
  await sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } })
    .png()
    .toFile(path.join(folder, "seven.png"));
  for (const [n, name] of ["daisy", "rose"].entries()) {
    await fs.mkdir(path.join(folder, "flowers", name), { recursive: true });
    for (let i = 0; i < 5; i++)
      await sharp({ create: { width: 9 + i, height: 10, channels: 3, background: [n, 99, 9 * i] } })
        .png()
        .toFile(path.join(folder, "flowers", name, `${i}.png`));
  }
}
