import type { ErrorParts } from "./errors.ts";

const said = new Set<string>();

/** Prints a warning once, on standard error: not an error, but probably not what was intended. */
export function warnOnce({ subject, problem, where, fix }: ErrorParts): void {
  const text = [
    `gradus: warning: ${subject}: ${problem}`,
    ...(where ? [`  in ${where}`] : []),
    ...(fix ? [`  fix: ${fix}`] : []),
  ].join("\n");
  if (said.has(text)) return;
  said.add(text);
  console.warn(text);
}
