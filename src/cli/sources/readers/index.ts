/** All readers of data. A new one is a file in this folder and a line in this list. */
import { cifarReader } from "./cifar.ts";
import { idxReader } from "./idx.ts";
import { imageReader } from "./images.ts";
import type { Reader } from "./reader.ts";
import { setReader } from "./set.ts";
import { soundReader } from "./sound.ts";
import { tableReader } from "./table.ts";
import { textReader } from "./text.ts";

/** In the order of `--help`; if two recognize equally many files, the first one reads them. */
export const readers: readonly Reader[] = [
  setReader,
  idxReader,
  cifarReader,
  imageReader,
  soundReader,
  tableReader,
  textReader,
];
