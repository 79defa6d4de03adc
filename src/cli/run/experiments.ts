import type { Experiment } from "../../lab/index.ts";

/** The part of gradus/experiments that the command uses; it is built after this folder. */
export interface Experiments {
  readonly experimentIds: readonly string[];
  readonly loadExperiment: (id: string) => Promise<Experiment>;
  readonly Missing: new (message?: string) => Error;
}
