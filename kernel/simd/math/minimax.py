#!/usr/bin/env python3
"""Prints the polynomials of vmath: minimax fits by Remez exchange, in 110-digit decimals.

    python3 kernel/simd/math/minimax.py

Each fit minimises max w(x)·|f(x) − p(x)|, with w such that this is the relative error of the function
that p serves. The series are summed directly, so that nothing beyond Python's decimals is needed.
"""
import struct
from decimal import Decimal as D, getcontext

getcontext().prec = 110
EPS = D(10) ** -100


def series(term, ratio):
    """Σ term·ratio(1)·ratio(2)⋯ until nothing changes."""
    total, k = D(0), 0
    while abs(term) > EPS * max(abs(total), EPS):
        total += term
        k += 1
        term *= ratio(k)
    return total


def atan_of_inverse(n):
    return sum(D((-1) ** k) / (2 * k + 1) / D(n) ** (2 * k + 1) for k in range(90))


PI = 4 * (4 * atan_of_inverse(5) - atan_of_inverse(239))  # Machin
LN2, ROOT2 = D(2).ln(), D(2).sqrt()


def exp_tail(r):  # (eʳ − 1 − r) / r²
    return series(D(1) / 2, lambda k: r / (k + 2))


def sin_tail(z):  # (sin r − r) / r³, z = r²
    return series(-D(1) / 6, lambda k: -z / ((2 * k + 2) * (2 * k + 3)))


def cos_tail(z):  # (cos r − 1 + r²/2) / r⁴
    return series(D(1) / 24, lambda k: -z / ((2 * k + 3) * (2 * k + 4)))


def log1p_tail(f):  # (log(1 + f) − f + f²/2) / f³
    return D(1) / 3 - f / 4 if abs(f) < D("1e-30") else ((1 + f).ln() - f + f * f / 2) / f**3


def atanh_tail(skip):  # Σ_{k ≥ skip} 2 zᵏ⁻ˢᵏⁱᵖ / (2k + 1)
    return lambda z: series(D(2) / (2 * skip + 1), lambda k: z * (2 * (skip + k) - 1) / (2 * (skip + k) + 1))


def erf_ratio(z):  # erf x / x
    return series(2 / PI.sqrt(), lambda k: -z * (2 * k - 1) / (k * (2 * k + 1)))


def erf(x):
    return x * erf_ratio(x * x)


def solve(rows):
    """Gaussian elimination of the augmented matrix."""
    n = len(rows)
    for i in range(n):
        pivot = max(range(i, n), key=lambda j: abs(rows[j][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for j in range(n):
            if j != i:
                factor = rows[j][i] / rows[i][i]
                rows[j] = [a - factor * b for a, b in zip(rows[j], rows[i])]
    return [row[n] / row[i] for i, row in enumerate(rows)]


def cosine(x):
    return series(D(1), lambda k: -x * x / ((2 * k - 1) * (2 * k)))


def remez(f, w, low, high, degree, grid=1000):
    n = degree + 2
    middle, half = (high + low) / 2, (high - low) / 2
    xs = [middle - half * cosine(PI * (2 * i + 1) / (2 * grid)) for i in range(grid)]
    fs, ws = [f(x) for x in xs], [w(x) for x in xs]
    nodes = [round((1 - float(cosine(PI * (2 * i + 1) / (2 * n)))) / 2 * (grid - 1)) for i in range(n)]
    for _ in range(25):
        rows = [[xs[i] ** k for k in range(degree + 1)] + [(-1) ** j / ws[i], fs[i]] for j, i in enumerate(nodes)]
        *c, level = solve(rows)
        errors = []
        for x, fx, wx in zip(xs, fs, ws):
            p = D(0)
            for a in reversed(c):
                p = p * x + a
            errors.append(wx * (fx - p))
        peaks, start = [], 0  # the extremum of each run of one sign
        for i in range(1, grid + 1):
            if i == grid or (errors[i] > 0) != (errors[start] > 0):
                peaks.append(max(range(start, i), key=lambda j: abs(errors[j])))
                start = i
        worst = max(abs(errors[i]) for i in peaks)
        if worst < abs(level) * D("1.01") or len(peaks) < n:
            break
        while len(peaks) > n:
            peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
        nodes = peaks
    return c, worst


def show(name, fit, single=False):
    c, worst = fit
    print(f"{name}: error 2^{float(worst.ln() / LN2):.1f}")
    for a in c:
        value = float(a)
        if single:
            value = struct.unpack("f", struct.pack("f", value))[0]
        print(f"  {value.hex()}{'f' if single else ''}")


R = LN2 / 2 * D("1.0005")
Z = ((ROOT2 - 1) / (ROOT2 + 1)) ** 2 * D("1.0005")
Q = (PI / 4 * D("1.001")) ** 2
tiny = D("1e-30")

show("exp float32", remez(exp_tail, lambda r: max(abs(r), tiny), -R, R, 4), True)
show("exp float64", remez(exp_tail, lambda r: max(abs(r), tiny), -R, R, 10))
show("log float32", remez(log1p_tail, lambda f: max(f * f, tiny), (1 / ROOT2 - 1) * D("1.0001"), (ROOT2 - 1) * D("1.0001"), 7), True)
show("log float64", remez(atanh_tail(1), lambda z: z, D(0), Z, 6))
show("sin float64", remez(sin_tail, lambda z: z, D(0), Q, 5))
show("cos float64", remez(cos_tail, lambda z: z * z, D(0), Q, 5))
show("sin of float32 in float64", remez(sin_tail, lambda z: z, D(0), Q, 3))
show("cos of float32 in float64", remez(cos_tail, lambda z: z * z, D(0), Q, 3))
show("pow float64: log", remez(atanh_tail(2), lambda z: z * z, D(0), Z, 7))
show("pow of float32 in float64: log", remez(atanh_tail(1), lambda z: z, D(0), Z, 4))
show("pow of float32 in float64: exp", remez(exp_tail, lambda r: max(r * r, tiny), -R, R, 5))

erf_small = lambda degree: remez(lambda z: erf_ratio(z) - 1, lambda z: 1 / erf_ratio(z), D(0), D(1), degree)
show("erf float32, |x| < 1, less 1", erf_small(6), True)
show("erf float64, |x| < 1, less 1", erf_small(12))
show(
    "erf float32, −log erfc",
    remez(lambda a: -(1 - erf(a)).ln(), lambda a: (1 - erf(a)) / erf(a), D("0.98"), D(4), 7, 400),
    True,
)
k = D(3)
at = lambda t: k * (1 + t) / (1 - t)
to = lambda a: (a - k) / (a + k)
show(
    "erf float64, e^a² erfc a in (a − 3)/(a + 3)",
    remez(lambda t: (1 - erf(at(t))) * (at(t) ** 2).exp(), lambda t: (-at(t) ** 2).exp() / erf(at(t)), to(D("0.98")), to(D(6)), 11, 400),
)
