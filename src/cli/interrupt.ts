import { interrupted } from "./errors.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Runs `f` with a signal that fires at the first Ctrl-C, so that it can end in order. A second
 * Ctrl-C ends the process at once.
 */
export async function interruptible<T>(
  terminal: Terminal,
  f: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const onInterrupt = () => {
    if (controller.signal.aborted) process.exit(interrupted);
    terminal.error("\ninterrupted: finishing this step and saving; Ctrl-C again to stop at once");
    controller.abort();
  };
  process.on("SIGINT", onInterrupt);
  try {
    return await f(controller.signal);
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}
