import util from "node:util";

/** A line that is drawn over and over. */
export interface LiveLine {
  draw(text: string): void;
  /** Leaves the line as it is and goes on below it. */
  keep(): void;
}

/** Where a command writes, and what that place can show. Tests give one that keeps the text. */
export interface Terminal {
  /** Results, on standard output. */
  readonly out: (text: string) => void;
  /** Errors and warnings, on standard error. */
  readonly error: (text: string) => void;
  /** Starts a live line; undefined on a pipe or in a file. */
  readonly live?: (() => Promise<LiveLine>) | undefined;
  readonly colors: boolean;
}

type Style = "bold" | "dim" | "green" | "red" | "cyan";

/** Text with a style, or as it is on a plain terminal. styleText is absent before Node 20.12. */
export const styled = (terminal: Terminal, style: Style, text: string): string =>
  terminal.colors ? (util.styleText?.(style, text) ?? text) : text;

/** The process's own terminal: plain on a pipe, without colors when NO_COLOR is set. */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  // A reader that has seen enough (`| head`) closes the pipe; that is no error of ours.
  for (const stream of [stdout, stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit();
      throw error;
    });
  // a terminal that does not know its size has no place to redraw
  const isTerminal = stdout.isTTY === true && env.TERM !== "dumb" && stdout.rows > 0;
  return {
    out: (text) => void stdout.write(`${text}\n`),
    error: (text) => void stderr.write(`${text}\n`),
    ...(isTerminal && { live: liveLine }),
    colors: isTerminal && !env.NO_COLOR,
  };
}

async function liveLine(): Promise<LiveLine> {
  const { default: logUpdate } = await import("log-update");
  return { draw: (text) => logUpdate(text), keep: () => logUpdate.done() };
}
