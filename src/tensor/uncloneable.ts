import { DataError } from "../base/index.ts";

/** The result of {@link uncloneable}: an object that cannot be copied. */
export type Uncloneable = Readonly<Record<string, never>>;

/**
 * The first field of objects whose values belong to the engine of their thread. structuredClone and
 * postMessage copy field by field and would fail later, with a message about functions, or lose
 * private fields; this field makes them fail first, with advice.
 */
export const uncloneable = (subject: string, name: string): Uncloneable =>
  Object.defineProperty({}, "values", {
    enumerable: true,
    get(): never {
      throw new DataError({
        subject,
        problem: "it is not copied, posted to another thread or compared field by field.",
        fix: `post ${name}.toHost(), and make a tensor of it with fromHost on the other side.`,
      });
    },
  }) as Uncloneable;
