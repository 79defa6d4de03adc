import { byteSize } from "../base/index.ts";
import { arenaUnit } from "../runtime/program.ts";
import type { Buffer, Kernel } from "./kernel.ts";

/**
 * When an arena buffer is alive: from the kernel that writes it (or its first part) to the last
 * kernel that reads it.
 */
export interface Life {
  readonly buffer: Buffer;
  readonly from: number;
  to: number;
}

export const bytesOf = (buffer: Buffer): number =>
  Math.ceil((buffer.size * byteSize(buffer.dtype)) / arenaUnit) * arenaUnit;

export function livesOf(kernels: readonly Kernel[]): Life[] {
  const lives = new Map<Buffer, Life>();
  kernels.forEach((kernel, at) => {
    for (const { location } of kernel.writes) {
      const buffer = location.buffer.root;
      if (buffer.slot < 0 && !lives.has(buffer)) lives.set(buffer, { buffer, from: at, to: at });
    }
    for (const { location } of [...kernel.reads, ...kernel.writes]) {
      const life = lives.get(location.buffer.root);
      if (life) life.to = at;
    }
  });
  return [...lives.values()];
}

/**
 * Gives every arena buffer an offset and returns the arena's size in bytes: the largest buffer
 * first, each at the lowest offset where it overlaps no other buffer that is alive at the same
 * time.
 *
 * @see Pisarchyk & Lee 2020, "Efficient memory management for deep neural net inference", §5.2
 */
export function planMemory(kernels: readonly Kernel[]): number {
  const lives = livesOf(kernels).sort((a, b) => bytesOf(b.buffer) - bytesOf(a.buffer));
  const placed: Place[] = []; // by start: the search ends at the first gap
  let total = 0;
  for (const { buffer, from, to } of lives) {
    const bytes = bytesOf(buffer);
    let begin = 0;
    for (const other of placed) {
      if (other.from > to || from > other.to) continue;
      if (other.begin - begin >= bytes) break;
      if (other.end > begin) begin = other.end;
    }
    buffer.arenaOffset = begin;
    const end = begin + bytes;
    placed.splice(indexOf(placed, begin), 0, { from, to, begin, end });
    if (end > total) total = end;
  }
  return total;
}

/** A range of bytes in the arena, occupied from one kernel to another. */
interface Place {
  readonly from: number;
  readonly to: number;
  readonly begin: number;
  readonly end: number;
}

/** How many ranges start before `begin`. */
function indexOf(placed: readonly Place[], begin: number): number {
  let [low, high] = [0, placed.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (placed[middle]!.begin < begin) low = middle + 1;
    else high = middle;
  }
  return low;
}
