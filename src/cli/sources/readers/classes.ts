import { ConfigError, nearest } from "../../../base/index.ts";

/** @throws {ConfigError} if a class is named twice, or is unknown. */
export function checkClasses(
  names: readonly string[],
  known: readonly string[],
  source: string,
): void {
  const twice = names.find((name, n) => names.indexOf(name) !== n);
  if (twice !== undefined)
    throw new ConfigError({
      subject: "data.classes",
      problem: `"${twice}" is named twice in ${names.join(", ")}.`,
      fix: "name each class once.",
    });
  const strange = names.find((name) => !known.includes(name));
  if (strange === undefined) return;
  const near = nearest(strange, known);
  throw new ConfigError({
    subject: "data.classes",
    problem: `there is no class "${strange}" in ${source}, which has ${known.join(", ") || "none"}.`,
    fix: near ? `did you mean ${near}?` : "name classes that the data have.",
  });
}
