import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { type Header, pack } from "tar-stream";
import { afterAll, beforeAll } from "vitest";

/** Contents by path. */
export type Files = Record<string, Uint8Array>;

/** A folder for the tests of a file, removed after them, in which sets of files are made. */
export function workFolder(): {
  root: () => string;
  folderOf: (files: Files, links?: Record<string, string>) => Promise<string>;
} {
  let root: string;
  let made = 0;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "gradus-data-"));
  });
  afterAll(() => rm(root, { recursive: true }));
  return {
    root: () => root,
    async folderOf(files, links = {}) {
      const path = join(root, `set${made++}`);
      await mkdir(path);
      for (const [name, bytes] of Object.entries(files)) {
        await mkdir(dirname(join(path, name)), { recursive: true });
        await writeFile(join(path, name), bytes);
      }
      for (const [name, target] of Object.entries(links)) {
        await mkdir(dirname(join(path, name)), { recursive: true });
        await symlink(target, join(path, name));
      }
      return path;
    },
  };
}

/** A tar of files, and of entries of other kinds. */
export async function tarOf(
  files: Files,
  others: readonly Partial<Header>[] = [],
): Promise<Buffer> {
  const tar = pack();
  for (const [name, bytes] of Object.entries(files)) tar.entry({ name }, Buffer.from(bytes));
  for (const header of others) tar.entry(header as Header);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A PNG of one color: gray, or red, green, blue. */
export const png = (color: number[], width = 2, height = 2): Promise<Buffer> =>
  sharp(
    Uint8Array.from({ length: color.length * width * height }, (_, i) => color[i % color.length]!),
    { raw: { width, height, channels: color.length as 1 | 3 } },
  )
    .toColorspace(color.length === 1 ? "b-w" : "srgb")
    .png()
    .toBuffer();
