import { ConfigError, DataError, type OptionNames } from "../../base/index.ts";

/** Limits on files of images and sound, so that a small hostile file cannot fill memory. */
export interface ReadLimits {
  /** Bytes of one file. Default 2³⁰, 1 GiB. */
  readonly maxFileBytes?: number | undefined;
  /** Bytes of all files of an archive. Default 2²⁹, 512 MiB, or four times the archive's size if that is more. */
  readonly maxArchiveBytes?: number | undefined;
  /** Number of files and folders. Default 2²¹, about two million. */
  readonly maxEntries?: number | undefined;
  /** Pixels of one image. Default 2²⁶, as of 8192 × 8192. */
  readonly maxPixels?: number | undefined;
  /** Bytes of all values as float32, the size of the data set in memory. Default 2³⁴, 16 GiB. */
  readonly maxDecodedBytes?: number | undefined;
}

/** Limits with all defaults filled in. */
export type Limits = { readonly [K in keyof ReadLimits]-?: number };

const defaults: Limits = {
  maxFileBytes: 2 ** 30,
  maxArchiveBytes: 2 ** 29,
  maxEntries: 2 ** 21,
  maxPixels: 2 ** 26,
  maxDecodedBytes: 2 ** 34,
};
const names = Object.keys(defaults) as (keyof Limits)[];
export const limitNames: OptionNames<ReadLimits> = {
  ...{ maxFileBytes: true, maxArchiveBytes: true, maxEntries: true, maxPixels: true },
  maxDecodedBytes: true,
};

/** @throws {ConfigError} if a limit is not an integer ≥ 1. */
export function limitsOf(given: ReadLimits, subject: string): Limits {
  const limits: Record<keyof Limits, number> = { ...defaults };
  for (const name of names) {
    const value = given[name];
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value) || value < 1)
      throw new ConfigError({
        subject,
        problem: `${name} is ${value}, expected a whole number of 1 or more.`,
        fix: `leave it out for the default, ${defaults[name]}.`,
      });
    limits[name] = value;
  }
  return limits;
}

/**
 * The most bytes that the files of this archive may have: uncompressed data have about the size of
 * the archive.
 */
export const archiveLimit = ({ maxArchiveBytes }: Limits, bytes: number): number =>
  maxArchiveBytes === defaults.maxArchiveBytes
    ? Math.max(maxArchiveBytes, 4 * bytes)
    : maxArchiveBytes;

/** The error of a file that exceeds a limit. */
export const beyond = (
  subject: string,
  what: string,
  found: number,
  limit: number,
  option: keyof Limits,
): DataError =>
  new DataError({
    subject,
    problem: `${what}: ${found} is above the limit, ${limit}.`,
    fix: `if the data are what they should be, raise ${option}.`,
  });
