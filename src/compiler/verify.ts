import { byteSize, forEachIndex, InternalError, invariant } from "../base/index.ts";
import type { Fusion } from "./fuse.ts";
import type { Buffer, Kernels, Write } from "./kernel.ts";
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
export function verifyKernels(all: Kernels, inputs: number): void {
  const { kernels, slots, aliases } = all;
  const written = new Set<Buffer>(slots.slice(0, inputs));
  const gone = new Set<Buffer>();
  for (const kernel of kernels) {
    for (const { location } of kernel.reads) {
      invariant(written.has(location.buffer), `${kernel.name} reads what nobody has written`);
      invariant(!gone.has(location.buffer.root), `${kernel.name} reads what was overwritten`);
    }
    for (const { location } of kernel.writes) {
      invariant(!written.has(location.buffer), `${kernel.name} writes a buffer again`);
      written.add(location.buffer);
      const replaced = aliases.get(location.buffer.root);
      if (replaced) gone.add(replaced);
    }
  }
  for (const slot of slots) invariant(written.has(slot), "an output is never written");
  verifyParts(all);
}

/** The parts of a buffer lie in it, and apart from each other. */
function verifyParts({ kernels }: Kernels): void {
  const writes = kernels.flatMap((kernel) => kernel.writes);
  const partsOf = new Map<Buffer, Write[]>();
  for (const write of writes) {
    const { within, shows } = write.location.buffer;
    if (within && !shows) partsOf.set(within, [...(partsOf.get(within) ?? []), write]);
  }
  for (const whole of writes) {
    const parts = partsOf.get(whole.location.buffer);
    if (!parts) continue;
    const free = new Set(elementsOf(whole));
    for (const part of parts)
      for (const element of elementsOf(part))
        invariant(free.delete(element), "a part of a buffer leaves it or meets another part");
  }
}

/** The elements of its root that a kernel fills. */
function elementsOf({ location: { offset, strides }, shape }: Write): number[] {
  const elements: number[] = [];
  forEachIndex(shape, (index) => {
    elements.push(index.reduce((n, at, axis) => n + at * strides[axis]!, offset));
  });
  return elements;
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
