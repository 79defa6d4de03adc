import { DataError, FormatError, GradusError } from "../base/index.ts";

/** A file of a folder or an archive. */
export interface FileEntry {
  /** Where it lies inside, with `/`, as in `train/cat/0001.jpg`. */
  readonly path: string;
  readonly read: () => Promise<Uint8Array>;
}

/** What lies in a folder or an archive, both lists in the order of their paths. */
export interface FileTree {
  readonly files: readonly FileEntry[];
  readonly folders: readonly string[];
}

/**
 * The files below a folder, or inside a `.tar` or `.tar.gz`, whose paths are `wanted`. Those of an
 * archive are kept in memory as they are; nothing is written to the disk. Names that begin with a
 * dot, which systems leave behind, do not count.
 *
 * @throws {DataError} if the path cannot be read or the archive is torn.
 * @throws {FormatError} if a file is no archive.
 */
export async function fileTree(path: string, wanted: (path: string) => boolean): Promise<FileTree> {
  const { stat } = await import("node:fs/promises");
  try {
    const isFolder = (await stat(path)).isDirectory();
    const { files, folders } = await (isFolder ? folderTree : archiveTree)(
      path,
      (name) => visible(name) && wanted(name),
    );
    return { files: files.sort(byPath), folders: [...folders].filter(visible).sort() };
  } catch (thrown) {
    if (thrown instanceof GradusError) throw thrown;
    throw new DataError({
      subject: path,
      problem: `cannot be read (${thrown instanceof Error ? thrown.message : thrown}).`,
      fix: "give a folder, or a .tar or .tar.gz of one.",
    });
  }
}

interface Found {
  readonly files: FileEntry[];
  readonly folders: Iterable<string>;
}

const byPath = (a: FileEntry, b: FileEntry): number => (a.path < b.path ? -1 : 1);
const visible = (path: string): boolean => !/(^|\/)\./.test(path);

async function folderTree(root: string, wanted: (path: string) => boolean): Promise<Found> {
  const { readdir, readFile } = await import("node:fs/promises");
  const { join, sep } = await import("node:path");
  const files: FileEntry[] = [];
  const folders: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = folder ? `${folder}/${entry.name}` : entry.name;
      const whole = join(root, path.replaceAll("/", sep));
      if (entry.isDirectory()) {
        folders.push(path);
        await visit(path);
      } else if (wanted(path)) files.push({ path, read: () => readFile(whole) });
    }
  };
  await visit("");
  return { files, folders };
}

async function archiveTree(path: string, wanted: (path: string) => boolean): Promise<Found> {
  const { createReadStream } = await import("node:fs");
  const { pipeline } = await import("node:stream/promises");
  const { createGunzip } = await import("node:zlib");
  const { extract } = await import("tar-stream");
  const files: FileEntry[] = [];
  const folders = new Set<string>();
  const tar = extract();
  const source = createReadStream(path);
  const flow = (await isGzipFile(path))
    ? pipeline(source, createGunzip(), tar)
    : pipeline(source, tar);
  flow.catch(() => {}); // the loop below throws the same
  try {
    for await (const entry of tar) {
      const name = entry.header.name.replace(/^(\.?\/)+|\/$/g, "");
      if (entry.header.type === "directory") folders.add(name);
      const isWanted = entry.header.type === "file" && wanted(name);
      const chunks: Uint8Array[] = [];
      for await (const chunk of entry) if (isWanted) chunks.push(chunk as Uint8Array);
      const bytes = Buffer.concat(chunks);
      if (isWanted) files.push({ path: name, read: async () => bytes });
    }
    await flow;
  } catch (thrown) {
    throw badArchive(path, thrown);
  }
  for (const { path } of files)
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1))
      folders.add(path.slice(0, at));
  return { files, folders };
}

async function isGzipFile(path: string): Promise<boolean> {
  const { open } = await import("node:fs/promises");
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

function badArchive(path: string, thrown: unknown): FormatError | DataError {
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return /tar header/i.test(reason)
    ? new FormatError({
        subject: path,
        problem: `not a tar archive (${reason}).`,
        fix: "give a folder, or a .tar or .tar.gz of one.",
      })
    : new DataError({
        subject: path,
        problem: `the archive is torn (${reason}).`,
        fix: "download or copy the file again, and compare its checksum.",
      });
}
