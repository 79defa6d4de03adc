import { byteSize, InternalError, invariant } from "../base/index.ts";
import type { Fusion } from "./fuse.ts";
import type { Buffer, Kernels } from "./kernel.ts";
import { bytesOf, livesOf } from "./memory.ts";

/** Every node is computed in at most one place, and groups keep to one shape. */
export function verifyFusion({ before, groups, after }: Fusion): void {
  const seen = new Set<unknown>();
  const claim = (node: unknown) => {
    if (seen.has(node)) throw new InternalError("a node is computed by two kernels");
    seen.add(node);
  };
  for (const set of before.values()) for (const node of set) claim(node);
  for (const group of [...groups, ...after.values()])
    for (const node of group.members) {
      claim(node);
      invariant(String(node.shape) === String(group.shape), "a group mixes shapes");
    }
}

/** Every buffer is written once, before it is read, and old values are read before they go. */
export function verifyKernels({ kernels, slots, aliases }: Kernels, inputs: number): void {
  const written = new Set<Buffer>(slots.slice(0, inputs));
  const gone = new Set<Buffer>();
  for (const kernel of kernels) {
    for (const { location } of kernel.reads) {
      invariant(written.has(location.buffer), `${kernel.name} reads what nobody has written`);
      invariant(!gone.has(location.buffer), `${kernel.name} reads what was overwritten`);
    }
    for (const { location } of kernel.writes) {
      invariant(!written.has(location.buffer), `${kernel.name} writes a buffer again`);
      written.add(location.buffer);
      const replaced = aliases.get(location.buffer);
      if (replaced) gone.add(replaced);
    }
  }
  for (const slot of slots) invariant(written.has(slot), "an output is never written");
}

/** Buffers that are alive at the same time do not share memory. */
export function verifyMemory({ kernels }: Kernels, arenaBytes: number): void {
  const lives = livesOf(kernels);
  lives.forEach((a, i) => {
    const endA = a.buffer.arenaOffset + bytesOf(a.buffer);
    invariant(endA <= arenaBytes, "a buffer leaves the arena");
    invariant(a.buffer.arenaOffset % byteSize(a.buffer.dtype) === 0, "a buffer is not aligned");
    for (const b of lives.slice(i + 1)) {
      const endB = b.buffer.arenaOffset + bytesOf(b.buffer);
      const apart = endA <= b.buffer.arenaOffset || endB <= a.buffer.arenaOffset;
      invariant(apart || a.to < b.from || b.to < a.from, "two living buffers share memory");
    }
  });
}
