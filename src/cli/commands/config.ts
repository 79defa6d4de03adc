import type { Command } from "commander";
import { learnerPlan } from "../run/learner-run.ts";
import type { LearnerRunConfig } from "../run/run-config.ts";
import { settingsAndData } from "../run/start.ts";
import { settingOf } from "../settings/learners.ts";
import { isLearnerGiven, readSettings } from "../settings/settings.ts";
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
      const given = readSettings(content, assignments);
      const settings = isLearnerGiven(given)
        ? wholeSettings((await learnerPlan(given)).config)
        : (await settingsAndData(given)).settings;
      const { stringify } = await import("yaml");
      terminal.out(stringify(settings).trimEnd());
    });
};

/** The settings of a learner with the defaults of its options. */
function wholeSettings({ settings, model }: LearnerRunConfig): object {
  const options = Object.entries(model.options).map(([option, value]) => {
    const [section, name] = settingOf(option).split(".") as ["model" | "training", string];
    return { section, name, value };
  });
  const of = (section: "model" | "training") => ({
    ...Object.fromEntries(
      options.filter((each) => each.section === section).map(({ name, value }) => [name, value]),
    ),
    ...settings[section],
  });
  return { data: settings.data, model: of("model"), training: of("training") };
}
