import { DataError } from "../../base/index.ts";
import { describeError } from "./errors.ts";

/** What the command waits for at the moment, the innermost last. */
const awaited: string[] = [];

/** Runs `f`, and knows meanwhile that the command waits for it. */
export async function waitFor<T>(what: string, f: () => Promise<T>): Promise<T> {
  awaited.push(what);
  try {
    return await f();
  } finally {
    awaited.splice(awaited.lastIndexOf(what), 1);
  }
}

/**
 * What to say where the process has nothing left to do and the command has not ended: something that
 * it waits for was given up without a word.
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
