import type { Command } from "commander";
import type { Terminal } from "../terminal/terminal.ts";

/** The export of a command's file: adds its options and its action to commander's command. */
export type Define = (command: Command, terminal: Terminal) => void;
