/** Files from the network, whole and verified or not at all. */
import { DataError } from "../../base/index.ts";
import { reasonOf } from "../../formats/files.ts";
import type { NamedFile } from "./catalog.ts";

/** Called with the bytes that are there. */
export type Progress = (file: NamedFile, bytes: number) => void;

/** The time without a byte after which a server is given up. */
const patience = 60_000;

/**
 * Downloads a file to `path`, unless it is there. What an interrupted download left in `path.part` is
 * continued if the server can; the file gets its name once its checksum is right.
 *
 * @throws {DataError} if there is no network, the server refuses, or the content is another one.
 */
export async function download(
  file: NamedFile,
  path: string,
  onProgress: Progress = () => {},
): Promise<void> {
  const { mkdir, rename, rm, stat } = await import("node:fs/promises");
  const { dirname } = await import("node:path");
  const sizeOf = (at: string) =>
    stat(at).then(
      ({ size }) => size,
      () => 0,
    );
  if ((await sizeOf(path)) === file.bytes) return;
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.part`;
  const have = await sizeOf(part);
  if (have > file.bytes) await rm(part);
  if (have !== file.bytes) await receive(file, part, have > file.bytes ? 0 : have, onProgress);
  const found = await sha256(part);
  if (found !== file.sha256) {
    await rm(part, { force: true });
    throw new DataError({
      subject: file.url,
      problem: `the file has the SHA-256 ${found}, expected ${file.sha256}.`,
      fix: "try again; if it stays so, the file has changed or somebody is in between.",
    });
  }
  await rename(part, path);
}

async function receive(
  file: NamedFile,
  part: string,
  have: number,
  onProgress: Progress,
): Promise<void> {
  const { open } = await import("node:fs/promises");
  const stop = new AbortController();
  const stall = () =>
    setTimeout(() => stop.abort(new Error("the server sends nothing more")), patience);
  let timer = stall();
  try {
    const headers: Record<string, string> = have > 0 ? { Range: `bytes=${have}-` } : {};
    const response = await fetch(file.url, { headers, signal: stop.signal });
    if (!response.ok || !response.body)
      throw new Error(`the server answers ${response.status} ${response.statusText}`);
    const continues = response.status === 206 && have > 0;
    let bytes = continues ? have : 0; // a server that cannot continue sends all of it
    const to = await open(part, continues ? "a" : "w");
    try {
      for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
        clearTimeout(timer);
        timer = stall();
        bytes += piece.length;
        if (bytes > file.bytes)
          throw new Error(`it sends more than the ${file.bytes} bytes of the file`);
        await to.write(piece);
        onProgress(file, bytes);
      }
      await to.sync();
    } finally {
      await to.close();
    }
    if (bytes < file.bytes)
      throw new Error(`the connection ended after ${bytes} of ${file.bytes} bytes`);
  } catch (thrown) {
    throw offline(file, part, stop.signal.aborted ? stop.signal.reason : thrown);
  } finally {
    clearTimeout(timer);
  }
}

function offline({ url, name }: NamedFile, part: string, thrown: unknown): DataError {
  const cause = (thrown as { cause?: unknown }).cause;
  const reason = cause instanceof AggregateError ? (cause.errors[0] ?? cause) : (cause ?? thrown);
  const path = part.replace(/\.part$/, "");
  return new DataError({
    subject: url,
    problem: `"${name}" cannot be downloaded (${reasonOf(reason)}).`,
    fix: `check the network and try again, which goes on where this ended; or put the file to ${path}; or name a mirror in GRADUS_DATA_MIRROR.`,
  });
}

async function sha256(path: string): Promise<string> {
  const { createHash } = await import("node:crypto");
  const { createReadStream } = await import("node:fs");
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  return hash.digest("hex");
}
