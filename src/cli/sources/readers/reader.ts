/** What a reader of data is: a record in the list of `index.ts`. */

import type { FileTree } from "../../../data/folders/file-tree.ts";
import type { Preparation, PrepareTableOptions, Split } from "../../../data/index.ts";
import type { Given } from "../../settings/settings.ts";

/** Which data are used, and how: see the settings. */
export type SourceOptions = Omit<NonNullable<Given["data"]>, "source"> & PrepareTableOptions;

/** How data are prepared that are not the first of their network. */
export interface Stored {
  readonly preparation: Preparation;
  /** The network goes on with another target: classes are those of the data. */
  readonly inputsOnly: boolean;
}

/** The train, validation and test splits. */
export interface Parts {
  readonly train: Split;
  readonly validation: Split;
  readonly test: Split;
}

/** What a reader makes of its data. */
export interface Reading extends Parts {
  readonly preparation: Preparation;
  /** What was decided about the data, in sentences, and what should make a person think again. */
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

/** What `--data` names: a set, or a path where something is. An archive is a folder. */
export type Found =
  | { readonly kind: "set"; readonly source: string }
  | { readonly kind: "file"; readonly source: string }
  | { readonly kind: "folder"; readonly source: string; readonly tree: FileTree };

/** Settings of `data` for examples that are no text. */
export const ofExamples = ["classes", "augment"] as const;

/** One format of data. */
export interface Reader {
  /** As `data.format` calls it. */
  readonly name: string;
  /** What it reads, for `--help` and errors: `a folder or archive of images by class`. */
  readonly reads: string;
  readonly kind: Found["kind"];
  /** The settings of `data` that are for this format, not for all. */
  readonly options: readonly (keyof SourceOptions)[];
  /** Of a folder: whether a file, by its path, is one that this reader wants. */
  readonly isOwn?: (path: string) => boolean;
  /** How many of its files it reads, 0 if the data are of another format; the reader of most has them. */
  readonly recognizes: (found: Found) => number | Promise<number>;
  readonly read: (
    found: Found,
    options: SourceOptions,
    stored: Stored | undefined,
  ) => Promise<Reading>;
}
