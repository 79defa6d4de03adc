import util from "node:util";
import { isTerminal, liveLine, type Screen } from "../../train/progress.ts";

export type { LiveLine } from "../../train/progress.ts";

/** Where a command writes: results on standard output. Tests give one that keeps the text. */
export interface Terminal extends Screen {
  /** Errors and warnings, on standard error. */
  readonly error: (text: string) => void;
  /** Why results could not be written, if so; a reader that went away is no failure. */
  readonly lost?: () => Promise<string | undefined>;
}

type Style = "bold" | "dim" | "green" | "red" | "cyan";

/** Text with a style, or as it is on a plain terminal. styleText is absent before Node 20.12. */
export const styled = (terminal: Terminal, style: Style, text: string): string =>
  terminal.colors ? (util.styleText?.(style, text) ?? text) : text;

/**
 * The process's own terminal: plain on a pipe, without colors when NO_COLOR is set.
 *
 * What cannot be written is dropped, and the command goes on: a training has its files. A reader that
 * has seen enough (`| head`) is no error; a full disk under a log or a closed terminal is reported once, on
 * the other stream.
 */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  let lost: string | undefined;
  const out = guarded(stdout, ({ code, message }) => {
    if (code === "EPIPE") return;
    lost = message;
    error(`warning: standard output cannot be written (${message}); going on without it\n`);
  });
  const error = guarded(stderr, () => {}); // there is nowhere left to report it
  const isLive = isTerminal(stdout);
  return {
    out: (text) => out(`${text}\n`),
    error: (text) => error(`${text}\n`),
    // writes of its own, to the standard output that is guarded
    ...(isLive && { live: () => liveLine(stdout) }),
    colors: isLive && !env.NO_COLOR,
    // the error of the last write comes a turn later
    lost: () => new Promise((resolve) => setImmediate(() => resolve(lost))),
  };
}

/** Writes to a stream until it fails, which is reported once. */
function guarded(
  stream: NodeJS.WriteStream,
  onFailure: (error: NodeJS.ErrnoException) => void,
): (text: string) => void {
  let failed = false;
  stream.on("error", (error) => {
    if (!failed) {
      failed = true;
      onFailure(error);
    }
  });
  return (text) => {
    if (!failed) stream.write(text);
  };
}
