import type { Experiment } from "../../lab/index.ts";

/** What the command needs of gradus/experiments, which is built after this folder. */
export interface Experiments {
  readonly experimentIds: readonly string[];
  readonly loadExperiment: (id: string) => Promise<Experiment>;
  readonly Missing: new (message?: string) => Error;
}
