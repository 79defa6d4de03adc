import { type DType, type Shape, sameShape } from "../base/index.ts";
import type { Strided } from "../graph/index.ts";
import type { Instruction, View } from "../runtime/program.ts";

/** Memory that one kernel fills: a slot of the caller, a range of the arena, or a sub-buffer of another buffer. */
export class Buffer {
  readonly dtype: DType;
  /** Elements. */
  readonly size: number;
  /** The external slot, or −1 for the arena. */
  readonly slot: number;
  /** The buffer that this is a sub-buffer of. */
  readonly parent: Buffer | null;
  /** Whether it only shows elements that sub-buffers of its parent fill, and is itself never written. */
  readonly isView: boolean;
  /** Bytes from the start of the arena. */
  arenaOffset = 0;

  constructor(dtype: DType, size: number, { slot = -1, parent = null, isView = false }: Kin = {}) {
    this.dtype = dtype;
    this.size = size;
    this.slot = slot;
    this.parent = parent;
    this.isView = isView;
  }

  /** The buffer that has memory of its own. */
  get root(): Buffer {
    return this.parent?.root ?? this;
  }
}

interface Kin {
  readonly slot?: number;
  readonly parent?: Buffer | null;
  readonly isView?: boolean;
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
  /** Called when all buffers have their offsets. */
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
