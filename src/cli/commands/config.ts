import type { Command } from "commander";
import { settingsAndData } from "../run/start.ts";
import { readSettings } from "../settings/settings.ts";
import { readSettingsFile, splitWords } from "../settings/settings-file.ts";
import type { Define } from "./define.ts";

const examples = `
Examples:
  gradus config print > config.yaml                    a file to begin with
  gradus config print data=moons optimizer=sgd         what these settings mean, in full
  gradus config print runs/digits-conv/config.json     what a run was trained with`;

export const define: Define = (command: Command, terminal) => {
  command
    .command("print")
    .description("print all settings that a training would have, as YAML")
    .argument("[settings...]", "a configuration file, and single settings as key=value")
    .addHelpText("after", examples)
    .action(async (words: string[]) => {
      const { file, assignments } = splitWords(words);
      const content = file === undefined ? undefined : await readSettingsFile(file);
      const { settings } = await settingsAndData(readSettings(content, assignments));
      const { stringify } = await import("yaml");
      terminal.out(stringify(settings).trimEnd());
    });
};
