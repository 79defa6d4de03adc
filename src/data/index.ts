/**
 * Data sets and batches: tables, images, text, sound, toys.
 *
 * @module gradus/data
 */

export { logMel, type MelOptions, type MelScale, melFilters } from "./audio/mel.ts";
export { type SoundImageOptions, soundImages } from "./audio/sound-images.ts";
export { type SpectrogramOptions, spectrogram } from "./audio/spectrogram.ts";
export { readWavFolder, type WavDataset, type WavFolderOptions } from "./audio/wav-folder.ts";
export { type Augmentation, type AugmentOptions, augment } from "./augment/augment.ts";
export { type ColorPca, fitColorPca } from "./augment/color-pca.ts";
export {
  type AffineOptions,
  affine,
  colorJitter,
  cutout,
  gaussianBlur,
  horizontalFlip,
  type Interval,
  mixup,
  noise,
  pcaColor,
  randomCrop,
  randomResizedCrop,
  rotate,
  scale,
  shift,
  type Transform,
} from "./augment/transforms.ts";
export {
  type AsyncBatches,
  type AugmentedBatchOptions,
  type Batch,
  type Batches,
  type BatchOptions,
  batches,
} from "./batches.ts";
export {
  type Categories,
  decodeCategories,
  encodeCategories,
  fitCategories,
} from "./categories.ts";
export { type Dataset, makeSplit, type Split, splitDataset, subset, type Task } from "./dataset.ts";
export { type FolderDataset, readDataFolder } from "./folders/data-folder.ts";
export type { ReadLimits } from "./folders/limits.ts";
export { readIdxFolder } from "./images/idx-folder.ts";
export { type ImageFolderOptions, readImageFolder } from "./images/image-folder.ts";
export { type ImageOptions, lightOnDark, readImage } from "./images/images.ts";
export { findKernel, type ImageKernel, imageKernel, imageKernels } from "./images/kernels.ts";
export { fromOneHot, toOneHot } from "./labels.ts";
export { dataNames, type NamedFile } from "./named/catalog.ts";
export type { Progress } from "./named/download.ts";
export { type DownloadOptions, dataFolder, downloadData } from "./named/named-data.ts";
export { fitTable, usableRows } from "./preparation/fit-table.ts";
export type { Fill, FitTableOptions } from "./preparation/fit-table-options.ts";
export { targetColumn, taskOf } from "./preparation/fit-target.ts";
export { fitImages, type NamedInputs, prepareImages } from "./preparation/image.ts";
export {
  type ArrayInputs,
  type CategoryInput,
  type ClassTarget,
  classesOf,
  featuresOf,
  type ImageInputs,
  type InputColumn,
  type NumberInput,
  type NumberTarget,
  type Preparation,
  preparationVersion,
  readPreparation,
  type Scale,
  type SoundInputs,
  type TableInputs,
  type Target,
  type TextInputs,
} from "./preparation/preparation.ts";
export {
  completeRows,
  type PrepareTableOptions,
  prepareInputs,
  prepareTable,
  readTableFor,
} from "./preparation/prepare-table.ts";
export { labelAt, type RowsWithout } from "./preparation/rows.ts";
export { prepareSound } from "./preparation/sound.ts";
export { prepareText } from "./preparation/text.ts";
export {
  colorization,
  type MaskedPatchesOptions,
  maskedPatches,
} from "./pretext/images.ts";
export { type ContrastiveOptions, contrastivePairs, contrastiveViews } from "./pretext/pairs.ts";
export {
  type JigsawOptions,
  jigsaw,
  jigsawPermutations,
  type PretextOptions,
  rotation,
} from "./pretext/puzzles.ts";
export { type MaskedTokensOptions, maskedTokens, nextStep } from "./pretext/sequences.ts";
export { type ConvolutionMode, convolve, correlate } from "./signal.ts";
export { fitStandardization, type Standardization, standardize } from "./standardize.ts";
export type { Column, EmptyColumn, NumberColumn, TextColumn } from "./table/columns.ts";
export { type CsvOptions, type CsvSplit, numericFeatures, parseCsv, readCsv } from "./table/csv.ts";
export type { MissingWords } from "./table/decide.ts";
export type { Decimal } from "./table/numbers.ts";
export { parseTable, readTable } from "./table/table.ts";
export type { GivenFormat, Table, TableFormat, TableLike, TableOptions } from "./table/types.ts";
export {
  characterContexts,
  characterSequences,
  makeVocabulary,
  readText,
  type TextData,
  type TextOptions,
  type Vocabulary,
} from "./text.ts";
export { type DigitsOptions, digits } from "./toys/digits.ts";
export { blobs, circles, moons, spirals, type ToyOptions, xor } from "./toys/toys.ts";
