/** Viridis at 0, 1/8, …, 1: perceptually uniform, and readable without color. */
const stops = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
] as const;

/**
 * The color of a value between 0 (dark) and 1 (light): viridis, as red, green and blue.
 *
 * @see Smith & van der Walt 2015, "A better default colormap for Matplotlib"
 * @example
 * viridis(0); // [68, 1, 84]
 */
export function viridis(share: number): [number, number, number] {
  const last = stops.length - 1;
  const at = Math.min(1, Math.max(0, share)) * last;
  const i = Math.min(last - 1, Math.floor(at));
  const mix = (channel: 0 | 1 | 2) =>
    Math.round(stops[i]![channel] + (at - i) * (stops[i + 1]![channel] - stops[i]![channel]));
  return [mix(0), mix(1), mix(2)];
}

/** A color as CSS, darker for a `light` below 1. */
export const css = (color: readonly number[], light = 1): string =>
  `rgb(${color.map((c) => Math.round(Math.min(255, c * light))).join(",")})`;
