import { DataError } from "../../base/index.ts";
import type { FileEntry, FileTree } from "./file-tree.ts";

/** The split that a file belongs to: train, validation or test. */
export type Part = "train" | "validation" | "test";

/** A file with the information from its path. */
export interface Located {
  readonly file: FileEntry;
  /** Undefined if no folder names it. */
  readonly part: Part | undefined;
  readonly className: string;
  /** The folder of its class. */
  readonly folder: string;
}

/**
 * Folder names of splits as found in public data sets: `train`, `Training`, `seg_train`,
 * `test_set`, …
 */
const partNames: Readonly<Record<Part | "unlabeled", RegExp>> = {
  train: /^(seg[_-])?train(ing)?([_-]?(set|data|images))?$/i,
  validation: /^(seg[_-])?(val(id(ation)?)?|dev)([_-]?(set|data|images))?$/i,
  test: /^(seg[_-])?test(ing)?([_-]?(set|data|images))?$/i,
  unlabeled: /^(seg[_-])?(pred(iction)?s?|unlabell?ed)$/i,
};
type FolderPart = keyof typeof partNames;

const partOf = (name: string | undefined): FolderPart | undefined =>
  name === undefined
    ? undefined
    : (Object.keys(partNames) as FolderPart[]).find((part) => partNames[part].test(name));

/**
 * Reads split and class from the paths: `train/<class>/…`, `validation/<class>/…`,
 * `test/<class>/…`, or `<class>/…`. Common parent folders are ignored, and folders below a class
 * folder belong to that class.
 *
 * @throws {DataError} if a file lies in no class, or the layouts are mixed.
 */
export function locate(path: string, tree: FileTree): { files: Located[]; notes: string[] } {
  const all = tree.files.map((file) => ({ file, folders: file.path.split("/").slice(0, -1) }));
  const depth = sharedDepth(all.map(({ folders }) => folders));
  const above = partOf(all[0]?.folders[depth - 1]);
  const inner = all.map(({ file, folders }) => ({ file, names: folders.slice(depth) }));
  const { kept, notes } = withoutCopies(inner);
  const hasParts = kept.some(({ names }) => partOf(names[0]));
  const found: Located[] = [];
  const unlabeled: FileEntry[] = [];
  const nested: FileEntry[] = [];
  for (const { file, names } of kept) {
    const part = hasParts ? partOf(names[0]) : above;
    if (hasParts && !part) throw mixedLayout(path, kept, file);
    let at = hasParts ? 1 : 0;
    if (hasParts && names.length > 2 && partOf(names[1]) === part) at++; // seg_train/seg_train/…
    const className = names[at];
    if (part === "unlabeled" || (className === undefined && part && part !== "train"))
      unlabeled.push(file);
    else if (className === undefined) throw noClass(path, file);
    else if (names.slice(at + 1).some(partOf)) throw mixedLayout(path, kept, file);
    else {
      if (names.length > at + 1) nested.push(file);
      const folder = file.path
        .split("/")
        .slice(0, depth + at + 1)
        .join("/");
      found.push({ file, part, className, folder });
    }
  }
  return { files: found, notes: [...notes, ...notesOn(unlabeled, nested)] };
}

/** How many folders all paths share, leaving one for the class. */
function sharedDepth(paths: readonly (readonly string[])[]): number {
  const [first = []] = paths;
  let depth = 0;
  const shares = (names: readonly string[]) =>
    names.length > depth + 1 && names[depth] === first[depth];
  while (paths.length > 0 && paths.every(shares)) depth++;
  return depth;
}

interface Inner {
  readonly file: FileEntry;
  readonly names: readonly string[];
}

/**
 * Some data sets contain a copy of themselves in a folder: `x/train/a/1.png` beside
 * `train/a/1.png`.
 */
function withoutCopies(files: readonly Inner[]): { kept: readonly Inner[]; notes: string[] } {
  const hasPart = ({ names }: Inner) => partOf(names[0]) !== undefined;
  const others = files.filter((each) => !hasPart(each));
  if (others.length === 0 || others.length === files.length) return { kept: files, notes: [] };
  const nameOf = ({ file: { path } }: Inner) => path.slice(path.lastIndexOf("/") + 1);
  const key = (each: Inner, names = each.names) => [...names, nameOf(each)].join("/");
  const known = new Set(files.filter(hasPart).map((each) => key(each)));
  if (!others.every((each) => known.has(key(each, each.names.slice(1)))))
    return { kept: files, notes: [] };
  const note = `${others.length} files are left out as copies (${others[0]!.file.path}, …).`;
  return { kept: files.filter(hasPart), notes: [note] };
}

function notesOn(unlabeled: readonly FileEntry[], nested: readonly FileEntry[]): string[] {
  const say = (files: readonly FileEntry[], what: string) =>
    files.length === 0
      ? []
      : [`${files.length} ${files.length === 1 ? "file" : "files"} ${what} (${files[0]!.path}).`];
  return [
    ...say(unlabeled, "without a class left out"),
    ...say(nested, "in folders below that of the class, to which they count"),
  ];
}

/** @throws {DataError} if a folder beside the class folders is empty: its class has no example. */
export function checkEmpty(
  path: string,
  files: readonly Located[],
  { folders }: FileTree,
  what: string,
  isWanted: (className: string) => boolean,
): void {
  const parentOf = (folder: string) => folder.split("/").slice(0, -1).join("/");
  const full = new Set(files.map(({ folder }) => folder));
  const parents = new Set([...full].map(parentOf));
  const empty = folders.find(
    (folder) =>
      parents.has(parentOf(folder)) &&
      !full.has(folder) &&
      !parents.has(folder) &&
      isWanted(folder.split("/").at(-1)!),
  );
  if (empty === undefined) return;
  throw new DataError({
    subject: path,
    problem: `the folder "${empty}" holds no ${what}, so its class has no example.`,
    fix: `put ${what}s into it, remove it, or name the classes to read with classes: [...].`,
  });
}

const layouts = "train/<class>/… and test/<class>/…, or all as <class>/…";

const noClass = (path: string, { path: file }: FileEntry): DataError =>
  new DataError({
    subject: path,
    problem: `${file} is not in a folder that names its class.`,
    fix: `lay all files as ${layouts}.`,
  });

function mixedLayout(path: string, files: readonly Inner[], { path: file }: FileEntry): DataError {
  const rootOf = ({ names }: Inner) => partOf(names[0]) ?? names[0];
  const own = files.find((each) => each.file.path === file)!;
  const other = files.find((each) => rootOf(each) !== rootOf(own))?.file.path;
  const what = other === undefined ? `${file} and its like` : `${other} and ${file}`;
  return new DataError({
    subject: path,
    problem: `${what} do not have one layout.`,
    fix: `lay all files as ${layouts}.`,
  });
}
