/** Downloads from a server on this machine that breaks off, cannot continue, or sends something else. */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { downloadData } from "gradus/data";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { fileTree } from "../../../src/data/folders/file-tree.ts";
import { limitsOf } from "../../../src/data/folders/limits.ts";
import { cifarDataset, isCifarName } from "../../../src/data/images/cifar.ts";
import { downloadSet } from "../../../src/data/named/named-data.ts";

const content = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 37) & 255));
const sha256 = createHash("sha256").update(content).digest("hex");
const set = {
  about: "a test",
  opens: "file",
  files: [{ name: "x.bin", url: "http://localhost:1/x.bin", bytes: content.length, sha256 }],
} as const;

let mode: "cut" | "ranges" | "no ranges" | "other" | "gone" = "ranges";
let asked: (string | undefined)[] = [];
let server: Server;
let mirror: string;
beforeAll(async () => {
  server = createServer((request, response) => {
    const { range } = request.headers;
    asked.push(range);
    const from = mode === "ranges" && range ? Number(/\d+/.exec(range)![0]) : 0;
    if (mode === "gone") response.writeHead(404).end();
    else if (mode === "other") response.end(Buffer.alloc(content.length));
    else if (mode === "cut") {
      response.writeHead(200, { "content-length": content.length });
      response.write(content.subarray(0, 40_000), () => setTimeout(() => response.destroy(), 50));
    } else response.writeHead(from > 0 ? 206 : 200).end(content.subarray(from));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
const folders: string[] = [];
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gradus-download-"));
  folders.push(folder);
  asked = [];
});
afterAll(() => {
  server.close();
  for (const each of folders) rmSync(each, { recursive: true });
});

const get = (now: typeof mode) => {
  mode = now;
  return downloadSet("test", set, { folder, mirror });
};

test("a download that broke off goes on where it ended, and a whole one is not repeated", async () => {
  await expect(get("cut")).rejects.toThrow(/"x.bin" cannot be downloaded[\s\S]*check the network/);
  expect(existsSync(join(folder, "test/x.bin"))).toBe(false);
  expect(readFileSync(join(folder, "test/x.bin.part"))).toEqual(content.subarray(0, 40_000));
  const path = await get("ranges");
  expect(readFileSync(path)).toEqual(content);
  expect(await get("gone")).toBe(path);
  expect(asked).toEqual([undefined, "bytes=40000-"]);
});

test("a server that cannot continue sends all again", async () => {
  await get("cut").catch(() => {});
  expect(readFileSync(await get("no ranges"))).toEqual(content);
});

test("another content, a refusal and no network are errors, and leave no file", async () => {
  await expect(get("other")).rejects.toThrow(`expected ${sha256}`);
  expect(existsSync(join(folder, "test/x.bin.part"))).toBe(false);
  await expect(get("gone")).rejects.toThrow(/the server answers 404/);
  const nowhere = { folder, mirror: "http://127.0.0.1:1" };
  await expect(downloadSet("test", set, nowhere)).rejects.toThrow(
    /cannot be downloaded \([\s\S]*or put the file to .*x\.bin; or name a mirror/,
  );
  await expect(downloadData("mnits")).rejects.toThrow('did you mean "mnist"?');
});

test("CIFAR-10's binary files: labels, channels first, 0 to 1", async () => {
  const file = (labels: number[]) =>
    Buffer.concat(labels.map((label) => Buffer.from([label, ...Buffer.alloc(3072, 51 * label)])));
  writeFileSync(join(folder, "data_batch_1.bin"), file([3, 0]));
  writeFileSync(join(folder, "data_batch_2.bin"), file([5]));
  writeFileSync(join(folder, "test_batch.bin"), file([1]));
  const read = async () =>
    cifarDataset(folder, await fileTree(folder, isCifarName, limitsOf({}, "test")));
  const { train, test: held, classes } = await read();
  expect(train.inputs.shape).toEqual([3, 3, 32, 32]);
  expect([...train.targets.data]).toEqual([3, 0, 5]);
  expect(train.inputs.data[0]).toBe(Math.fround(0.6));
  expect(train.inputs.data[2 * 3072]).toBe(1);
  expect([held!.size, classes![3]]).toEqual([1, "cat"]);
  writeFileSync(join(folder, "data_batch_2.bin"), file([5]).subarray(1));
  await expect(read()).rejects.toThrow(/3072 bytes are no whole records/);
});
