#!/usr/bin/env node
import { run } from "./program.ts";
import { outliveTerminal } from "./terminal/closed-terminal.ts";
import { failed } from "./terminal/errors.ts";
import { standstill } from "./terminal/waiting.ts";

/**
 * Called when the event loop is empty; before the end, that happens only if a promise never
 * settles.
 */
const onStandstill = () => {
  process.stderr.write(`${standstill()}\n`);
  process.exit(failed);
};
process.once("beforeExit", onStandstill);
outliveTerminal();
process.exitCode = await run(process.argv.slice(2));
process.off("beforeExit", onStandstill);
