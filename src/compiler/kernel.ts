import { type DType, type Shape, sameShape } from "../base/index.ts";
import type { Strided } from "../graph/index.ts";
import type { Instruction, View } from "../runtime/program.ts";

/**
 * A piece of memory that one kernel fills: a slot of the caller, a place in the arena, or some of the
 * elements of another buffer, which is whole when all its parts are filled.
 */
export class Buffer {
  readonly dtype: DType;
  /** Elements. */
  readonly size: number;
  /** The external slot, or −1 for the arena. */
  readonly slot: number;
  /** The buffer that this one is a part of. */
  readonly within: Buffer | null;
  /** Whether it is nothing but other parts of that buffer, which others fill. */
  readonly shows: boolean;
  /** Bytes from the start of the arena. */
  arenaOffset = 0;

  constructor(dtype: DType, size: number, { slot = -1, within = null, shows = false }: Home = {}) {
    this.dtype = dtype;
    this.size = size;
    this.slot = slot;
    this.within = within;
    this.shows = shows;
  }

  /** The buffer that has memory of its own. */
  get root(): Buffer {
    return this.within?.root ?? this;
  }
}

interface Home {
  readonly slot?: number;
  readonly within?: Buffer | null;
  readonly shows?: boolean;
}

/** Where a value lies: a buffer, and offset and strides in elements of its root. */
export interface Location extends Strided {
  readonly buffer: Buffer;
}

/** One or a few instructions that belong together, and the buffers they touch. */
export interface Kernel {
  readonly name: string;
  readonly reads: readonly Read[];
  readonly writes: readonly Write[];
  /** The data that may make the kernel fail. */
  readonly check?: Check | undefined;
  /** Made once all buffers have their places. */
  readonly emit: (view: (location: Location) => View) => readonly Instruction[];
}

/** Indices that must lie below a bound. */
export interface Check {
  readonly location: Location;
  readonly shape: Shape;
  readonly bound: number;
}

/** Whether two checks find the same: then the second, of equal data, cannot fail. */
export function isSameCheck(a: Check, b: Check): boolean {
  // a step of 0 shows the same elements again
  const steps = ({ location: { strides }, shape }: Check) =>
    strides.flatMap((step, axis) => (step === 0 || shape[axis] === 1 ? [] : [step, shape[axis]!]));
  return (
    a.bound === b.bound &&
    a.location.buffer === b.location.buffer &&
    a.location.offset === b.location.offset &&
    sameShape(steps(a), steps(b))
  );
}

export interface Read {
  readonly location: Location;
  /**
   * The shape over which it is read in step with the stores, element by element; null if elements
   * are read in another order, so that their memory must not be written by the same kernel.
   */
  readonly inStep: Shape | null;
}

export interface Write {
  readonly location: Location;
  readonly shape: Shape;
}

/** Kernels in an order that respects what they read and write. */
export interface Kernels {
  readonly kernels: readonly Kernel[];
  /** All buffers, slots first. */
  readonly slots: readonly Buffer[];
  /** For output slots: the input slot whose memory it may take. */
  readonly aliases: ReadonlyMap<Buffer, Buffer>;
}
