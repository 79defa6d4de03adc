/**
 * The structure of an experiment: a claim, a measurement, and the criterion by which it passes or
 * fails.
 */

/** A number, or a list or a table of numbers, as the results keep it. */
export type Measured =
  | number
  | string
  | boolean
  | readonly Measured[]
  | { readonly [name: string]: Measured };

/** A claim of the theory as a program. */
export interface Experiment {
  /** E1 … E27. */
  readonly id: string;
  /** A short title. */
  readonly title: string;
  /** The claim in our own words. */
  readonly claim: string;
  /** Authors, year, theorem or section. */
  readonly source: string;
  /** What is measured, and on what. */
  readonly measured: string;
  /** When it passes, and the negative control that must fail. */
  readonly criterion: string;
  /** Runs the measurement and applies the criterion. */
  readonly run: (setup: Setup) => Promise<Outcome>;
}

/** How an experiment is to run. */
export interface Setup {
  /** A reduced size: seconds instead of minutes. The criterion is the same. */
  readonly quick: boolean;
  /** The seed of all random numbers; another seed is an independent repetition. */
  readonly seed: number;
  /**
   * Folder of the real data sets (mnist, cifar10, fsdd, text, tabular), or undefined if there is
   * none.
   */
  readonly data: string | undefined;
  /** Reports progress: "d = 2, n = 1000". */
  readonly progress: (what: string) => void;
}

/** The result of an experiment. */
export interface Outcome {
  /** Whether the claim met its criterion. */
  readonly holds: boolean;
  /** Whether the negative control failed, as it must. */
  readonly control: boolean;
  /**
   * The text after `E6 holds: `, with the number and the prediction: "slope −0.49 ± 0.02 (predicted
   * −1/2)".
   */
  readonly summary: string;
  /** The result of the negative control: "the single neuron errs on 25 % of XOR". */
  readonly controlSummary: string;
  /** Every number that the page and the JSON show, by name. */
  readonly figures: Readonly<Record<string, Measured>>;
  /** SVG texts (see `chart` of gradus/draw) by a short name in kebab case; the first is the thumbnail. */
  readonly charts: Readonly<Record<string, string>>;
  /** Conditions under which the claim holds, and other caveats. */
  readonly remarks?: readonly string[];
}
