/** Where units of a dense net stand in its picture. */
import type { Parameters } from "../engine/view.ts";

export interface Place {
  readonly x: number;
  readonly y: number;
}

export interface Column {
  /** −1 for the inputs; else the layer. */
  readonly layer: number;
  readonly places: readonly Place[];
  /** Units that are not drawn. */
  readonly hidden: number;
}

export interface Layout {
  readonly columns: readonly Column[];
  /** Side of a unit. */
  readonly side: number;
  readonly width: number;
  readonly height: number;
}

const height = 400;
const mostShown = 20;
const [leastGap, columnWidth] = [4, 118];

/** Columns of units, as large as the fullest column and the width allow. */
export function layoutOf(counts: readonly number[], available: number): Layout {
  const shown = counts.map((count) => Math.min(count, mostShown));
  const fullest = Math.max(...shown);
  const side = Math.max(14, Math.min(46, Math.floor((height - 10) / fullest) - leastGap));
  const width = Math.max(available, columnWidth * counts.length);
  const gap = (width - side) / Math.max(1, counts.length - 1);
  const columns = shown.map((count, c): Column => {
    const pitch = Math.min(side + 22, (height - 10) / count);
    const top = (height - pitch * count) / 2 + pitch / 2;
    return {
      layer: c - 1,
      places: Array.from({ length: count }, (_, i) => ({
        x: side / 2 + gap * c,
        y: top + pitch * i,
      })),
      hidden: counts[c]! - count,
    };
  });
  return { columns, side, width, height };
}

/** The line from one unit to another. */
export function edgePath(from: Place, to: Place, side: number): string {
  const [x0, x1] = [from.x + side / 2, to.x - side / 2];
  const bend = (x1 - x0) / 2;
  return `M${x0} ${from.y}C${x0 + bend} ${from.y} ${x1 - bend} ${to.y} ${x1} ${to.y}`;
}

/** The weight and bias of a layer, by the path of its module. */
export function parametersAt(
  all: readonly Parameters[],
  path: string | null,
): { weight: Parameters; bias: Parameters } | null {
  const weight = all.find((p) => p.path === `${path}.weight`);
  const bias = all.find((p) => p.path === `${path}.bias`);
  return weight && bias ? { weight, bias } : null;
}
