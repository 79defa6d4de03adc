/** What an experiment is: a claim, what is measured, and the criterion by which it passes or fails. */

/** A number, or a list or a table of numbers, as the results keep it. */
export type Measured =
  | number
  | string
  | boolean
  | readonly Measured[]
  | { readonly [name: string]: Measured };

/** A claim of the theory as a program. */
export interface Experiment {
  /** E1 … E25. */
  readonly id: string;
  /** A few words. */
  readonly title: string;
  /** The claim in our own words. */
  readonly claim: string;
  /** Authors, year, theorem or section. */
  readonly source: string;
  /** What is measured, on what. */
  readonly measured: string;
  /** When it passes, and the negative control that must fail. */
  readonly criterion: string;
  /** Measures, and judges by the criterion. */
  readonly run: (setup: Setup) => Promise<Outcome>;
}

/** How an experiment is to run. */
export interface Setup {
  /** A reduced size: seconds instead of minutes. The criterion is the same. */
  readonly quick: boolean;
  /** All random numbers follow from it; another seed is another repetition of the whole. */
  readonly seed: number;
  /** Folder of the real data sets (mnist, cifar10, fsdd, text, tabular), or undefined where it is not there. */
  readonly data: string | undefined;
  /** Tells the reader how far it is: "d = 2, n = 1000". */
  readonly progress: (what: string) => void;
}

/** What an experiment came to. */
export interface Outcome {
  /** Whether the claim met its criterion. */
  readonly holds: boolean;
  /** Whether the negative control failed, as it must. */
  readonly control: boolean;
  /** What comes after `E6 holds: `, with the number and what was predicted: "slope −0.49 ± 0.02 (predicted −1/2)". */
  readonly summary: string;
  /** What the negative control gave: "the single neuron errs on 25 % of XOR". */
  readonly controlSummary: string;
  /** Every number that the page and the JSON show, by name. */
  readonly figures: Readonly<Record<string, Measured>>;
  /** SVG texts (see `chart` of gradus/draw) by a short name in kebab case; the first is the thumbnail. */
  readonly charts: Readonly<Record<string, string>>;
  /** Where the claim holds only under conditions, and what else a reader should doubt. */
  readonly remarks?: readonly string[];
}
