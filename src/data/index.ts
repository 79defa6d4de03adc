export { type Batch, type Batches, type BatchOptions, batches } from "./batches.ts";
export { type CsvOptions, type CsvSplit, parseCsv, readCsv } from "./csv.ts";
export { type Dataset, makeSplit, type Split, splitDataset, subset, type Task } from "./dataset.ts";
export { type DigitsOptions, digits } from "./digits.ts";
export { readIdxFolder } from "./idx-folder.ts";
export { type ImageOptions, lightOnDark, readImage } from "./images.ts";
export { fromOneHot, oneHot } from "./labels.ts";
export { fitStandardization, type Standardization, standardize } from "./standardize.ts";
export { blobs, circles, moons, spirals, type ToyOptions, xor } from "./toys.ts";
