import { openBrowser } from "../pages/playground/open-browser.ts";
import { playgroundFolder, serveFolder } from "../pages/playground/server.ts";
import { wholeNumber } from "../settings/options.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { Define } from "./define.ts";

interface Options {
  readonly port: number;
  readonly open: boolean;
}

const examples = `
Examples:
  gradus play                     at http://localhost:4600, or the next port that is free
  gradus play --port 8080 --no-open`;

export const define: Define = (command, terminal) => {
  command
    .option("--port <n>", "the port, 0 for any free one", wholeNumber("--port", 0, 4600), 4600)
    .option("--no-open", "do not open the browser")
    .addHelpText("after", examples)
    .action((options: Options) => play(options, terminal));
};

/** Serves the playground until a signal ends the process. */
async function play({ port, open }: Options, terminal: Terminal): Promise<void> {
  const { url, closed } = await serveFolder(await playgroundFolder(), port);
  terminal.out(`playground at ${url} (Ctrl-C ends it)`);
  if (open) openBrowser(url);
  await closed;
}
