/** The interface of readers of data; `index.ts` lists them. */

import type { FileTree } from "../../../data/folders/file-tree.ts";
import type { Preparation, PrepareTableOptions, Split } from "../../../data/index.ts";
import type { Given } from "../../settings/settings.ts";

/** Which data are used, and how: see the settings. */
export type SourceOptions = Omit<NonNullable<Given["data"]>, "source"> &
  PrepareTableOptions & {
    /** Decides which examples keep their labels. */
    readonly seed?: number | undefined;
  };

/** The preparation of data for an existing network. */
export interface Stored {
  readonly preparation: Preparation;
  /** The network is fine-tuned for another target: classes are those of the data. */
  readonly inputsOnly: boolean;
}

/** The train, validation and test splits. */
export interface Parts {
  readonly train: Split;
  readonly validation: Split;
  readonly test: Split;
}

/** The result of a reader. */
export interface Reading extends Parts {
  readonly preparation: Preparation;
  /** What was decided about the data, in sentences, and warnings. */
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

/** The value of `--data`: a set, or an existing path. An archive counts as a folder. */
export type Found =
  | { readonly kind: "set"; readonly source: string }
  | { readonly kind: "file"; readonly source: string }
  | { readonly kind: "folder"; readonly source: string; readonly tree: FileTree };

/** Settings of `data` for examples that are not text. */
export const ofExamples = ["classes", "augment"] as const;

/** One format of data. */
export interface Reader {
  /** Its name in `data.format`. */
  readonly name: string;
  /** A description for `--help` and errors: `a folder or archive of images by class`. */
  readonly reads: string;
  readonly kind: Found["kind"];
  /** The settings of `data` that are only for this format. */
  readonly options: readonly (keyof SourceOptions)[];
  /** For a folder: whether this reader wants a file, by its path. */
  readonly isOwn?: (path: string) => boolean;
  /**
   * How many of its files it can read, 0 if the data have another format; the reader with the most
   * wins.
   */
  readonly recognizes: (found: Found) => number | Promise<number>;
  readonly read: (
    found: Found,
    options: SourceOptions,
    stored: Stored | undefined,
  ) => Promise<Reading>;
}
