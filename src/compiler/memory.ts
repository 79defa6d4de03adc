import { byteSize } from "../base/index.ts";
import { arenaUnit } from "../runtime/program.ts";
import type { Buffer, Kernel } from "./kernel.ts";

/**
 * When a buffer of the arena is alive: from the kernel that writes it, or the first part of it, to the
 * last that reads it.
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
 * Gives every buffer of the arena its place, and returns the arena's bytes: the largest first, each
 * at the lowest place where it meets no other buffer that is alive at the same time.
 *
 * @see Pisarchyk & Lee 2020, "Efficient memory management for deep neural net inference", §5.2
 */
export function planMemory(kernels: readonly Kernel[]): number {
  const lives = livesOf(kernels).sort((a, b) => bytesOf(b.buffer) - bytesOf(a.buffer));
  const placed: Life[] = [];
  let total = 0;
  for (const life of lives) {
    const bytes = bytesOf(life.buffer);
    const neighbours = placed
      .filter((other) => other.from <= life.to && life.from <= other.to)
      .sort((a, b) => a.buffer.arenaOffset - b.buffer.arenaOffset);
    let at = 0;
    for (const { buffer } of neighbours) {
      if (buffer.arenaOffset - at >= bytes) break;
      at = Math.max(at, buffer.arenaOffset + bytesOf(buffer));
    }
    life.buffer.arenaOffset = at;
    placed.push(life);
    total = Math.max(total, at + bytes);
  }
  return total;
}
