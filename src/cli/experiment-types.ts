/** What the command needs of gradus/experiments, which is built after this folder. */

export interface Experiments {
  readonly experimentIds: readonly string[];
  readonly loadExperiment: (id: string) => Promise<Experiment>;
  readonly Missing: new (message?: string) => Error;
}

export interface Experiment {
  readonly id: string;
  readonly title: string;
  readonly claim: string;
  readonly source: string;
  readonly measured: string;
  readonly rule: string;
  readonly run: (setup: {
    readonly quick: boolean;
    readonly seed: number;
    readonly data: string | undefined;
    readonly progress: (what: string) => void;
  }) => Promise<Outcome>;
}

export interface Outcome {
  readonly holds: boolean;
  readonly control: boolean;
  readonly summary: string;
  readonly controlSummary: string;
  readonly figures: Readonly<Record<string, unknown>>;
  readonly charts: Readonly<Record<string, string>>;
  readonly remarks?: readonly string[];
}
