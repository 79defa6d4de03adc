import { formatJson } from "../../base/index.ts";
import { isAutoencoder, modelNames } from "../../models/index.ts";
import { learnerNames, learners, optionsOf, settingOf } from "../settings/learners.ts";
import { networks } from "../settings/networks.ts";
import { styled } from "../terminal/terminal.ts";
import type { Define } from "./define.ts";

/** The rows of the list: name, what it does, what it is, its settings. */
const rows = () => [
  ...modelNames.map((name) => ({
    ...{ name, task: isAutoencoder(name) ? "autoencoder" : "network", about: networks[name].about },
    settings: networks[name].options.map(settingOf),
  })),
  ...learnerNames.map((name) => {
    const { task, about } = learners[name];
    return { name, task, about, settings: optionsOf(name, undefined).map(settingOf) };
  }),
];

export const define: Define = (command, terminal) => {
  command
    .option("--options", "with the settings of each beside those of data and training")
    .option("--json", "one JSON object instead of text")
    .addHelpText(
      "after",
      "\nA model is named with --model: gradus train --data iris.csv --model svc",
    )
    .action(({ options, json }: { options?: boolean; json?: boolean }) => {
      const all = rows();
      if (json) return terminal.out(formatJson({ event: "models", models: all }));
      const width = Math.max(...all.map(({ name }) => name.length));
      const wide = Math.max(...all.map(({ task }) => task.length));
      for (const { name, task, about, settings } of all) {
        terminal.out(
          `${styled(terminal, "bold", name.padEnd(width))}  ${task.padEnd(wide)}  ${about}`,
        );
        if (options && settings.length > 0)
          terminal.out(`${" ".repeat(width + wide + 4)}${settings.join(", ")}`);
      }
    });
};
