import path from "node:path";

/**
 * How the user invoked us, for suggested commands: `gradus`, `npx gradus` or `node
 * dist/cli/main.js`.
 */
export function invocation(): string {
  const script = process.argv[1] ?? "";
  if (process.env.npm_command === "exec") return "npx gradus";
  if (path.basename(script) !== "main.js") return "gradus";
  return `node ${path.relative(process.cwd(), script)}`;
}

/** A word of a command line, quoted if the shell would split it. */
export const word = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
