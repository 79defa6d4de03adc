import { dataFolder, dataNames, downloadData } from "../../data/index.ts";
import { namedSets } from "../../data/named/catalog.ts";
import { styled } from "../terminal/terminal.ts";
import type { Define } from "./define.ts";

const megabytes = (bytes: number): string =>
  bytes < 1e5 ? `${(bytes / 1e3).toFixed(0)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;

const sizeOf = (name: string): number =>
  namedSets[name]!.files.reduce((sum, { bytes }) => sum + bytes, 0);

export const define: Define = (command, terminal) => {
  command
    .argument("[names...]", `sets to download: ${dataNames.join(", ")} (default: list them)`)
    .addHelpText(
      "after",
      "\nThey are kept in the user's cache ($XDG_CACHE_HOME/gradus/data), and --data takes their names." +
        "\nGRADUS_DATA_MIRROR names an address to take them from instead of the official ones.",
    )
    .action(async (names: string[]) => {
      if (names.length === 0) {
        terminal.out(`kept in ${await dataFolder()}`);
        const width = Math.max(...dataNames.map(({ length }) => length));
        for (const name of dataNames)
          terminal.out(
            `${styled(terminal, "bold", name.padEnd(width))}  ${megabytes(sizeOf(name)).padStart(8)}  ${namedSets[name]!.about}`,
          );
      }
      for (const name of names) {
        const live = terminal.live?.();
        const path = await downloadData(name, {
          onProgress: (file, bytes) =>
            live?.draw(`${file.name}  ${megabytes(bytes)} of ${megabytes(file.bytes)}`),
        });
        terminal.out(`${name}: ${path}`);
      }
    });
};
