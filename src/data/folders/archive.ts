import { DataError, FormatError } from "../../base/index.ts";
import { archiveLimit, beyond, type Limits } from "./limits.ts";

/** An entry of an archive; paths have `/` between names and are relative to the root. */
export interface ArchiveEntry {
  readonly kind: "file" | "folder" | "link" | "other";
  /** The target of a link, relative to its folder, or to the root for a hard link. */
  readonly target?: string;
  readonly isHard?: boolean;
  /** The content of a kept file. */
  readonly bytes?: Uint8Array;
}

/**
 * The entries of a `.tar` or `.tar.gz`, by path; of two entries with one name the later counts, as
 * in unpacking. Nothing is written to the disk.
 *
 * @param kept the files whose content is kept in memory.
 * @throws {DataError} if the archive is truncated or exceeds a limit. @throws {FormatError} if it
 * is not an archive.
 */
export async function readArchive(
  path: string,
  kept: (path: string) => boolean,
  limits: Limits,
): Promise<Map<string, ArchiveEntry>> {
  const { createReadStream } = await import("node:fs");
  const { stat } = await import("node:fs/promises");
  const { pipeline } = await import("node:stream/promises");
  const { createGunzip } = await import("node:zlib");
  const { extract } = await import("tar-stream");
  const isGzip = await checkMagic(path);
  const most = archiveLimit(limits, (await stat(path)).size);
  const entries = new Map<string, ArchiveEntry>();
  let sum = 0;
  const tar = extract();
  tar.on("entry", ({ name, type, linkname, size = 0 }, body, next) => {
    const end = (problem?: Error) => (problem ? tar.destroy(problem) : next());
    const at = normal(name);
    body.on("error", end);
    // The body of a folder, which nobody reads, would never end.
    const pass = () => void (type === "directory" ? end() : body.on("end", () => end()).resume());
    if (at === undefined) return end(leadsOut(path, name));
    if (entries.size >= limits.maxEntries)
      return end(beyond(path, "entries", entries.size + 1, limits.maxEntries, "maxEntries"));
    if (type === "directory") entries.set(at, { kind: "folder" });
    else if (type === "symlink") entries.set(at, { kind: "link", target: linkname ?? "" });
    else if (type === "link")
      entries.set(at, { kind: "link", target: linkname ?? "", isHard: true });
    else
      entries.set(at, { kind: type === "file" || type === "contiguous-file" ? "file" : "other" });
    if (entries.get(at)!.kind !== "file" || !kept(at)) return pass();
    sum += size;
    if (size > limits.maxFileBytes)
      return end(beyond(`${path}: ${at}`, "bytes", size, limits.maxFileBytes, "maxFileBytes"));
    if (sum > most)
      return end(beyond(path, "bytes of all its files", sum, most, "maxArchiveBytes"));
    const bytes = new Uint8Array(size);
    let length = 0;
    body.on("data", (chunk) => {
      bytes.set(chunk as Uint8Array, length);
      length += (chunk as Uint8Array).length;
    });
    body.on("end", () => {
      entries.set(at, { kind: "file", bytes });
      end();
    });
  });
  const source = createReadStream(path);
  // Only the pipeline is awaited: it ends with the file, whatever happens to a single entry.
  await (isGzip ? pipeline(source, createGunzip(), tar) : pipeline(source, tar)).catch((thrown) => {
    throw badArchive(path, thrown);
  });
  return entries;
}

/** A path from the root, without `.` and `..`; undefined if it leads outside. */
export function normal(path: string): string | undefined {
  const names: string[] = [];
  for (const name of path.split("/"))
    if (name === "..") {
      if (names.pop() === undefined) return undefined;
    } else if (name !== "" && name !== ".") names.push(name);
  return names.join("/");
}

/** The first bytes of other kinds of archives, and how to unpack them. */
const others: readonly [magic: string, kind: string, command: string][] = [
  ["504b0304", "zip", "unzip"],
  ["425a68", "bzip2", "tar -xjf"],
  ["fd377a585a00", "xz", "tar -xJf"],
  ["28b52ffd", "zstd", "tar --zstd -xf"],
  ["377abcaf271c", "7z", "7z x"],
  ["526172211a07", "rar", "unrar x"],
];

/** Whether a file is gzip. @throws {FormatError} if it is an archive of an unsupported kind. */
async function checkMagic(path: string): Promise<boolean> {
  const { open } = await import("node:fs/promises");
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(6), 0, 6, 0);
    const magic = buffer.subarray(0, bytesRead).toString("hex");
    const other = others.find(([begin]) => magic.startsWith(begin));
    if (!other) return magic.startsWith("1f8b");
    throw new FormatError({
      subject: path,
      problem: `a ${other[1]} archive, which is not read.`,
      fix: `unpack it (${other[2]} ${path}) and give the folder, or make a .tar.gz of it.`,
    });
  } finally {
    await file.close();
  }
}

const leadsOut = (path: string, name: string): DataError =>
  new DataError({
    subject: path,
    problem: `its entry "${name}" leads out of the archive.`,
    fix: "take an archive from another source: a careful program does not write such names.",
  });

function badArchive(path: string, thrown: unknown): Error {
  if (thrown instanceof DataError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return /tar header/i.test(reason)
    ? new FormatError({
        subject: path,
        problem: `not a tar archive, or a damaged one (${reason}).`,
        fix: "give a folder, or a .tar or .tar.gz of one.",
      })
    : new DataError({
        subject: path,
        problem: `the archive is torn (${reason}).`,
        fix: "download or copy the file again, and compare its checksum.",
      });
}
