import { ConfigError, FormatError, type HostArray } from "../base/index.ts";
import { writeFileAtomic } from "./atomic.ts";
import { readBytes } from "./files.ts";
import { decodeNpy, encodeNpy } from "./npy.ts";
import { decodeZip, encodeZip, isZip } from "./zip.ts";

/** The most bytes that the arrays of a file may have. */
const mostBytes = 2 ** 34;

/**
 * Decodes NumPy's `.npz`, arrays by name, stored or compressed; see {@link decodeNpy} for types.
 *
 * @param source its name in errors.
 * @throws {FormatError} if it is no such file, or holds what is no array. @throws {DataError} if it is
 * damaged.
 * @example
 * const bytes = encodeNpz(new Map([["x", hostArray([2], Float32Array.of(1, 2))]]));
 * (await decodeNpz(bytes)).get("x"); // { dtype: "float32", shape: [2], data: [1, 2] }
 */
export async function decodeNpz(
  bytes: Uint8Array,
  source = "npz",
): Promise<Map<string, HostArray>> {
  if (!isZip(bytes))
    throw new FormatError({
      subject: source,
      problem: "not a NumPy archive (.npz), which is a zip.",
      fix: "give a file that numpy.savez wrote; readNpy reads .npy.",
    });
  const arrays = new Map<string, HostArray>();
  for (const [name, file] of await decodeZip(bytes, source, mostBytes))
    arrays.set(name.replace(/\.npy$/, ""), decodeNpy(file, `${source}: ${name}`));
  return arrays;
}

/**
 * Encodes arrays by name as NumPy's `.npz`, not compressed, as `numpy.savez` does.
 *
 * @throws {ConfigError} for an empty name. @throws {FormatError} above 4 GiB.
 */
export function encodeNpz(arrays: ReadonlyMap<string, HostArray>, source = "npz"): Uint8Array {
  if (arrays.has(""))
    throw new ConfigError({
      subject: source,
      problem: "an array has an empty name.",
      fix: "name it.",
    });
  const files = new Map([...arrays].map(([name, array]) => [`${name}.npy`, encodeNpy(array)]));
  return encodeZip(files, source);
}

/** Reads a `.npz` file. @throws like {@link decodeNpz}, and if the file is missing. */
export async function readNpz(path: string): Promise<Map<string, HostArray>> {
  return decodeNpz(await readBytes(path), path);
}

/** Writes a `.npz` file atomically. @throws like {@link encodeNpz}, and if it cannot be written. */
export async function writeNpz(
  path: string,
  arrays: ReadonlyMap<string, HostArray>,
): Promise<void> {
  await writeFileAtomic(path, encodeNpz(arrays, path));
}
