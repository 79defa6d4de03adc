import { constants } from "node:os";
import type { Terminal } from "./terminal.ts";

/**
 * Signals that ask a process to end: Ctrl-C, `kill` and schedulers, and a closed terminal. The exit
 * code is 128 + the signal's number, as in shells: 130, 143, 129.
 */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** A requested graceful end. */
export interface Interruption {
  /** Fires at the first of the signals. */
  readonly signal: AbortSignal;
  /** The exit code of the received signal; before one arrives, that of Ctrl-C. */
  readonly exitCode: () => number;
}

/**
 * Runs `f` with a signal that fires at the first Ctrl-C, SIGTERM or SIGHUP, so that it can end
 * gracefully. A second Ctrl-C or SIGTERM ends the process at once.
 */
export async function interruptible<T>(
  terminal: Terminal,
  f: (interruption: Interruption) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const { signal } = controller;
  let code = codeOf("SIGINT");
  const onSignal = (name: (typeof signals)[number]) => {
    // A closed terminal may send the signal more than once, through its shell and the kernel.
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
