/**
 * The worker thread: receives batches one by one and sends them back transformed, without copying.
 */
import { parentPort } from "node:worker_threads";
import type { TypedArray } from "../../base/index.ts";
import { applyAll, type Work } from "./apply.ts";
import type { Transform } from "./transforms.ts";

/** A batch with its number. */
export interface Job {
  readonly id: number;
  readonly transforms: readonly Transform[];
  readonly work: Work;
}

/** The result: the transformed values, or an error. */
export type Answer =
  | {
      readonly id: number;
      readonly inputs: Float32Array;
      readonly targets: TypedArray;
    }
  | { readonly id: number; readonly error: string };

parentPort?.on("message", ({ id, transforms, work }: Job) => {
  try {
    const targets = applyAll(transforms, work);
    const answer: Answer = { id, inputs: work.inputs, targets };
    const buffers = [work.inputs.buffer as ArrayBuffer, targets.buffer as ArrayBuffer];
    parentPort!.postMessage(answer, buffers);
  } catch (thrown) {
    const error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    parentPort!.postMessage({ id, error } satisfies Answer);
  }
});
