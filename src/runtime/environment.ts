/**
 * Environment variables that configure engines. Unknown names and numbers out of range are errors;
 * they never fall back to defaults.
 */
import { ConfigError, nearest } from "../base/index.ts";
import { environment } from "./node.ts";

/** Instruction sets that `GRADUS_ISA` can name, by engine; `portable` gives the same bits in all. */
const instructionSets = {
  native: ["portable", "baseline", "avx2", "avx512", "amx", "neon"],
  wasm: ["portable", "simd128", "relaxed-simd"],
} as const;
type IsaOf<Engine extends keyof typeof instructionSets> = (typeof instructionSets)[Engine][number];

/** `kMaxWorkers` of `kernel/src/contract.h`. */
const maxThreads = 256;

/**
 * The instruction set that `GRADUS_ISA` requests of this engine; `missing` if it requests another
 * engine's.
 *
 * @throws {ConfigError} if there is none of that name.
 */
export function requestedIsa<Engine extends keyof typeof instructionSets>(
  engine: Engine,
): IsaOf<Engine> | undefined | { readonly missing: string } {
  const requested = environment("GRADUS_ISA");
  if (requested === undefined) return undefined;
  const own: readonly IsaOf<Engine>[] = instructionSets[engine];
  const found = own.find((isa) => isa === requested);
  if (found) return found;
  const all = new Set<string>(Object.values(instructionSets).flat());
  if (all.has(requested)) return { missing: `GRADUS_ISA=${requested} requests another engine` };
  const near = nearest(requested, all);
  throw new ConfigError({
    subject: "GRADUS_ISA",
    problem: `there is no instruction set "${requested}".`,
    fix: `${near ? `did you mean "${near}"? ` : ""}Instruction sets: ${[...all].join(", ")}.`,
  });
}

/**
 * The number of threads: the option, else `GRADUS_THREADS`, else undefined for as many as the machine has.
 *
 * @throws {ConfigError} if it is not a whole number between 1 and 256.
 */
export function requestedThreads(option?: number): number | undefined {
  const named = environment("GRADUS_THREADS");
  const threads = option ?? (named === undefined ? undefined : Number(named));
  if (threads === undefined) return undefined;
  if (Number.isInteger(threads) && threads >= 1 && threads <= maxThreads) return threads;
  throw new ConfigError({
    subject: "number of threads",
    problem: `${option ?? `GRADUS_THREADS=${named}`} is none.`,
    fix: `give a whole number between 1 and ${maxThreads}.`,
  });
}

/** Whether a variable is 1; unset and 0 are no. @throws {ConfigError} for anything else. */
export function isSwitchedOn(name: "GRADUS_VERIFY"): boolean {
  const value = environment(name);
  if (value === undefined || value === "0") return false;
  if (value === "1") return true;
  throw new ConfigError({
    subject: name,
    problem: `"${value}" is neither 0 nor 1.`,
    fix: `set ${name}=1, or leave it unset.`,
  });
}
