import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { readImageFolder } from "gradus/data";
import { expect, test } from "vitest";
import { ConfigError, DataError, FormatError, GradusError } from "../../../src/base/index.ts";
import { fileTree, treeNotes } from "../../../src/data/folders/file-tree.ts";
import { limitsOf, type ReadLimits } from "../../../src/data/folders/limits.ts";
import { tarOf, workFolder } from "../files.ts";

const { root, folderOf } = workFolder();
const text = (words: string) => new TextEncoder().encode(words);
const isPng = (path: string) => path.endsWith(".png");

/** Contents of the wanted files by path, and the notes. */
async function read(path: string, limits: ReadLimits = {}) {
  const tree = await fileTree(path, isPng, limitsOf(limits, "test"));
  const contents: Record<string, string> = {};
  for (const file of tree.files) contents[file.path] = new TextDecoder().decode(await file.read());
  return { contents, folders: tree.folders, notes: treeNotes(tree) };
}

let made = 0;
async function archive(bytes: Uint8Array, name = "x.tar"): Promise<string> {
  const path = join(root(), `${made++}${name}`);
  await writeFile(path, bytes);
  return path;
}

test("links to files and folders are followed inside the folder", async () => {
  const path = await folderOf(
    { "store/1": text("one"), "store/sub/2.png": text("two"), "a/3.png": text("three") },
    { "a/1.png": "../store/1", b: "store/sub", "c/4.png": "../b/2.png" },
  );
  const { contents, folders } = await read(path);
  expect(contents).toEqual({
    "a/1.png": "one",
    "a/3.png": "three",
    "b/2.png": "two",
    "c/4.png": "two",
    "store/sub/2.png": "two",
  });
  expect(folders).toContain("b");
});

test("a folder that is a link itself is read as what it leads to", async () => {
  const path = await folderOf({ "a/1.png": text("one") });
  await symlink(path, `${path}-link`);
  expect((await read(`${path}-link`)).contents).toEqual({ "a/1.png": "one" });
});

const badLinks: [what: string, link: string, target: string, message: RegExp][] = [
  ["broken, to a file", "a/2.png", "nowhere.png", /the link a\/2.png is broken/],
  ["broken, to a folder", "b", "nowhere", /the link b is broken/],
  ["in a circle", "a/2.png", "2.png", /the link a\/2.png is broken/],
  [
    "out of the folder",
    "a/2.png",
    "../../../outside.png",
    /link a\/2.png leads out of it|is broken/,
  ],
  ["absolute", "a/2.png", "/etc/passwd", /the link a\/2.png leads out of it/],
];
for (const [what, link, target, message] of badLinks) {
  test(`a link ${what} is named`, async () => {
    const path = await folderOf({ "a/1.png": text("one") }, { [link]: target });
    await expect(read(path)).rejects.toThrow(DataError);
    await expect(read(path)).rejects.toThrow(message);
  });
  test(`a link ${what} is named in an archive`, async () => {
    const tar = await tarOf({ "a/1.png": text("one") }, [
      { name: link, type: "symlink", linkname: target },
    ]);
    await expect(read(await archive(tar))).rejects.toThrow(message);
  });
}

test("a link beside the folder's parent is out, though its name begins alike", async () => {
  const path = await folderOf({ "a/1.png": text("one") });
  await mkdir(`${path}x`);
  await writeFile(`${path}x/2.png`, "secret");
  await symlink(`${path}x/2.png`, join(path, "a/2.png"));
  await expect(read(path)).rejects.toThrow(/leads out/);
});

test("links that lead back are not followed, and said; those of no use are left out", async () => {
  const path = await folderOf(
    { "a/1.png": text("one") },
    { "a/up": "..", "a/self": ".", "a/old.txt": "gone.txt" },
  );
  const { contents, notes } = await read(path);
  expect(contents).toEqual({ "a/1.png": "one" });
  expect(notes).toEqual([
    "1 file is left out: 1 .txt (old.txt).",
    "The link self leads back to a folder that holds it: not followed.",
    "The link up leads back to a folder that holds it: not followed.",
  ]);
});

test("links that multiply end at the limit of entries", async () => {
  const links: Record<string, string> = {};
  for (let n = 0; n < 30; n++) {
    links[`f${n}/l`] = `../f${n + 1}`;
    links[`f${n}/r`] = `../f${n + 1}`;
  }
  const path = await folderOf({ "f30/1.png": text("x") }, links);
  await expect(read(path, { maxEntries: 1000 })).rejects.toThrow(
    /files and folders: 1001 is above the limit, 1000\..*\n?.*\n? *fix: .*raise maxEntries/,
  );
});

test("hard and symbolic links of an archive, before and after what they lead to", async () => {
  const tar = await tarOf({ "./test/a/0.png": text("zero"), "blobs/77": text("blob") }, [
    { name: "train/a/0.png", type: "link", linkname: "./test/a/0.png" },
    { name: "train/a/1.png", type: "symlink", linkname: "../../blobs/77" },
    { name: "early", type: "symlink", linkname: "test/a" },
    { name: "again/1.png", type: "symlink", linkname: "../early/0.png" },
  ]);
  for (const path of [await archive(tar), await archive(gzipSync(tar), "x.tgz")])
    expect((await read(path)).contents).toEqual({
      "again/1.png": "zero",
      "early/0.png": "zero",
      "test/a/0.png": "zero",
      "train/a/0.png": "zero",
      "train/a/1.png": "blob",
    });
});

test("what comes twice counts once, the later; what leads out is refused", async () => {
  const twice = Buffer.concat([
    (await tarOf({ "a/1.png": text("old") })).subarray(0, 1024),
    await tarOf({ "a/1.png": text("new") }),
  ]);
  expect((await read(await archive(twice))).contents).toEqual({ "a/1.png": "new" });
  const out = await archive(await tarOf({ "../1.png": text("x") }));
  await expect(read(out)).rejects.toThrow('its entry "../1.png" leads out of the archive');
});

test("what systems leave behind does not count, in folders and archives", async () => {
  const files = {
    "a/1.png": text("one"),
    "a/.DS_Store": text("x"),
    "a/._1.png": text("x"),
    "__MACOSX/a/._1.png": text("x"),
    "__MACOSX/a/1.png": text("x"),
  };
  const expected = { contents: { "a/1.png": "one" }, notes: [] };
  expect(await read(await folderOf(files))).toMatchObject(expected);
  expect(await read(await archive(await tarOf(files)))).toMatchObject(expected);
});

test("an archive that inflates beyond a limit is refused before it fills memory", async () => {
  const one = gzipSync(await tarOf({ "a/1.png": new Uint8Array(5_000_000) }));
  expect(one.length).toBeLessThan(10_000);
  await expect(read(await archive(one, "x.tgz"), { maxFileBytes: 4_999_999 })).rejects.toThrow(
    /a\/1.png: bytes: 5000000 is above the limit, 4999999/,
  );
  const many: Record<string, Uint8Array> = {};
  for (let n = 0; n < 5; n++) many[`a/${n}.png`] = new Uint8Array(1_000_000);
  const path = await archive(gzipSync(await tarOf(many)), "x.tgz");
  await expect(read(path, { maxArchiveBytes: 3_000_000 })).rejects.toThrow(
    /bytes of all its files: 4000000 is above the limit, 3000000/,
  );
  expect(Object.keys((await read(path)).contents)).toHaveLength(5);
  await expect(read(path, { maxEntries: 4 })).rejects.toThrow(/entries: 5 is above the limit, 4/);
  expect(() => limitsOf({ maxPixels: 0 }, "x")).toThrow(ConfigError);
});

test("other archives are told by their first bytes, with how to unpack them", async () => {
  const zip = Uint8Array.from([0x50, 0x4b, 3, 4, ...new Uint8Array(600)]);
  const path = await archive(zip);
  await expect(read(path)).rejects.toThrow(FormatError);
  await expect(read(path)).rejects.toThrow(
    /a zip archive, which is not read.*\n?.*\n? *fix: unpack/,
  );
});

/** A tar header as POSIX lays it out; `over` writes into it before its sum is taken. */
function header(name: string, size: number, type = "0", over?: (head: Buffer) => void): Buffer {
  const head = Buffer.alloc(512);
  head.write(name, 0);
  head.write("0000644\0", 100);
  head.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  head.write("00000000000\0", 136);
  head.write(type, 156);
  head.write("ustar\x0000", 257);
  over?.(head);
  head.fill(32, 148, 156);
  const sum = head.reduce((a, b) => a + b, 0);
  head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return head;
}
const body = Buffer.alloc(512, 7);
const end = Buffer.alloc(1024);
const noMagic = header("b.png", 314, "0", (head) => head.write("train/__", 257));
const badSum = header("x.png", 4);
badSum[148]! ^= 1;

const torn: [what: string, bytes: Buffer][] = [
  ["an entry longer than the file", Buffer.concat([header("a/0.png", 100_000), body, body])],
  ["a pax header longer than the file", Buffer.concat([header("p", 100_000, "x"), body, body])],
  ["a long name longer than the file", Buffer.concat([header("p", 100_000, "L"), body, body])],
  ["half a header", header("x.png", 1).subarray(0, 100)],
  [
    "half a second header",
    Buffer.concat([header("a.png", 4), body, header("b.png", 4).subarray(0, 300)]),
  ],
  ["no magic", Buffer.concat([noMagic, body, end])],
  [
    "no magic after a folder of size 390",
    Buffer.concat([header("d", 390, "5"), body, noMagic, body, end]),
  ],
  [
    "a folder of size 390",
    Buffer.concat([header("a.png", 390), body, header("d", 390, "5"), body, end]),
  ],
  ["a wrong sum after a file", Buffer.concat([header("a.png", 390), body, badSum, body, end])],
  ["a wrong sum after a link", Buffer.concat([header("a.png", 0, "2"), badSum, body, end])],
  [
    "a negative size",
    Buffer.concat([header("a.png", 0, "0", (head) => head.fill(0xff, 124, 136)), body, end]),
  ],
];
for (const [what, bytes] of torn)
  for (const name of ["x.tar", "x.tgz"])
    test(`${name} with ${what} ends in an error of ours`, async () => {
      const path = await archive(name === "x.tgz" ? gzipSync(bytes) : bytes, name);
      await expect(readImageFolder(path, { size: 4 })).rejects.toThrow(GradusError);
    });
