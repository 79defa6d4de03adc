import { DataError } from "../../base/index.ts";
import { describeError } from "./errors.ts";

/** What the command is waiting for, the innermost last. */
const awaited: string[] = [];

/** Runs `f`, recording meanwhile that the command waits for it. */
export async function waitFor<T>(what: string, f: () => Promise<T>): Promise<T> {
  awaited.push(what);
  try {
    return await f();
  } finally {
    awaited.splice(awaited.lastIndexOf(what), 1);
  }
}

/**
 * The message if the process has nothing left to do and the command has not ended: a promise was
 * dropped silently.
 */
export function standstill(): string {
  const what = awaited.at(-1) ?? "the command";
  return describeError(
    new DataError({
      subject: what,
      problem: "it never came to an end, and nothing is left that could bring it there.",
      fix: "if it is a module of yours, look for a promise that nobody settles; else please report this.",
    }),
  );
}
