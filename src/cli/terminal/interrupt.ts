import { constants } from "node:os";
import type { Terminal } from "./terminal.ts";

/**
 * Signals that ask a process to end: Ctrl-C, what a scheduler or `kill` sends, and a terminal that
 * was closed. Each gives the exit code 128 + its number, as shells have it: 130, 143, 129.
 */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** An end in order that was asked for. */
export interface Interruption {
  /** Fires at the first of the signals. */
  readonly signal: AbortSignal;
  /** The exit code of the signal that came; of Ctrl-C before one came. */
  readonly exitCode: () => number;
}

/**
 * Runs `f` with a signal that fires at the first Ctrl-C, SIGTERM or SIGHUP, so that it can end in
 * order. A second Ctrl-C or SIGTERM ends the process at once.
 */
export async function interruptible<T>(
  terminal: Terminal,
  f: (interruption: Interruption) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const { signal } = controller;
  let code = codeOf("SIGINT");
  const onSignal = (name: (typeof signals)[number]) => {
    // A closed terminal may say so more than once, by its shell and by the kernel.
    if (signal.aborted && name !== "SIGHUP") process.exit(code);
    if (signal.aborted) return;
    code = codeOf(name);
    terminal.error(
      `\n${announcements[name]}: finishing this step and saving; Ctrl-C again to stop at once`,
    );
    controller.abort();
  };
  const listeners = signals.map((name) => [name, () => onSignal(name)] as const);
  for (const [name, listener] of listeners) process.on(name, listener);
  try {
    return await f({ signal, exitCode: () => code });
  } finally {
    for (const [name, listener] of listeners) process.off(name, listener);
  }
}

const announcements = {
  SIGINT: "interrupted",
  SIGTERM: "asked to end (SIGTERM)",
  SIGHUP: "the terminal was closed (SIGHUP)",
} as const;

const codeOf = (name: (typeof signals)[number]): number => 128 + constants.signals[name];
