import type { ErrorParts } from "./errors.ts";

const said = new Set<string>();

/** Says once, on standard error, what is no error and yet hardly what is meant. */
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
