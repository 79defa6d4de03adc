/** Archives of test vectors, read into memory. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(
  process.env.GRADUS_DATA ?? join(import.meta.dirname, "../../../shared/data"),
  "onnx",
);

/** The files of a `.tar.xz` by path, or null where it or xz is not there. */
export function unpack(name: string): Map<string, Uint8Array> | null {
  const path = join(root, `${name}.tar.xz`);
  if (!existsSync(path)) return null;
  const { stdout, status } = spawnSync("xz", ["-dc", path], { maxBuffer: 2 ** 30 });
  return status === 0 ? filesOf(stdout) : null;
}

/** Of a tar in the format of 1988: headers of 512 bytes, contents padded to as many. */
function filesOf(tar: Uint8Array): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const text = (from: number, length: number) =>
    new TextDecoder().decode(tar.subarray(from, from + length)).replace(/\0.*$/s, "");
  let long = ""; // a name of more than 100 bytes comes before, as a file of its own
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12).trim() || "0", 8);
    const kind = text(at + 156, 1);
    const content = () => tar.slice(at + 512, at + 512 + size);
    if (kind === "L") long = new TextDecoder().decode(content()).replace(/\0.*$/s, "");
    else if (kind === "x")
      long = /\d+ path=(.*)\n/.exec(new TextDecoder().decode(content()))?.[1] ?? "";
    else {
      const name = long || [text(at + 345, 155), text(at, 100)].filter(Boolean).join("/");
      if (kind === "0" || kind === "") files.set(name.replace(/^\.\//, ""), content());
      long = "";
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
