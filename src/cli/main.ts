#!/usr/bin/env node
import { outliveTerminal } from "./closed-terminal.ts";
import { failed } from "./errors.ts";
import { run } from "./program.ts";
import { standstill } from "./waiting.ts";

/** Called when the event loop is empty, which it only is before the end if a promise stays open. */
const onStandstill = () => {
  process.stderr.write(`${standstill()}\n`);
  process.exit(failed);
};
process.once("beforeExit", onStandstill);
outliveTerminal();
process.exitCode = await run(process.argv.slice(2));
process.off("beforeExit", onStandstill);
