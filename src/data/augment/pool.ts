import type { Worker } from "node:worker_threads";
import { InternalError, type TypedArray } from "../../base/index.ts";
import { applyAll, type Work } from "./apply.ts";
import type { Transform } from "./transforms.ts";
import type { Answer, Job } from "./worker.ts";

/** The transformed values of a batch. */
export interface Changed {
  readonly inputs: Float32Array;
  readonly targets: TypedArray;
}

interface Waiting {
  readonly resolve: (changed: Changed) => void;
  readonly reject: (error: Error) => void;
}

/** One thread with its pending jobs. An idle one does not keep the process alive. */
class Thread {
  readonly worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #failed: Error | undefined;

  constructor(worker: Worker) {
    this.worker = worker;
    worker.unref();
    worker.on("message", (answer: Answer) => {
      const waiting = this.#take(answer.id);
      if ("error" in answer) waiting?.reject(failure(answer.error));
      else waiting?.resolve(answer);
    });
    worker.on("error", (error) => this.#fail(failure(String(error))));
    worker.on("exit", () => this.#fail(failure("it ended")));
  }

  get load(): number {
    return this.#waiting.size;
  }

  get isAlive(): boolean {
    return this.#failed === undefined;
  }

  run(job: Job): Promise<Changed> {
    const { inputs, targets } = job.work;
    return new Promise((resolve, reject) => {
      if (this.#failed) return reject(this.#failed);
      this.#waiting.set(job.id, { resolve, reject });
      this.worker.ref();
      const buffers = [inputs.buffer as ArrayBuffer, targets.buffer as ArrayBuffer];
      this.worker.postMessage(job, buffers);
    });
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.load === 0) this.worker.unref();
    return waiting;
  }

  #fail(error: Error): void {
    this.#failed ??= error;
    for (const id of [...this.#waiting.keys()]) this.#take(id)?.reject(this.#failed);
  }
}

const failure = (why: string): Error =>
  new InternalError(`a thread that augments data failed: ${why}`);

/** Threads that apply transforms; each job goes to the least busy one. */
export class Pool {
  readonly #size: number;
  #threads: Promise<readonly Thread[]> | undefined;
  #jobs = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Transforms a batch; its buffers are transferred and unusable after the call. */
  async run(transforms: readonly Transform[], work: Work): Promise<Changed> {
    this.#threads ??= startThreads(this.#size);
    let threads = await this.#threads;
    if (threads.some((thread) => !thread.isAlive)) {
      this.#threads = startThreads(this.#size);
      threads = await this.#threads;
    }
    const [first, ...others] = threads;
    if (!first) return { inputs: work.inputs, targets: applyAll(transforms, work) };
    const thread = others.reduce((a, b) => (b.load < a.load ? b : a), first);
    return thread.run({ id: this.#jobs++, transforms, work });
  }

  async close(): Promise<void> {
    const threads = (await this.#threads) ?? [];
    this.#threads = undefined;
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
  }
}

/** None if a thread cannot run our file: in browsers, and for TypeScript in an older Node. */
async function startThreads(size: number): Promise<readonly Thread[]> {
  const isTypeScript = import.meta.url.endsWith(".ts");
  const features = globalThis.process?.features as { typescript?: unknown } | undefined;
  if (size === 0 || !features || (isTypeScript && !features.typescript)) return [];
  const { Worker } = await import("node:worker_threads");
  // tools/bundle.mjs puts the built worker beside the bundle that contains this file.
  const file = new URL(isTypeScript ? "./worker.ts" : "./worker.js", import.meta.url);
  // The flags of this process (such as --input-type) do not apply to the worker's file.
  return Array.from({ length: size }, () => new Thread(new Worker(file, { execArgv: [] })));
}
