import type { Complex } from "../graph/index.ts";

/** Complex arithmetic for the complex-step check. Slow and obvious. */
export const complex = (re: number, im = 0): Complex => ({ re, im });
export const cadd = (a: Complex, b: Complex) => complex(a.re + b.re, a.im + b.im);
export const csub = (a: Complex, b: Complex) => complex(a.re - b.re, a.im - b.im);
export const cneg = (a: Complex) => complex(-a.re, -a.im);
export const cmul = (a: Complex, b: Complex) =>
  complex(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re);
export const cdiv = (a: Complex, b: Complex) => {
  const d = b.re * b.re + b.im * b.im;
  return complex((a.re * b.re + a.im * b.im) / d, (a.im * b.re - a.re * b.im) / d);
};
export const cexp = (a: Complex) =>
  complex(Math.exp(a.re) * Math.cos(a.im), Math.exp(a.re) * Math.sin(a.im));
export const clog = (a: Complex) =>
  complex(Math.log(Math.hypot(a.re, a.im)), Math.atan2(a.im, a.re));
export const csqrt = (a: Complex) => {
  if (a.re === 0 && a.im === 0) return complex(0);
  // re ≥ 0 branch; the imaginary part from im/(2 re), which keeps a tiny im exact
  if (a.re >= 0) {
    const re = Math.sqrt((Math.hypot(a.re, a.im) + a.re) / 2);
    return complex(re, a.im / (2 * re));
  }
  const im = Math.sqrt((Math.hypot(a.re, a.im) - a.re) / 2) * (a.im < 0 ? -1 : 1);
  return complex(a.im / (2 * im), im);
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
    Math.exp(a.re) * Math.sin(a.im),
  );
/** log(1 + z): |1 + z|² = 1 + (2x + x² + y²) keeps the digits of small z. */
export const clog1p = (a: Complex) =>
  complex(0.5 * Math.log1p(2 * a.re + a.re * a.re + a.im * a.im), Math.atan2(a.im, 1 + a.re));

/**
 * erf z = 2/√π · e^{−z²} Σₙ 2ⁿ z^{2n+1} / (1·3·5···(2n+1)): on the real axis all terms have one sign,
 * so nothing cancels (Abramowitz & Stegun 7.1.6).
 */
export function cerf(z: Complex): Complex {
  // far out the series is ∞ · 0; the step is small, so the first two terms of Taylor are exact
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
