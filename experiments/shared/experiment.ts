import type { Setup } from "gradus/lab";

export type { Experiment, Measured, Outcome, Setup } from "gradus/lab";

/** Thrown by an experiment whose data are missing. */
export class Missing extends Error {}

/** The folder of a real data set. @throws {Missing} saying what is missing. */
export function dataFolder({ data }: Setup, name: string): string {
  if (data === undefined)
    throw new Missing(
      `it needs the data set ${name}: give the folder that holds ${name}/ with --data.`,
    );
  return `${data}/${name}`;
}
