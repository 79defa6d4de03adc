import path from "node:path";

/** How the user calls us, for the commands that we suggest: `gradus`, `npx gradus` or `node dist/cli/main.js`. */
export function invocation(): string {
  const script = process.argv[1] ?? "";
  if (process.env.npm_command === "exec") return "npx gradus";
  if (path.basename(script) !== "main.js") return "gradus";
  return `node ${path.relative(process.cwd(), script)}`;
}

/** A word of a command line, in quotes where the shell would cut it. */
export const word = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
