import { availableParallelism, cpus } from "node:os";
import { engineInfo, listEngines } from "../../tensor/index.ts";
import { styled, type Terminal } from "../terminal/terminal.ts";
import { version } from "../version.ts";
import type { Define } from "./define.ts";

export const define: Define = (command, terminal) => {
  command
    .option("--program", "show what a small training step is compiled to")
    .action(async ({ program }: { program?: boolean }) => {
      for (const [name, value] of await findings())
        terminal.out(`${styled(terminal, "bold", name.padEnd(10))} ${value}`);
      if (program) await printStep(terminal);
    });
};

/** The environment of gradus, as lines of name and value; the engines from the fastest on. */
async function findings(): Promise<[name: string, value: string][]> {
  const cpu = cpus()[0]?.model.trim() || "unknown";
  return [
    ["gradus", await version()],
    ["node", `${process.version} on ${process.platform} ${process.arch}`],
    ["processor", `${cpu}, ${availableParallelism()} threads`],
    ...listEngines().map(({ name, missing, info = {} }): [string, string] => [
      name,
      missing === undefined ? facts(info) : `not there: ${missing}`,
    ]),
    ["in use", engineInfo().name],
  ];
}

const facts = (info: Readonly<Record<string, string | number>>): string =>
  Object.entries(info)
    .map(([key, value]) => `${key} ${value}`)
    .join(", ");

/** The graph of one training step of a tiny network, and its compiled program. */
async function printStep(terminal: Terminal): Promise<void> {
  const { sampleStep } = await import("../run/sample-step.ts");
  for (const [title, text] of Object.entries(sampleStep()))
    terminal.out(`\n${styled(terminal, "bold", title)}\n${text}`);
}
