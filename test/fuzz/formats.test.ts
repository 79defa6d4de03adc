/** Damaged files of numbers: safetensors, IDX, NumPy's, WAV. */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import {
  decodeIdxFile,
  decodeNpy,
  decodeNpz,
  decodeSafetensors,
  decodeWav,
  encodeIdx,
  encodeSafetensors,
  idxTypes,
} from "gradus/formats";
import { expect } from "vitest";
import { type HostArray, hostArray, sizeOf } from "../../src/base/index.ts";
import { fuzz, ofBytes } from "../support/damage.ts";

const checkArray = ({ shape, data }: { shape: readonly number[]; data: ArrayLike<number> }) =>
  expect(data.length).toBe(sizeOf(shape));

fuzz({
  what: "safetensors",
  make: async () => {
    const tensors = new Map<string, HostArray>([
      ["a", hostArray([2, 2], Float32Array.of(1, 2, 3, 4))],
      ["b", hostArray([3], Uint8Array.of(1, 0, 1))],
    ]);
    const ours = encodeSafetensors(tensors, { note: "x" });
    const header = (dtype: string, width: number) =>
      `{"w":{"dtype":"${dtype}","shape":[2],"data_offsets":[0,${2 * width}]}}`;
    const others = (["F16", "BF16", "I64", "U8", "F8_E4M3", "BOOL"] as const).map((dtype) => {
      const width = dtype === "I64" ? 8 : dtype.endsWith("F16") ? 2 : 1;
      const text = Buffer.from(header(dtype, width));
      const size = Buffer.alloc(8);
      size.writeBigUInt64LE(BigInt(text.length));
      return Buffer.concat([size, text, Buffer.alloc(2 * width, 1)]);
    });
    return ofBytes([ours, ...others, ...others], 120);
  },
  read: (bytes: Uint8Array) => {
    for (const array of decodeSafetensors(bytes).tensors.values()) checkArray(array);
  },
});

fuzz({
  what: "IDX, plain and gzip",
  make: async () => {
    const values = [
      { dtypeCode: idxTypes.ubyte, shape: [2, 3, 1], data: Uint8Array.of(1, 2, 3, 4, 5, 6) },
      { dtypeCode: idxTypes.int16, shape: [2], data: Int16Array.of(1, -2) },
      { dtypeCode: idxTypes.float64, shape: [1, 1], data: Float64Array.of(0.5) },
    ].map(encodeIdx);
    return ofBytes([...values, ...values.map((x) => gzipSync(x))], 16);
  },
  read: async (bytes: Uint8Array) => checkArray(await decodeIdxFile(bytes, "x", 2 ** 20)),
});

const numpy = JSON.parse(readFileSync("test/formats/npy.json", "utf8"));
const ofBase64 = (text: string) => Buffer.from(text, "base64");

fuzz({
  what: "npy",
  make: async () => {
    const files = Object.values<{ npy: string }>(numpy.arrays).map(({ npy }) => ofBase64(npy));
    return ofBytes(files, 80);
  },
  read: (bytes: Uint8Array) => checkArray(decodeNpy(bytes)),
});

fuzz({
  what: "npz, stored and compressed",
  isSlow: true,
  make: async () => ofBytes([ofBase64(numpy.npz), ofBase64(numpy.compressed)], 600),
  read: async (bytes: Uint8Array) => {
    for (const array of (await decodeNpz(bytes)).values()) checkArray(array);
  },
});

/** 16 bits, two channels, a chunk of odd length before. */
function wav(): Buffer {
  const file = Buffer.alloc(76);
  file.write("RIFF....WAVELIST", "latin1");
  file.writeUInt32LE(7, 16);
  file.write("fmt ", 28);
  file.writeUInt32LE(16, 32);
  file.writeUInt16LE(1, 36);
  file.writeUInt16LE(2, 38);
  file.writeUInt32LE(8000, 40);
  file.writeUInt16LE(16, 50);
  file.write("data", 52);
  file.writeUInt32LE(16, 56);
  return file;
}

fuzz({
  what: "WAV",
  make: async () => ofBytes([wav()], 60),
  read: (bytes: Uint8Array) => {
    const { samples, channels, sampleRate } = decodeWav(bytes);
    expect(samples.length % channels).toBe(0);
    expect(sampleRate).toBeGreaterThan(0);
  },
});
