import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import { isatty } from "node:tty";

/**
 * Lets the process exit with its own code after its terminal has been closed. At exit Node restores
 * the terminal's modes, and aborts if that fails; it leaves a descriptor alone that has become
 * another file.
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
