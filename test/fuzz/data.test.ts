/** Damaged data: pictures, archives, tables. */
import { gzipSync } from "node:zlib";
import { parseCsv, readTable } from "gradus/data";
import sharp from "sharp";
import { expect } from "vitest";
import { fileTree } from "../../src/data/folders/file-tree.ts";
import { limitsOf } from "../../src/data/folders/limits.ts";
import { decodePicture } from "../../src/data/images/picture.ts";
import { tarOf } from "../data/files.ts";
import { below, fuzz, inFile, mutate, mutateText, ofBytes } from "../support/damage.ts";

async function pictures(): Promise<Uint8Array[]> {
  const raw = { width: 5, height: 4, channels: 3 } as const;
  const pixels = Uint8Array.from({ length: 60 }, (_, i) => (i * 37) & 255);
  const image = () => sharp(pixels, { raw });
  const bmp = Buffer.alloc(54 + 12 + 16);
  bmp.write("BM");
  bmp.writeUInt32LE(66, 10);
  for (const [at, value] of [
    [14, 40],
    [18, 4],
    [22, 4],
    [46, 3],
  ] as const)
    bmp.writeUInt32LE(value, at);
  bmp.writeUInt16LE(8, 28);
  const gray = image().toColorspace("grey16");
  const encoded = [
    image().png(),
    gray.png(),
    image().jpeg(),
    image().webp(),
    image().gif(),
    image().tiff(),
  ];
  return [
    ...(await Promise.all(encoded.map((each) => each.toBuffer()))),
    bmp,
    Buffer.from("P3 2 2 255\n1 2 3 4 5 6 7 8 9 10 11 12"),
    Buffer.concat([Buffer.from("P6\n# x\n2 2 65535\n"), Buffer.alloc(24, 7)]),
    Buffer.concat([Buffer.from("P4 9 2\n"), Buffer.alloc(4, 85)]),
  ];
}

fuzz({
  what: "pictures",
  isSlow: true,
  make: async () => ofBytes(await pictures(), 64),
  read: async (bytes: Uint8Array) => {
    const form = below(2) ? { height: 3, width: 3 } : {};
    const { data, ...size } = await decodePicture(bytes, "x", form, { maxPixels: 10_000 });
    expect(data.length).toBe(size.height * size.width * size.channels);
  },
});

fuzz({
  what: "archives, plain and gzip",
  isSlow: true,
  make: async () => {
    const files = {
      "a/1.png": Buffer.alloc(700, 7),
      "b/2.txt": Buffer.alloc(3),
      [`${"c/".repeat(60)}3.png`]: Buffer.alloc(9),
    };
    const tar = await tarOf(files, [
      { name: "l.png", type: "symlink", linkname: "a/1.png" },
      { name: "h.png", type: "link", linkname: "a/1.png" },
      { name: "d", type: "directory" },
    ]);
    const bytes = ofBytes([tar], tar.length);
    return () => (below(4) ? bytes() : mutate(gzipSync(below(2) ? tar : bytes()), 20));
  },
  read: async (bytes: Uint8Array) => {
    const limits = limitsOf({ maxFileBytes: 10_000, maxEntries: 100 }, "x");
    const path = await inFile("x.tar", bytes);
    const tree = await fileTree(path, (name) => name.endsWith(".png"), limits);
    for (const file of tree.files) expect((await file.read()).length).toBeLessThanOrEqual(10_000);
  },
});

const table = 'a,b,"c, d",y\n1,2.5,"x ""y""",u\n3,,z,v\n-1,4e3,x,u\n2,1,z,v\n7,8,x,u\n9,9,z,v\n';

fuzz({
  what: "CSV",
  make: async () => () => mutateText(table),
  read: (text: string) => parseCsv(text, { fill: "mean" }),
});

fuzz({
  what: "tables of any encoding, plain and gzip",
  make: async () => {
    const german = "name;größe;tag\nä;1.000,5;01.02.2024\nö;−2;\nü;30 %;03.02.2024\n";
    const wide = Buffer.from(`\ufeff${table}`, "utf16le");
    const texts = [table, german, "a b\n1 2\n# x\n3 4\n"].map((text) => Buffer.from(text));
    return ofBytes([...texts, wide, Buffer.from(wide).swap16(), gzipSync(texts[1]!)], 64);
  },
  read: async (bytes: Uint8Array) => {
    const { columns, size } = await readTable(bytes);
    for (const column of columns)
      if (column.type === "number") expect(column.values.length).toBe(size);
  },
});

fuzz({
  what: "JSON lines and lists",
  make: async () => {
    const rows = '{"a": 1, "b": "x", "c": null}\n{"a": 2.5, "b": "y", "d": true}\n';
    const list = '[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]';
    return () => mutateText(below(2) ? rows : list);
  },
  read: (text: string) => readTable(Buffer.from(text)),
});
