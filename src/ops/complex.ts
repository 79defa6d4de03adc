import type { Complex } from "../graph/index.ts";

/** Complex arithmetic for the complex-step check. Slow and simple. */
export const complex = (re: number, im = 0): Complex => ({ re, im });
export const cadd = (a: Complex, b: Complex) => complex(a.re + b.re, a.im + b.im);
export const csub = (a: Complex, b: Complex) => complex(a.re - b.re, a.im - b.im);
export const cneg = (a: Complex) => complex(-a.re, -a.im);
/** x · y with 0 · ∞ = 0: a constant has no derivative, even beside infinite values. */
const times = (x: number, y: number) => (x === 0 || y === 0 ? 0 : x * y);
export const cmul = (a: Complex, b: Complex) =>
  complex(a.re * b.re - times(a.im, b.im), times(a.re, b.im) + times(a.im, b.re));
/**
 * By a quotient that cannot overflow (Smith 1962); for a real 0, by the real derivative, which is
 * infinite.
 */
export const cdiv = (a: Complex, b: Complex) => {
  if (b.im === 0) return complex(a.re / b.re, a.im === 0 ? 0 : a.im / b.re);
  if (b.re === 0) {
    const y = a.re / b.re;
    return complex(y, (a.im === 0 ? 0 : a.im / b.re) - (y * b.im) / b.re);
  }
  const r = b.im / b.re;
  const d = b.re + b.im * r;
  return complex((a.re + times(a.im, r)) / d, (a.im - times(a.re, r)) / d);
};
export const cexp = (a: Complex) =>
  complex(Math.exp(a.re) * Math.cos(a.im), times(Math.exp(a.re), Math.sin(a.im)));
/** NaN below 0 and an infinite derivative at 0, as on the real axis: no step across the branch cut. */
const atEdge = (a: Complex, value: number): Complex | undefined =>
  a.re > 0 ? undefined : complex(value, a.im === 0 ? 0 : a.re === 0 ? a.im * Infinity : NaN);
export const clog = (a: Complex) =>
  atEdge(a, Math.log(a.re)) ?? complex(Math.log(Math.hypot(a.re, a.im)), Math.atan2(a.im, a.re));
export const csqrt = (a: Complex) => {
  const edge = atEdge(a, Math.sqrt(a.re));
  if (edge) return edge;
  // the imaginary part as im/(2 re), which keeps a tiny im exact
  const re = Math.sqrt((Math.hypot(a.re, a.im) + a.re) / 2);
  return complex(re, a.im / (2 * re));
};
/**
 * |z| by its real part; at 0, where the derivative is 0 by convention, a constant.
 */
export const cabs = (z: Complex) => (z.re < 0 ? cneg(z) : z.re === 0 ? complex(0) : z);
/** The one with the larger (smaller) real part; ties share, and NaN wins, as in the real op. */
export const cchoose =
  (wins: (x: number, y: number) => boolean) =>
  (a: Complex, b: Complex): Complex => {
    if (a.re === b.re) return complex(a.re, (a.im + b.im) / 2);
    return Number.isNaN(a.re) || wins(a.re, b.re) ? a : b;
  };
/** 1/(1 + e^{−z}) and log(1 + e^z) by the tail that does not overflow. */
export const csigmoid = (z: Complex) => {
  if (z.re >= 0) return cdiv(complex(1), cadd(complex(1), cexp(cneg(z))));
  const e = cexp(z);
  return cdiv(e, cadd(complex(1), e));
};
export const csoftplus = (z: Complex) =>
  z.re > 0 ? cadd(z, clog1p(cexp(cneg(z)))) : clog1p(cexp(z));
/**
 * aᵇ = e^{b log a}, for a < 0 as ±(−a)ᵇ with an integer b: sin(πb) is not exactly 0 in floating
 * point, and would be divided by the step size. At a = 0 by the real derivatives, b 0^{b−1} in a
 * and 0 in b.
 */
export const cpow = (a: Complex, b: Complex): Complex => {
  const value = a.re === 1 || (a.re === -1 && Math.abs(b.re) === Infinity) ? 1 : a.re ** b.re;
  if (a.im === 0 && b.im === 0) return complex(value);
  if (a.re === 0) return complex(value, times(a.im, times(b.re, a.re ** (b.re - 1))));
  if (a.re > 0) {
    const { im } = cexp(cmul(b, clog(a)));
    return complex(value, im);
  }
  const odd = Math.abs(b.re % 2) === 1;
  const { im } = cpow(cneg(a), complex(b.re));
  return complex(value, b.im !== 0 || !Number.isInteger(b.re) ? NaN : odd ? -im : im);
};
export const csin = (a: Complex) =>
  complex(Math.sin(a.re) * Math.cosh(a.im), Math.cos(a.re) * Math.sinh(a.im));
export const ccos = (a: Complex) =>
  complex(Math.cos(a.re) * Math.cosh(a.im), -Math.sin(a.re) * Math.sinh(a.im));
/** tanh(x + iy) = (t + i s)/(1 + i t s) with t = tanh x, s = tan y. */
export const ctanh = (a: Complex) => {
  const t = Math.tanh(a.re);
  const s = Math.tan(a.im);
  return cdiv(complex(t, s), complex(1, t * s));
};
/** e^z − 1 = (expm1 x · cos y + (cos y − 1)) + i e^x sin y */
export const cexpm1 = (a: Complex) =>
  complex(
    Math.expm1(a.re) * Math.cos(a.im) - 2 * Math.sin(a.im / 2) ** 2,
    times(Math.exp(a.re), Math.sin(a.im)),
  );
/** log(1 + z): |1 + z|² = 1 + (2x + x² + y²) keeps the digits of small z. */
export const clog1p = (a: Complex) =>
  atEdge(complex(1 + a.re, a.im), Math.log1p(a.re)) ??
  complex(0.5 * Math.log1p(2 * a.re + a.re * a.re + a.im * a.im), Math.atan2(a.im, 1 + a.re));

/**
 * erf z = 2/√π · e^{−z²} Σₙ 2ⁿ z^{2n+1} / (1·3·5···(2n+1)): on the real axis all terms have one sign,
 * so nothing cancels (Abramowitz & Stegun 7.1.6).
 */
export function cerf(z: Complex): Complex {
  // far out the series is ∞ · 0; the step is small, so the first two Taylor terms are exact
  if (Math.abs(z.re) > 6)
    return complex(Math.sign(z.re), (2 / Math.sqrt(Math.PI)) * Math.exp(-z.re * z.re) * z.im);
  const z2 = cmul(z, z);
  let term = z;
  let sum = z;
  for (let n = 1; n < 400; n++) {
    term = cdiv(cmul(cmul(term, z2), complex(2)), complex(2 * n + 1));
    sum = cadd(sum, term);
    if (Math.hypot(term.re, term.im) < 1e-18 * Math.hypot(sum.re, sum.im)) break;
  }
  return cmul(complex(2 / Math.sqrt(Math.PI)), cmul(cexp(cneg(z2)), sum));
}

/** erf of a real number; ±1 where the tail is below half a unit in the last place. */
export const erf = (x: number): number =>
  Number.isNaN(x) ? x : Math.abs(x) > 6 ? Math.sign(x) : cerf(complex(x)).re;
