import { DataError, GradusError } from "../../base/index.ts";
import { type ArchiveEntry, normal, readArchive } from "./archive.ts";
import { beyond, type Limits } from "./limits.ts";

/** A file of a folder or an archive. */
export interface FileEntry {
  /** Its path inside, with `/`, as in `train/cat/0001.jpg`. */
  readonly path: string;
  readonly read: () => Promise<Uint8Array>;
}

/** The contents of a folder or an archive, in the order of paths. */
export interface FileTree {
  readonly files: readonly FileEntry[];
  readonly folders: readonly string[];
  /** Files that were not wanted, and links to a folder that contains them. */
  readonly leftOut: readonly string[];
  readonly loops: readonly string[];
}

/**
 * The files below a folder, or inside a `.tar` or `.tar.gz`, whose paths are `wanted`. Those of an
 * archive are kept in memory; nothing is written to disk. Names that begin with a dot, and
 * `__MACOSX`, are ignored. Links are followed if they stay inside.
 *
 * @throws {DataError} if the path cannot be read, the archive is truncated, a limit is exceeded, or
 * a link is broken or leads outside. @throws {FormatError} if a file is not an archive.
 */
export async function fileTree(
  path: string,
  wanted: (path: string) => boolean,
  limits: Limits,
): Promise<FileTree> {
  const { stat } = await import("node:fs/promises");
  try {
    const isFolder = (await stat(path)).isDirectory();
    const from = await (isFolder ? folderAt : archiveAt)(path, wanted, limits);
    return await walk(path, from, wanted, limits);
  } catch (thrown) {
    if (thrown instanceof GradusError) throw thrown;
    throw new DataError({
      subject: path,
      problem: `cannot be read (${thrown instanceof Error ? thrown.message : thrown}).`,
      fix: "give a folder, or a .tar or .tar.gz of one.",
    });
  }
}

type Kind = ArchiveEntry["kind"];

/** The target of a link: a path from the root, or why there is none. */
type End = { readonly at: string; readonly kind: Kind } | "nowhere" | "out";

/** A folder on disk or an archive. Paths are relative to its root, which is "". */
interface FileSource {
  readonly list: (folder: string) => Promise<readonly { name: string; kind: Kind }[]>;
  readonly follow: (link: string) => Promise<End>;
  readonly read: (file: string) => Promise<Uint8Array>;
  /** Prepares these files for reading. */
  readonly prepare?: (files: readonly string[]) => Promise<void>;
}

const isHidden = (name: string): boolean => name.startsWith(".") || name === "__MACOSX";
const within = (folder: string, name: string): string => (folder ? `${folder}/${name}` : name);

async function walk(
  root: string,
  from: FileSource,
  wanted: (path: string) => boolean,
  limits: Limits,
): Promise<FileTree> {
  const files: { path: string; at: string }[] = [];
  const folders: string[] = [];
  const leftOut: string[] = [];
  const loops: string[] = [];
  let count = 0;
  /** `at` is the real path of the folder, `shown` the path through links. */
  const visit = async (at: string, shown: string, above: readonly string[]): Promise<void> => {
    for (const { name, kind } of await from.list(at)) {
      if (isHidden(name)) continue;
      if (++count > limits.maxEntries)
        throw beyond(root, "files and folders", count, limits.maxEntries, "maxEntries");
      const path = within(shown, name);
      let end: End = { at: within(at, name), kind };
      if (kind === "link") end = await from.follow(end.at);
      if (typeof end === "string") {
        // A link that can only lead to an unwanted file counts as one more skipped file.
        if (wanted(path) || !/\.\w+$/.test(name)) throw badLink(root, path, end);
        leftOut.push(path);
      } else if (end.kind === "folder" && [...above, at].includes(end.at)) loops.push(path);
      else if (end.kind === "folder") {
        folders.push(path);
        await visit(end.at, path, [...above, at]);
      } else if (end.kind === "file" && wanted(path)) files.push({ path, at: end.at });
      else leftOut.push(path);
    }
  };
  await visit("", "", []);
  await from.prepare?.(files.map(({ at }) => at));
  return {
    files: files.sort(byPath).map(({ path, at }) => ({ path, read: () => from.read(at) })),
    folders: folders.sort(),
    leftOut: leftOut.sort(),
    loops: loops.sort(),
  };
}

const byPath = (a: { path: string }, b: { path: string }): number => (a.path < b.path ? -1 : 1);

/** The tree with fewer files: the others are skipped. */
export function select(tree: FileTree, wanted: (path: string) => boolean): FileTree {
  const others = tree.files.filter(({ path }) => !wanted(path)).map(({ path }) => path);
  return {
    ...tree,
    files: tree.files.filter(({ path }) => wanted(path)),
    leftOut: [...tree.leftOut, ...others].sort(),
  };
}

/**
 * The skipped files, as sentences: `2 files are left out: 1 .heic, 1 .txt (a/1.heic, a/notes.txt).`
 */
export function treeNotes({ files, leftOut, loops }: FileTree): string[] {
  const all = [...files.map(({ path }) => path), ...leftOut, ...loops];
  // Without the single folder that often wraps the contents of an archive.
  const top = all[0]?.slice(0, all[0].indexOf("/") + 1) ?? "";
  const cut = all.every((path) => path.startsWith(top)) ? top.length : 0;
  const kinds = new Map<string, number>();
  for (const path of leftOut) {
    const kind = /\.\w+$/.exec(path)?.[0].toLowerCase() ?? "without extension";
    kinds.set(kind, 1 + (kinds.get(kind) ?? 0));
  }
  const counts = [...kinds].sort(([, a], [, b]) => b - a).map(([kind, n]) => `${n} ${kind}`);
  const shown = firstOf(
    leftOut.map((path) => path.slice(cut)),
    3,
  );
  const count = leftOut.length === 1 ? "1 file is" : `${leftOut.length} files are`;
  return [
    ...(leftOut.length > 0 ? [`${count} left out: ${firstOf(counts, 6)} (${shown}).`] : []),
    ...loops.map(
      (path) => `The link ${path.slice(cut)} leads back to a folder that holds it: not followed.`,
    ),
  ];
}

const firstOf = (words: readonly string[], count: number): string =>
  words.slice(0, count).join(", ") + (words.length > count ? ", …" : "");

async function folderAt(root: string, _: unknown, limits: Limits): Promise<FileSource> {
  const { readdir, readFile, realpath, stat } = await import("node:fs/promises");
  const { isAbsolute, join, relative, sep } = await import("node:path");
  const base = await realpath(root);
  const whole = (path: string) => join(base, path.replaceAll("/", sep));
  const kindOf = (found: { isDirectory(): boolean; isFile(): boolean }): Kind =>
    found.isDirectory() ? "folder" : found.isFile() ? "file" : "other";
  return {
    async list(folder) {
      const found = await readdir(whole(folder), { withFileTypes: true });
      return found
        .map((each) => ({
          name: each.name,
          kind: each.isSymbolicLink() ? ("link" as const) : kindOf(each),
        }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async follow(link) {
      const real = await realpath(whole(link)).catch(() => undefined);
      if (real === undefined) return "nowhere";
      const at = relative(base, real);
      if (at === ".." || at.startsWith(`..${sep}`) || isAbsolute(at)) return "out";
      return { at: at.replaceAll(sep, "/"), kind: kindOf(await stat(real)) };
    },
    async read(file) {
      const { size } = await stat(whole(file));
      if (size > limits.maxFileBytes)
        throw beyond(whole(file), "bytes", size, limits.maxFileBytes, "maxFileBytes");
      return readFile(whole(file));
    },
  };
}

async function archiveAt(
  path: string,
  wanted: (path: string) => boolean,
  limits: Limits,
): Promise<FileSource> {
  const isVisible = (file: string) => !file.split("/").some(isHidden);
  let entries = await readArchive(path, (file) => isVisible(file) && wanted(file), limits);
  const folders = foldersOf(entries);
  return {
    list: async (folder) =>
      [...(folders.get(folder) ?? [])]
        .sort()
        .map((name) => ({ name, kind: entries.get(within(folder, name))?.kind ?? "folder" })),
    follow: async (link) => followIn(entries, folders, link),
    /** Links may lead to files whose own names were not wanted. */
    async prepare(files) {
      const kept = new Set(files);
      if (files.some((file) => !entries.get(file)!.bytes))
        entries = await readArchive(path, (file) => kept.has(file), limits);
    },
    read: async (file) => entries.get(file)!.bytes!,
  };
}

/** The names in each folder; folders may have no entry of their own. */
function foldersOf(entries: ReadonlyMap<string, ArchiveEntry>): Map<string, Set<string>> {
  const folders = new Map<string, Set<string>>([["", new Set()]]);
  for (const [path, { kind }] of entries) {
    if (path === "") continue;
    if (kind === "folder" && !folders.has(path)) folders.set(path, new Set());
    for (let child = path; child !== ""; ) {
      const cut = child.lastIndexOf("/");
      const folder = child.slice(0, Math.max(0, cut));
      const names = folders.get(folder);
      if (names) names.add(child.slice(cut + 1));
      else folders.set(folder, new Set([child.slice(cut + 1)]));
      if (names) break; // its parents are already listed
      child = folder;
    }
  }
  return folders;
}

/** As many links as Linux follows in one path. */
const mostLinks = 40;

function followIn(
  entries: ReadonlyMap<string, ArchiveEntry>,
  folders: ReadonlyMap<string, unknown>,
  link: string,
): End {
  const rest = link.split("/");
  let at = "";
  for (let hops = 0; rest.length > 0; ) {
    const next = normal(within(at, rest.shift()!));
    if (next === undefined) return "out";
    const { kind, target = "", isHard } = entries.get(next) ?? {};
    if (kind !== "link") at = next;
    else if (++hops > mostLinks) return "nowhere";
    else if (!isHard && target.startsWith("/")) return "out";
    else {
      if (isHard) at = "";
      rest.unshift(...target.split("/"));
    }
  }
  const kind = folders.has(at) ? "folder" : entries.get(at)?.kind;
  return kind === undefined ? "nowhere" : { at, kind };
}

const badLink = (root: string, path: string, end: "nowhere" | "out"): DataError =>
  new DataError({
    subject: root,
    problem:
      end === "out"
        ? `the link ${path} leads out of it, and only what lies inside is read.`
        : `the link ${path} is broken: what it leads to does not exist.`,
    fix:
      end === "out"
        ? "give a folder that holds both, or copy the files to where the link is."
        : "fix the link or remove it.",
  });
