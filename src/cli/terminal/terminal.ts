import util from "node:util";
import { isTerminal, liveLine, type Screen } from "../../train/progress.ts";

export type { LiveLine } from "../../train/progress.ts";

/** Where a command writes its results: standard output. Tests use one that keeps the text. */
export interface Terminal extends Screen {
  /** Errors and warnings, on standard error. */
  readonly error: (text: string) => void;
  /** Why results could not be written, if so; a reader that closed the pipe is not a failure. */
  readonly lost?: () => Promise<string | undefined>;
}

type Style = "bold" | "dim" | "green" | "red" | "cyan";

/** Styled text, or plain text on a plain terminal. styleText is absent before Node 20.12. */
export const styled = (terminal: Terminal, style: Style, text: string): string =>
  terminal.colors ? (util.styleText?.(style, text) ?? text) : text;

/**
 * The process's own terminal: plain on a pipe, without colors when NO_COLOR is set.
 *
 * Output that cannot be written is dropped, and the command continues: a training has its files. A
 * reader that closes the pipe (`| head`) is not an error; a full disk under a log or a closed
 * terminal is reported once, on the other stream.
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
    // the error of the last write arrives a turn later
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
