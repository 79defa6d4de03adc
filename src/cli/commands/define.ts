import type { Command } from "commander";
import type { Terminal } from "../terminal/terminal.ts";

/** What a command's file gives: its options and its action, put on commander's command. */
export type Define = (command: Command, terminal: Terminal) => void;
