import { DataError } from "../base/index.ts";
import { reasonOf } from "./files.ts";

/** The first two bytes of every gzip member (RFC 1952, §2.3.1). */
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/**
 * The first bytes of a gzip file's content, as many as `compressed` of its bytes give: enough to
 * read a header and learn the full size before inflating.
 */
export async function gunzipPrefix(
  bytes: Uint8Array,
  source: string,
  compressed = 4096,
): Promise<Uint8Array> {
  const { constants, gunzipSync } = await import("node:zlib");
  return guarded(source, () =>
    gunzipSync(bytes.subarray(0, compressed), {
      // We truncated the stream ourselves, so ending early is not an error.
      finishFlush: bytes.length > compressed ? constants.Z_SYNC_FLUSH : constants.Z_FINISH,
    }),
  );
}

/**
 * Inflates gzip bytes.
 *
 * @param limit the largest allowed content in bytes, so that a small hostile file cannot fill
 * memory.
 * @throws {DataError} if the stream is truncated or corrupt, or its content exceeds `limit`.
 */
export async function gunzip(
  bytes: Uint8Array,
  source: string,
  limit: number,
): Promise<Uint8Array> {
  const { gunzipSync } = await import("node:zlib");
  const maxOutputLength = Math.max(1, Math.min(limit, 0x7fffffff));
  return guarded(source, () => gunzipSync(bytes, { maxOutputLength }), limit);
}

/** Compresses bytes to one gzip member. */
export async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const { gzipSync } = await import("node:zlib");
  return gzipSync(bytes);
}

function guarded(source: string, inflate: () => Uint8Array, limit?: number): Uint8Array {
  try {
    return inflate();
  } catch (thrown) {
    const code = (thrown as { code?: string }).code;
    const problem =
      code === "Z_BUF_ERROR"
        ? `the gzip stream ends too early (${reasonOf(thrown)}).`
        : code === "ERR_BUFFER_TOO_LARGE"
          ? `trailing bytes: the gzip stream holds more than the ${limit} bytes that its header announces.`
          : `the gzip stream is corrupt (${reasonOf(thrown)}).`;
    throw new DataError({
      subject: source,
      problem,
      fix: "download or copy the file again, and compare its checksum.",
    });
  }
}
