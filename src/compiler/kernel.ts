import { type DType, type Shape, sameShape } from "../base/index.ts";
import type { Strided } from "../graph/index.ts";
import type { Instruction, View } from "../runtime/program.ts";

/**
 * Memory filled by one kernel: a slot of the caller, a range of the arena, or a sub-buffer of
 * another buffer.
 */
export class Buffer {
  readonly dtype: DType;
  /** Elements. */
  readonly size: number;
  /** The external slot, or −1 for the arena. */
  readonly slot: number;
  /** The buffer that this is a sub-buffer of. */
  readonly parent: Buffer | null;
  /**
   * Whether it is a view of elements written through other sub-buffers of its parent, and is never
   * written itself.
   */
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

  /** The outermost buffer, which has memory of its own. */
  get root(): Buffer {
    return this.parent?.root ?? this;
  }
}

interface Kin {
  readonly slot?: number;
  readonly parent?: Buffer | null;
  readonly isView?: boolean;
}

/** The location of a value: a buffer, and offset and strides in elements of its root. */
export interface Location extends Strided {
  readonly buffer: Buffer;
}

/** One or a few instructions that belong together, and the buffers they use. */
export interface Kernel {
  readonly name: string;
  readonly reads: readonly Read[];
  readonly writes: readonly Write[];
  /** The data that can make the kernel fail. */
  readonly check?: Check | undefined;
  /** Called when all buffers have their offsets. */
  readonly emit: (view: (location: Location) => View) => readonly Instruction[];
}

/** Indices that must be below a bound. */
export interface Check {
  readonly location: Location;
  readonly shape: Shape;
  readonly bound: number;
}

/** Whether two checks test the same thing, so that the second cannot fail on equal data. */
export function isSameCheck(a: Check, b: Check): boolean {
  // a stride of 0 repeats the same elements
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
   * are read in another order, so that the same kernel must not overwrite their memory.
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
  /** For output slots: the input slot whose memory it may reuse. */
  readonly aliases: ReadonlyMap<Buffer, Buffer>;
}
