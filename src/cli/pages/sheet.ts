/** Many small images in one file, of which each element of a page shows a tile. */
import { escapeXml, pictureToPng, viridis } from "../../draw/index.ts";

/** Red, green and blue of each pixel, from 0 to 1, row by row. */
export interface Tile {
  readonly height: number;
  readonly width: number;
  readonly rgb: Float32Array; // [height · width, 3]
}

/** Values of an image, channels one after another, each row by row. */
export interface Plane {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly values: ArrayLike<number>;
}

/** The most pixels along a side of a sheet: browsers scale larger ones down. */
const mostSide = 8192;

const hues = Array.from({ length: 256 }, (_, i) => viridis(i / 255).map((c) => c / 255));
const [cold, warm] = [
  [0.13, 0.4, 0.67],
  [0.7, 0.09, 0.17],
] as const;

/** Dark for `low`, light for `high`, by viridis. */
export const bySize =
  (low: number, high: number) =>
  (value: number): readonly number[] =>
    hues[
      Math.round(255 * Math.min(1, Math.max(0, high > low ? (value - low) / (high - low) : 0)))
    ]!;

/** White for 0, red above, blue below, full at ±`most`. */
export const bySign =
  (most: number) =>
  (value: number): readonly number[] => {
    const share = Math.min(1, Math.abs(value) / (most || 1));
    return (value < 0 ? cold : warm).map((c) => 1 + share * (c - 1));
  };

/** The first channel in colors. */
export function colored(plane: Plane, color: (value: number) => readonly number[]): Tile {
  const { height, width, values } = plane;
  const rgb = new Float32Array(3 * height * width);
  for (let i = 0; i < height * width; i++) rgb.set(color(values[i]!), 3 * i);
  return { height, width, rgb };
}

/**
 * As a photograph: three channels are colors, otherwise the first is shown; rescaled to 0 … 1 if
 * outside that range.
 */
export function photograph({ channels, height, width, values }: Plane): Tile {
  const [size, shown] = [height * width, channels === 3 ? 3 : 1];
  let [low, high] = [0, 1];
  for (let i = 0; i < size * shown; i++) {
    low = Math.min(low, values[i]!);
    high = Math.max(high, values[i]!);
  }
  const rgb = new Float32Array(3 * size);
  for (let i = 0; i < size; i++)
    for (let c = 0; c < 3; c++)
      rgb[3 * i + c] = (values[(shown === 3 ? c * size : 0) + i]! - low) / (high - low);
  return { height, width, rgb };
}

/** Block means, so that neither side exceeds `most`. */
export function shrink(plane: Plane, most: number): Plane {
  const { channels, height, width, values } = plane;
  const step = Math.ceil(Math.max(height, width) / most);
  if (step <= 1) return plane;
  const [h, w] = [Math.ceil(height / step), Math.ceil(width / step)];
  const sums = new Float32Array(channels * h * w);
  const counts = new Float32Array(h * w);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = Math.floor(y / step) * w + Math.floor(x / step);
      counts[at]!++;
      for (let c = 0; c < channels; c++)
        sums[c * h * w + at]! += values[(c * height + y) * width + x]!;
    }
  return { channels, height: h, width: w, values: sums.map((s, i) => s / counts[i % (h * w)]!) };
}

/** Tiles side by side, separated by a white column. */
export function strip(tiles: readonly Tile[]): Tile {
  const height = Math.max(...tiles.map((tile) => tile.height));
  const width = tiles.reduce((sum, tile) => sum + tile.width + 1, -1);
  const rgb = new Float32Array(3 * height * width).fill(1);
  let left = 0;
  for (const tile of tiles) {
    for (let y = 0; y < tile.height; y++)
      rgb.set(
        tile.rgb.subarray(3 * y * tile.width, 3 * (y + 1) * tile.width),
        3 * (y * width + left),
      );
    left += tile.width + 1;
  }
  return { height, width, rgb };
}

/**
 * A sheet of `columns` × `rows` tiles of one size. A column is what one element of the page shows;
 * its row is that of the chosen example, or 0.
 */
export class Sheet {
  readonly id: string;
  readonly #columns: number;
  readonly #rows: number;
  readonly #tiles = new Map<number, Tile>();
  #height = 1;
  #width = 1;

  constructor(id: string, columns: number, rows = 1) {
    this.id = `sheet-${id}`;
    this.#columns = columns;
    this.#rows = rows;
  }

  put(column: number, tile: Tile, row = 0): void {
    this.#tiles.set(column * this.#rows + row, tile);
    this.#height = Math.max(this.#height, tile.height);
    this.#width = Math.max(this.#width, tile.width);
  }

  /** Columns side by side; those that do not fit continue in bands below. */
  get #across(): number {
    return Math.max(1, Math.min(this.#columns, Math.floor(mostSide / this.#width)));
  }
  get #down(): number {
    return Math.ceil(this.#columns / this.#across) * this.#rows;
  }

  /** How many tiles are beside and above each other, for a script that shows a single tile. */
  get grid(): { readonly across: number; readonly down: number } {
    return { across: this.#across, down: this.#down };
  }

  /** The CSS rule by which elements show this sheet. */
  async style(): Promise<string> {
    const [wide, high] = [this.#across * this.#width, this.#down * this.#height];
    const values = new Float32Array(3 * wide * high).fill(1);
    for (const [at, tile] of this.#tiles) {
      const [column, row] = [Math.floor(at / this.#rows), at % this.#rows];
      const left = (column % this.#across) * this.#width;
      const top = (Math.floor(column / this.#across) * this.#rows + row) * this.#height;
      for (let y = 0; y < tile.height; y++)
        for (let x = 0; x < tile.width; x++)
          for (let c = 0; c < 3; c++)
            values[(c * high + top + y) * wide + left + x] =
              tile.rgb[3 * (y * tile.width + x) + c]!;
    }
    const png = await pictureToPng({ channels: 3, height: high, width: wide, values });
    return `.${this.id} { background-image: url(data:image/png;base64,${Buffer.from(png).toString("base64")}); background-size: ${100 * this.#across}% ${100 * this.#down}%; aspect-ratio: ${this.#width} / ${this.#height}; }`;
  }

  /** An element that shows a column. @param label a description in words. @param width CSS. */
  element(column: number, label: string, width: string): string {
    const share = (at: number, of: number) => (of > 1 ? (100 * at) / (of - 1) : 0);
    const band = Math.floor(column / this.#across) * this.#rows;
    const x = `${share(column % this.#across, this.#across).toFixed(4)}%`;
    const step = this.#down > 1 ? 100 / (this.#down - 1) : 0;
    const y =
      this.#rows > 1
        ? `calc((${band} + var(--chosen)) * ${step.toFixed(6)}%)`
        : `${(band * step).toFixed(4)}%`;
    return `<i class="tile ${this.id}" role="img" aria-label="${escapeXml(label)}" style="width:${width};background-position:${x} ${y}"></i>`;
  }
}
