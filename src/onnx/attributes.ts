/** Attributes of nodes: what the file says besides the inputs. */
import { FormatError } from "../base/index.ts";
import type { AttributeKind, Attributes, AttributeValues } from "./ir.ts";

/** The value of an attribute of a kind, undefined where it is absent. @throws {FormatError} for another kind. */
export function attributeOf<K extends AttributeKind>(
  attributes: Attributes,
  name: string,
  kind: K,
): AttributeValues[K] | undefined {
  const found = attributes.get(name);
  if (found === undefined) return undefined;
  if (found.kind === kind) return found.value as AttributeValues[K];
  throw new FormatError({
    subject: `the attribute "${name}"`,
    problem: `is of the kind ${found.kind === "other" ? found.value : found.kind}, not ${kind}.`,
    fix: "the file does not follow the operator's definition; export it anew.",
  });
}

/** A whole number of a file as a number. @throws {FormatError} if it is beyond 2⁵³. */
export function exact(x: bigint, what: string): number {
  const n = Number(x);
  if (Number.isSafeInteger(n)) return n;
  throw new FormatError({
    subject: what,
    problem: `is ${x}, and whole numbers are exact only up to 2⁵³.`,
    fix: "give a smaller number.",
  });
}
