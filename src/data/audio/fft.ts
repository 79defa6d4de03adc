/** cos and sin of 2πk / N, reused by every frame of a recording. */
export interface Twiddles {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

export const twiddles = (n: number): Twiddles => {
  const angles = Float64Array.from({ length: n }, (_, k) => (2 * Math.PI * k) / n);
  return { cos: angles.map(Math.cos), sin: angles.map(Math.sin) };
};

/**
 * Discrete Fourier transform of any length N, of real and imaginary parts in place:
 *
 *   X[k] = Σₙ x[n] e^(−2πi nk / N)
 *
 * N = 2ᵏ·odd: the odd part by the sum itself, each doubling by one round of butterflies, so that
 * powers of two take N log N. Iterative, so that the rounds allocate nothing.
 *
 * @see Cooley & Tukey 1965, "An algorithm for the machine calculation of complex Fourier series"
 */
export function fft(re: Float64Array, im: Float64Array, angles: Twiddles): void {
  const n = re.length;
  const odd = n / (n & -n);
  sortByReversedBits(re, im, n / odd, odd);
  if (odd > 1)
    for (let at = 0; at < n; at += odd)
      dft(re.subarray(at, at + odd), im.subarray(at, at + odd), angles, n / odd);
  for (let half = odd; half < n; half *= 2)
    for (let start = 0; start < n; start += 2 * half)
      for (let k = 0, turn = 0; k < half; k++, turn += n / (2 * half)) {
        const i = start + k;
        const j = i + half;
        const c = angles.cos[turn]!;
        const s = -angles.sin[turn]!;
        const turnedRe = c * re[j]! - s * im[j]!;
        const turnedIm = s * re[j]! + c * im[j]!;
        re[j] = re[i]! - turnedRe;
        im[j] = im[i]! - turnedIm;
        re[i] = re[i]! + turnedRe;
        im[i] = im[i]! + turnedIm;
      }
}

/**
 * Moves element r + blocks·q to position q of the block whose index is r with its bits reversed;
 * `blocks` is a power of two.
 */
function sortByReversedBits(re: Float64Array, im: Float64Array, blocks: number, odd: number): void {
  if (odd > 1) {
    for (const x of [re, im]) {
      const before = x.slice();
      for (let r = 0, to = 0; r < blocks; r++, to = reversed(r, blocks))
        for (let q = 0; q < odd; q++) x[to * odd + q] = before[r + blocks * q]!;
    }
    return;
  }
  for (let i = 1, j = 0; i < blocks; i++) {
    let bit = blocks >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j |= bit;
    if (i >= j) continue;
    [re[i], re[j]] = [re[j]!, re[i]!];
    [im[i], im[j]] = [im[j]!, im[i]!];
  }
}

function reversed(value: number, blocks: number): number {
  let result = 0;
  for (let bit = 1, top = blocks >> 1; top > 0; bit <<= 1, top >>= 1)
    if (value & bit) result |= top;
  return result;
}

/** The sum itself; `stride` is one angle step of this part in steps of the full transform. */
function dft(re: Float64Array, im: Float64Array, angles: Twiddles, stride: number): void {
  const n = re.length;
  const [x, y] = [re.slice(), im.slice()];
  for (let k = 0; k < n; k++) {
    let real = 0;
    let imaginary = 0;
    for (let i = 0; i < n; i++) {
      const at = ((i * k) % n) * stride;
      const [c, s] = [angles.cos[at]!, -angles.sin[at]!];
      real += c * x[i]! - s * y[i]!;
      imaginary += s * x[i]! + c * y[i]!;
    }
    re[k] = real;
    im[k] = imaginary;
  }
}
