import { sameShape } from "../base/index.ts";
import { type Buffer, isSameCheck, type Kernel, type Kernels } from "./kernel.ts";
import { bytesOf } from "./memory.ts";

/**
 * Memory-aware scheduling. An output reuses the memory of the input that it replaces: kernels that
 * still read the input run first, and so do kernels that can fail, because a failed run must leave
 * its inputs unchanged. If no order allows this, the output gets memory of its own. Kernels that
 * free more memory than they need run early.
 *
 * @param updates pairs (input slot, output slot) where the second replaces the first
 */
export function schedule(
  kernels: readonly Kernel[],
  slots: readonly Buffer[],
  updates: readonly (readonly [Buffer, Buffer])[],
): Kernels {
  const order = new Ordering(kernels);
  const aliases = new Map<Buffer, Buffer>();
  const checking = firstChecks(kernels);
  for (const [from, to] of updates) {
    if (from.size !== to.size || from.dtype !== to.dtype) continue;
    const writers = kernels.filter((k) => k.writes.some((w) => fills(w.location.buffer, to)));
    const reading = kernels.filter((k) => k.reads.some((r) => r.location.buffer.root === from));
    const readers = reading.filter((k) => !writers.includes(k));
    const [writer] = writers;
    // a buffer written in parts may no longer be read once the first part is written
    const inStep = writers.length === 1 && readsInStep(writer!, from, to);
    if (!writer || (!inStep && readers.length < reading.length)) continue;
    const first = [...readers, ...checking];
    // a kernel that reads both the new and the old value cannot run before a writer
    const later = order.from(writers);
    if (first.some((kernel) => later.has(kernel))) continue;
    for (const kernel of first) for (const w of writers) order.before(kernel, w);
    aliases.set(to, from);
  }
  return { kernels: order.memoryAware(), slots, aliases };
}

/** Kernels that can fail; one for each set that checks the same indices. */
function firstChecks(kernels: readonly Kernel[]): Kernel[] {
  const found: Kernel[] = [];
  for (const kernel of kernels)
    if (kernel.check && !found.some(({ check }) => isSameCheck(check!, kernel.check!)))
      found.push(kernel);
  return found;
}

/**
 * Results up to this size, such as scalars and sums over channels, are too small to delay a kernel
 * for.
 */
const negligibleBytes = 4096;

/** The arena memory that is read or written. */
const arenaOf = (accesses: Kernel["reads"] | Kernel["writes"]): Buffer[] => [
  ...new Set(accesses.map(({ location }) => location.buffer.root).filter(({ slot }) => slot < 0)),
];

const bytesIn = (buffers: readonly Buffer[]): number =>
  buffers.reduce((sum, buffer) => sum + bytesOf(buffer), 0);

function usersOf(kernels: readonly Kernel[]): Map<Buffer, Kernel[]> {
  const users = new Map<Buffer, Kernel[]>();
  for (const kernel of kernels)
    for (const buffer of new Set([...arenaOf(kernel.writes), ...arenaOf(kernel.reads)])) {
      const known = users.get(buffer);
      if (known) known.push(kernel);
      else users.set(buffer, [kernel]);
    }
  return users;
}

const fills = (buffer: Buffer, whole: Buffer): boolean => buffer.root === whole && !buffer.isView;

/** Whether the kernel reads from `from` only those elements of `to` that it is about to write. */
function readsInStep(kernel: Kernel, from: Buffer, to: Buffer): boolean {
  const target = kernel.writes.find((w) => w.location.buffer === to)!.location;
  return kernel.reads
    .filter((r) => r.location.buffer.root === from)
    .every(
      ({ location, inStep }) =>
        inStep !== null &&
        location.offset === target.offset &&
        sameShape(location.strides, target.strides),
    );
}

/** Kernels with "runs before" edges; ties keep the original order. */
class Ordering {
  readonly #kernels: readonly Kernel[];
  readonly #next = new Map<Kernel, Set<Kernel>>();

  constructor(kernels: readonly Kernel[]) {
    this.#kernels = kernels;
    const writerOf = new Map<Buffer, Kernel>();
    for (const kernel of kernels) {
      this.#next.set(kernel, new Set());
      for (const { location } of kernel.writes) writerOf.set(location.buffer, kernel);
    }
    for (const kernel of kernels)
      for (const { location } of kernel.reads) {
        const writer = writerOf.get(location.buffer);
        if (writer && writer !== kernel) this.before(writer, kernel);
      }
  }

  before(first: Kernel, second: Kernel): void {
    this.#next.get(first)!.add(second);
  }

  /** The kernels, and all that depend on one of them. */
  from(kernels: readonly Kernel[]): ReadonlySet<Kernel> {
    const seen = new Set<Kernel>();
    const stack = [...kernels];
    for (let kernel = stack.pop(); kernel; kernel = stack.pop()) {
      if (seen.has(kernel)) continue;
      seen.add(kernel);
      for (const next of this.#next.get(kernel)!) stack.push(next);
    }
    return seen;
  }

  /**
   * The sorted order, except that kernels that free more memory than they need run as early as
   * possible: right after everything they depend on and all other readers of that memory.
   */
  memoryAware(): Kernel[] {
    const kernels = this.sorted();
    const users = usersOf(kernels);
    const waitsFor = new Map<Kernel, Kernel[]>(kernels.map((k) => [k, []]));
    for (const [kernel, targets] of this.#next)
      for (const target of targets) waitsFor.get(target)!.push(kernel);
    const positions = new Map<Kernel, number>();
    const step = 1 / (2 * kernels.length);
    kernels.forEach((kernel, i) => {
      const freed = arenaOf(kernel.reads).filter((buffer) => users.get(buffer)!.at(-1) === kernel);
      const bounds = [...waitsFor.get(kernel)!, ...freed.flatMap((buffer) => users.get(buffer)!)];
      const freesMemory = bytesIn(freed) + negligibleBytes > bytesIn(arenaOf(kernel.writes));
      const last = bounds.reduce((at, k) => Math.max(at, positions.get(k) ?? at), -1);
      positions.set(kernel, freesMemory ? last + step : i);
    });
    return kernels.sort((a, b) => positions.get(a)! - positions.get(b)!);
  }

  /** Kahn's algorithm, always taking the ready kernel that came first. */
  sorted(): Kernel[] {
    const position = new Map(this.#kernels.map((k, i) => [k, i]));
    const waitingFor = new Map<Kernel, number>(this.#kernels.map((k) => [k, 0]));
    for (const targets of this.#next.values())
      for (const kernel of targets) waitingFor.set(kernel, waitingFor.get(kernel)! + 1);
    const ready = new Positions();
    this.#kernels.forEach((kernel, i) => {
      if (waitingFor.get(kernel) === 0) ready.add(i);
    });
    const result: Kernel[] = [];
    while (ready.size > 0) {
      const kernel = this.#kernels[ready.takeFirst()]!;
      result.push(kernel);
      for (const target of this.#next.get(kernel)!) {
        const left = waitingFor.get(target)! - 1;
        waitingFor.set(target, left);
        if (left === 0) ready.add(position.get(target)!);
      }
    }
    return result;
  }
}

/** A binary min-heap of numbers. */
class Positions {
  readonly #heap: number[] = [];

  get size(): number {
    return this.#heap.length;
  }

  add(x: number): void {
    const heap = this.#heap;
    let at = heap.push(x) - 1;
    for (let up = (at - 1) >> 1; at > 0 && heap[up]! > x; up = (at - 1) >> 1) {
      heap[at] = heap[up]!;
      at = up;
    }
    heap[at] = x;
  }

  takeFirst(): number {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    let at = 0;
    for (let down = 1; down < heap.length; down = 2 * at + 1) {
      if (down + 1 < heap.length && heap[down + 1]! < heap[down]!) down++;
      if (heap[down]! >= last) break;
      heap[at] = heap[down]!;
      at = down;
    }
    if (heap.length > 0) heap[at] = last;
    return first;
  }
}
