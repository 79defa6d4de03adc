/** The largest |x| of finite entries. */
export const largest = (xs: ArrayLike<number>): number =>
  Array.from(xs).reduce((m, x) => (Number.isFinite(x) ? Math.max(m, Math.abs(x)) : m), 0);

/**
 * What separates `actual` from `expected` by more than `relative` times the largest expected
 * magnitude (at least `floor`), or undefined. NaN and infinities must be the same.
 */
export function difference(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  relative: number,
  floor = 1,
): string | undefined {
  if (actual.length !== expected.length)
    return `${actual.length} values, expected ${expected.length}`;
  const bound = relative * Math.max(floor, largest(expected));
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!];
    if (Object.is(a, e) || a === e) continue;
    if (!(Math.abs(a - e) <= bound)) return `[${i}]: ${a}, expected ${e} (± ${bound})`;
  }
  return undefined;
}

/** Throws, naming `what`, when {@link difference} finds one. */
export function expectClose(
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  relative: number,
  floor = 1,
): void {
  const found = difference(actual, expected, relative, floor);
  if (found) throw new Error(`${what}: ${found}`);
}

export const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0);
