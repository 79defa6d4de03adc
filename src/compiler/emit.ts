import { byteSize } from "../base/index.ts";
import type { Program, View } from "../runtime/program.ts";
import type { Kernels, Location } from "./kernel.ts";

/** Emits the flat program of kernels whose buffers have offsets. */
export function emit(
  { kernels, slots, aliases }: Kernels,
  inputs: number,
  arenaBytes: number,
): Program {
  const view = ({ buffer: { root, dtype }, offset, strides }: Location): View => ({
    buffer: root.slot + 1,
    dtype,
    offset: offset + (root.slot < 0 ? root.arenaOffset / byteSize(dtype) : 0),
    strides,
  });
  return {
    slots: slots.map((slot, i) => ({
      role: i < inputs ? ("input" as const) : ("output" as const),
      dtype: slot.dtype,
      size: slot.size,
      mayAlias: aliases.get(slot)?.slot,
    })),
    arenaBytes,
    instructions: kernels.flatMap((kernel) => kernel.emit(view)),
  };
}
