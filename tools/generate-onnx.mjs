#!/usr/bin/env node
/**
 * Writes src/onnx/proto/*_pb.ts from the files beside them: onnx.proto is `onnx-ml.proto` of the Python
 * package `onnx` 1.23, onnx-data.proto its file of that name with the import renamed. Needs the network: buf and protoc-gen-es are fetched by npx and installed nowhere.
 *
 *   node tools/generate-onnx.mjs
 *
 * The plugin writes TypeScript's enums; they become constants here, since our sources run where types
 * are only stripped.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const folder = path.join(
  path.dirname(path.dirname(fileURLToPath(import.meta.url))),
  "src/onnx/proto",
);
const template = {
  version: "v2",
  inputs: [{ directory: folder }],
  plugins: [{ local: "protoc-gen-es", opt: "target=ts,import_extension=ts", out: folder }],
};
const packages = ["@bufbuild/buf@1.75.0", "@bufbuild/protoc-gen-es@2.17.0"];
execFileSync(
  "npx",
  [
    "--yes",
    ...packages.flatMap((name) => ["--package", name]),
    ...["--", "buf", "generate", "--template", JSON.stringify(template)],
  ],
  { cwd: folder, stdio: "inherit" },
);

for (const name of ["onnx_pb.ts", "onnx-data_pb.ts"]) {
  const file = path.join(folder, name);
  const text = fs
    .readFileSync(file, "utf8")
    .replaceAll(/^export enum (\w+) \{\n([^}]*)\}/gm, (_all, type, body) =>
      [
        `export const ${type} = {`,
        `${body.replaceAll(/^( *\w+) = (\d+),/gm, "$1: $2,")}} as const;`,
        `export type ${type} = (typeof ${type})[keyof typeof ${type}];`,
      ].join("\n"),
    )
    .replace("/* eslint-disable */", "// By tools/generate-onnx.mjs; enums are constants here.");
  fs.writeFileSync(file, text);
}
execFileSync("npx", ["biome", "check", "--write", folder], { stdio: "inherit" });
