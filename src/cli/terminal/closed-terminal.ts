import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import { isatty } from "node:tty";

/**
 * Lets the process end with its own exit code where its terminal has been closed. As it ends, Node sets
 * the modes of the terminal back that it began with, and aborts if that fails; a descriptor that is
 * another file by then is left alone.
 */
export function outliveTerminal(): void {
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  process.on("exit", () => {
    for (const fd of terminals)
      if (!isatty(fd)) {
        closeSync(fd);
        openSync(devNull, "r+"); // takes the lowest free number, which is this one
      }
  });
}
