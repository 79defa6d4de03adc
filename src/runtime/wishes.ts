/** What environment variables ask of engines. Names and numbers that mean nothing are errors, not defaults. */
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
 * The instruction set that `GRADUS_ISA` asks of an engine, if any, or that it asks another for one of its own.
 *
 * @throws {ConfigError} if there is none of that name.
 */
export function wantedIsa<Engine extends keyof typeof instructionSets>(
  engine: Engine,
): IsaOf<Engine> | undefined | { readonly missing: string } {
  const wish = environment("GRADUS_ISA");
  if (wish === undefined) return undefined;
  const own: readonly IsaOf<Engine>[] = instructionSets[engine];
  const found = own.find((isa) => isa === wish);
  if (found) return found;
  const all = new Set<string>(Object.values(instructionSets).flat());
  if (all.has(wish)) return { missing: `GRADUS_ISA=${wish} asks for another engine` };
  const near = nearest(wish, all);
  throw new ConfigError({
    subject: "GRADUS_ISA",
    problem: `there is no instruction set "${wish}".`,
    fix: `${near ? `did you mean "${near}"? ` : ""}Instruction sets: ${[...all].join(", ")}.`,
  });
}

/**
 * How many threads are wanted: `wanted`, or `GRADUS_THREADS`, or undefined for as many as the machine has.
 *
 * @throws {ConfigError} if it is not a whole number between 1 and 256.
 */
export function wantedThreads(wanted?: number): number | undefined {
  const named = environment("GRADUS_THREADS");
  const threads = wanted ?? (named === undefined ? undefined : Number(named));
  if (threads === undefined) return undefined;
  if (Number.isInteger(threads) && threads >= 1 && threads <= maxThreads) return threads;
  throw new ConfigError({
    subject: "number of threads",
    problem: `${wanted ?? `GRADUS_THREADS=${named}`} is none.`,
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
