import { DataError } from "../base/index.ts";

/** What {@link stays} makes: an object that cannot be copied. */
export type Stays = Readonly<Record<string, never>>;

/**
 * The first field of objects whose values lie with the engine of their thread. structuredClone and
 * postMessage copy fields one by one: they would stumble over functions, or lose what is private.
 */
export const stays = (subject: string, name: string): Stays =>
  Object.defineProperty({}, "values", {
    enumerable: true,
    get(): never {
      throw new DataError({
        subject,
        problem: "it is not copied, posted to another thread or compared field by field.",
        fix: `post ${name}.toHost(), and make a tensor of it with fromHost on the other side.`,
      });
    },
  }) as Stays;
