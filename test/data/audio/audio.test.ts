import { readFileSync } from "node:fs";
import { logMel, melFilters, spectrogram } from "gradus/data";
import { expect, test } from "vitest";
import { ConfigError, hostArray, ShapeError } from "../../../src/base/index.ts";

interface Fixture {
  signal: number[];
  cases: { window: number; hop: number; shape: number[]; power: number[] }[];
}
const { signal, cases } = JSON.parse(
  readFileSync(new URL("spectrogram.json", import.meta.url), "utf8"),
) as Fixture;

for (const { window, hop, shape, power } of cases)
  test(`spectrogram by NumPy and SciPy: window ${window}, hop ${hop}`, () => {
    const found = spectrogram(hostArray([40], Float64Array.from(signal)), { window, hop });
    expect(found.shape).toEqual(shape);
    power.forEach((x, i) => {
      expect(Math.abs(found.data[i]! - x)).toBeLessThan(1e-5 * Math.max(1, x));
    });
  });

test("batches are spectrograms side by side; a short signal ends in silence", () => {
  const one = hostArray([40], Float32Array.from(signal));
  const two = hostArray([2, 40], Float32Array.of(...signal, ...signal.map((x) => 2 * x)));
  const [single, both] = [one, two].map((x) => spectrogram(x, { window: 8 }));
  expect(both!.shape).toEqual([2, ...single!.shape]);
  expect([...both!.data]).toEqual([...single!.data, ...single!.data.map((x) => 4 * x)]);
  const short = spectrogram(hostArray([3], Float32Array.of(1, 2, 3)), { window: 8 });
  const padded = spectrogram(hostArray([8], Float32Array.of(1, 2, 3, 0, 0, 0, 0, 0)), {
    window: 8,
  });
  expect(short).toEqual(padded);
});

test("Parseval: power over all bins is N times that of the windowed signal", () => {
  const n = 30;
  const x = signal.slice(0, n);
  const power = spectrogram(hostArray([n], Float64Array.from(x)), { window: n });
  const data = [...power.data];
  const hann = x.map((_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / n));
  const energy = x.reduce((sum, value, i) => sum + (value * hann[i]!) ** 2, 0);
  const whole = data.reduce((sum, p, k) => sum + (k === 0 || 2 * k === n ? p : 2 * p), 0);
  expect(whole / (n * energy)).toBeCloseTo(1, 5);
});

/** The bin at which each filter is highest, where bins are one hertz apart. */
const peaks = (options: Parameters<typeof melFilters>[0]): number[] => {
  const { shape, data } = melFilters({ ...options, window: options.sampleRate });
  const [count, bins] = shape as [number, number];
  return Array.from({ length: count }, (_, m) => {
    const row = [...data.subarray(m * bins, (m + 1) * bins)];
    return row.indexOf(row.reduce((a, b) => Math.max(a, b)));
  });
};

test("Slaney's scale: corners as librosa's documentation prints them for 40 points to 11 025 Hz", () => {
  const printed = [
    85.317, 170.635, 255.952, 341.269, 426.586, 511.904, 597.221, 682.538, 767.855, 853.173, 938.49,
    1024.856, 1119.114, 1222.042, 1334.436, 1457.167, 1591.187, 1737.532, 1897.337, 2071.84,
    2262.393, 2470.47, 2697.686, 2945.799, 3216.731, 3512.582, 3835.643, 4188.417, 4573.636,
    4994.285, 5453.621, 5955.205, 6502.92, 7101.009, 7754.107, 8467.272, 9246.028, 10096.408,
  ];
  const found = peaks({ sampleRate: 22050, count: 38, equalArea: false });
  found.forEach((f, m) => {
    expect(Math.abs(f - printed[m]!)).toBeLessThanOrEqual(1);
  });
});

test("HTK's scale: 1000 Hz are 1000 mel; corners equally far apart in mel", () => {
  const mel = (f: number) => 2595 * Math.log10(1 + f / 700);
  expect(mel(1000)).toBeCloseTo(1000, 1);
  const found = peaks({ sampleRate: 8000, count: 9, scale: "htk", equalArea: false });
  found.forEach((f, m) => {
    expect(Math.abs(mel(f) - (mel(4000) * (m + 1)) / 10)).toBeLessThan(2);
  });
});

test("filters 1 high add up to 1 between the outer peaks; of equal area, each sums to one over the bin's width", () => {
  const options = { sampleRate: 8000, window: 2000, count: 10 } as const;
  for (const scale of ["htk", "slaney"] as const) {
    const { data } = melFilters({ ...options, scale, equalArea: false });
    for (let f = 400; f < 2400; f += 4) {
      const k = f / 4;
      let sum = 0;
      for (let m = 0; m < 10; m++) sum += data[m * 1001 + k]!;
      expect(sum).toBeCloseTo(1, 5);
    }
    const equal = [...melFilters({ ...options, scale }).data];
    for (let m = 0; m < 10; m++)
      expect(equal.slice(m * 1001, (m + 1) * 1001).reduce((a, b) => a + b) * 4).toBeCloseTo(1, 2);
  }
});

test("logMel is the logarithm of filters times power; silence is the floor", () => {
  const options = { sampleRate: 8000, window: 16, count: 3 };
  const x = hostArray([40], Float32Array.from(signal));
  const power = spectrogram(x, { window: options.window });
  const filters = melFilters(options);
  const found = logMel(x, options);
  const frames = power.shape[1]!;
  expect(found.shape).toEqual([3, frames]);
  for (let m = 0; m < 3; m++)
    for (let f = 0; f < frames; f++) {
      let sum = 0;
      for (let k = 0; k < 9; k++) sum += filters.data[m * 9 + k]! * power.data[k * frames + f]!;
      expect(found.data[m * frames + f]).toBeCloseTo(Math.log(sum), 4);
    }
  const silent = logMel(hostArray([2, 16], new Float32Array(32)), { ...options, floor: 1e-6 });
  expect(silent.shape).toEqual([2, 3, 1]);
  for (const value of silent.data) expect(value).toBeCloseTo(Math.log(1e-6), 5);
});

test("numbers that mean nothing", () => {
  const x = hostArray([8], new Float32Array(8));
  expect(() => spectrogram(x, { window: 1 })).toThrow(ConfigError);
  expect(() => spectrogram(x, { hop: 0 })).toThrow(/hop is 0/);
  expect(() => spectrogram(hostArray([2, 0], new Float32Array()))).toThrow(ShapeError);
  expect(() => melFilters({ sampleRate: 8000, to: 5000 })).toThrow(/to is 5000/);
  expect(() => melFilters({ sampleRate: 8000, window: 64, count: 40 })).toThrow(/fewer filters/);
  expect(() => logMel(x, { sampleRate: 8000, floor: 0 })).toThrow(/floor is 0/);
});
