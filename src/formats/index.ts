/**
 * Files as plain arrays: IDX, safetensors, NumPy's npy and npz, WAV, event files of TensorBoard.
 *
 * @module gradus/formats
 */
export { writeFileAtomic } from "./atomic.ts";
export { readBytes } from "./files.ts";
export {
  decodeIdx,
  decodeIdxFile,
  encodeIdx,
  type IdxArray,
  type IdxType,
  idxTypes,
  readIdx,
  writeIdx,
} from "./idx.ts";
export { decodeNpy, encodeNpy, readNpy, writeNpy } from "./npy.ts";
export { decodeNpz, encodeNpz, readNpz, writeNpz } from "./npz.ts";
export {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensors,
  type SafetensorsFile,
  writeSafetensors,
} from "./safetensors.ts";
export {
  openSafetensors,
  type SafetensorsReader,
  type StoredTensor,
} from "./safetensors-file.ts";
export { encodeEventHeader, encodeScalars, type ScalarEvent } from "./tensorboard.ts";
export { decodeWav, readWav, type WavFile } from "./wav.ts";
