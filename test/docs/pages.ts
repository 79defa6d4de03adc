/** Pages of Markdown as programs. */
import { run } from "../../src/cli/program.ts";
import { rewriteClaims } from "./support.ts";

/** One fenced block: its language, its text, and the line of the page on which the text begins. */
export interface Block {
  readonly language: string;
  readonly code: string;
  readonly line: number;
}

/** The fenced blocks of a page. */
export const blocksOf = (page: string): Block[] =>
  [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(({ index, 1: language, 2: code }) => ({
    language: language!,
    code: code!,
    line: page.slice(0, index).split("\n").length + 1,
  }));

/** All TypeScript of a page as one module with its claims as checks, on the lines that it has in the page. */
export function programOf(page: string): string {
  const lines = page.split("\n").map(() => "");
  for (const { language, code, line } of blocksOf(page))
    if (language === "ts")
      rewriteClaims(code)
        .split("\n")
        .forEach((text, i) => {
          lines[line - 1 + i] += text;
        });
  lines[0] = `import { check } from "../../docs/support.ts";`;
  return `${lines.join("\n")}\nexport {};\n`;
}

/** A command of a page, and the output that the page shows after it. */
export interface Command {
  readonly line: string;
  readonly output: string | undefined;
}

/** The commands of a page; a block of `text` after a block of `sh` is what its last command prints. */
export function commandsOf(page: string): Command[] {
  const blocks = blocksOf(page);
  return blocks.flatMap(({ language, code }, i) => {
    if (language !== "sh") return [];
    const next = blocks[i + 1];
    const lines = code.trim().split("\n");
    return lines.map((line, at) => ({
      line,
      output: at === lines.length - 1 && next?.language === "text" ? next.code : undefined,
    }));
  });
}

/** Runs a line `npx gradus …` in this process. @returns its output, on either stream. */
export async function gradus(line: string): Promise<{ code: number; output: string }> {
  let output = "";
  const write = (text: string) => {
    output += `${text}\n`;
  };
  const args = line.split(" ").slice(2);
  const code = await run(args, { out: write, error: write, colors: false });
  return { code, output };
}
