import { byteSize, forEachIndex, invariant, sameShape } from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import type { Fusion } from "./fuse.ts";
import { type Buffer, type Check, isSameCheck, type Kernels, type Write } from "./kernel.ts";
import { bytesOf, livesOf } from "./memory.ts";

/**
 * Every node is computed at most once, all nodes of a group have one shape, and no path leaves an
 * instruction and returns to it.
 */
export function verifyFusion({ prologues, groups, epilogues, users }: Fusion): void {
  const unitOf = new Map<Node, Node>();
  const claim = (unit: Node, members: Iterable<Node>) => {
    for (const node of members) {
      invariant(!unitOf.has(node), "a node is computed by two kernels");
      unitOf.set(node, unit);
    }
  };
  for (const group of [...groups, ...epilogues.values()])
    for (const node of group.members)
      invariant(sameShape(node.shape, group.shape), "a group mixes shapes");
  for (const [reduction, inside] of prologues) claim(reduction, inside);
  for (const [root, { members }] of epilogues) claim(root, members);
  for (const { members } of groups) claim(members[0]!, members);
  verifyOrder(users, (node) => unitOf.get(node) ?? node);
}

/** The instructions can be ordered so that each finds its inputs computed. */
function verifyOrder(users: Fusion["users"], unitOf: (node: Node) => Node): void {
  const next = new Map<Node, Set<Node>>();
  for (const node of users.keys()) next.set(unitOf(node), new Set());
  for (const [node, targets] of users)
    for (const target of targets)
      if (unitOf(node) !== unitOf(target)) next.get(unitOf(node))!.add(unitOf(target));
  const waits = new Map<Node, number>([...next.keys()].map((unit) => [unit, 0]));
  for (const targets of next.values()) for (const x of targets) waits.set(x, waits.get(x)! + 1);
  const ready = [...next.keys()].filter((unit) => waits.get(unit) === 0);
  for (let unit = ready.pop(); unit; unit = ready.pop()) {
    waits.delete(unit);
    for (const x of next.get(unit)!) {
      waits.set(x, waits.get(x)! - 1);
      if (waits.get(x) === 0) ready.push(x);
    }
  }
  const [left] = waits.keys();
  invariant(!left, `the instruction of ${left?.op.name} and another need each other's results`);
}

/**
 * Every buffer is written once, before it is read; old values are read before they are overwritten,
 * and no kernel can fail after that.
 */
export function verifyKernels(all: Kernels, inputs: number): void {
  const { kernels, slots, aliases } = all;
  const written = new Set<Buffer>(slots.slice(0, inputs));
  const gone = new Set<Buffer>();
  const checked: Check[] = [];
  for (const kernel of kernels) {
    const { check } = kernel;
    const mayFail = check && !checked.some((c) => isSameCheck(c, check));
    if (mayFail) checked.push(check);
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
    invariant(!mayFail || gone.size === 0, `${kernel.name} may fail when an input is overwritten`);
  }
  for (const slot of slots) invariant(written.has(slot), "an output is never written");
  verifySubBuffers(all);
}

/** Sub-buffers lie within their buffer and do not overlap. */
function verifySubBuffers({ kernels }: Kernels): void {
  const writes = kernels.flatMap((kernel) => kernel.writes);
  const subBuffersOf = new Map<Buffer, Write[]>();
  for (const write of writes) {
    const { parent, isView } = write.location.buffer;
    if (parent && !isView) subBuffersOf.set(parent, [...(subBuffersOf.get(parent) ?? []), write]);
  }
  for (const whole of writes) {
    const subBuffers = subBuffersOf.get(whole.location.buffer);
    if (!subBuffers) continue;
    const free = new Set(elementsOf(whole));
    for (const part of subBuffers)
      for (const element of elementsOf(part))
        invariant(free.delete(element), "a sub-buffer leaves its buffer or meets another one");
  }
}

/** The elements of its root buffer that a kernel writes. */
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
