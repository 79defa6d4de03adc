import { requestedThreads } from "./environment.ts";
import { builtin } from "./node.ts";

/** Memory shared by instances of a module in several threads. */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
}

/** Workers are full JavaScript contexts of some 10 MB each; more are started only on request. */
const usualThreads = 8;
/** As linked by `tools/build-wasm.mjs`: 4 MiB initially, at most the full 32-bit address space. */
const pages = { initial: 64, maximum: 65536 };
/** The stack of each worker in bytes; as large as the calling thread's. */
const stackSize = 2 ** 20;

/** The message to a worker: a module, its memory, and the end of its stack. */
interface Start {
  readonly module: object;
  readonly memory: SharedMemory;
  readonly stack: number;
}

/**
 * The code of a worker. A string, so that it needs no file of its own: bundlers need not find it,
 * and a page may load the library from another origin. The WASI functions are never called there.
 */
const workerSource = `
const start = ({ module, memory, stack }) => {
  const nothing = () => 52;
  const wasi = { clock_time_get: nothing, fd_close: nothing, fd_seek: nothing, fd_write: nothing };
  const { exports } = new WebAssembly.Instance(module, { env: { memory }, wasi_snapshot_preview1: wasi });
  exports.__stack_pointer.value = stack;
  globalThis.postMessage?.("ready");
  try {
    exports.work();
  } catch (error) {
    exports.fail();
    throw error;
  }
};
if (globalThis.process?.getBuiltinModule) start(process.getBuiltinModule("node:worker_threads").workerData);
else globalThis.onmessage = ({ data }) => start(data);
`;

/** The part of a browser's Worker that is used; TypeScript declares it among the DOM only. */
interface BrowserWorker {
  postMessage(message: Start): void;
  onmessage: (() => void) | null;
  onerror: ((event: { preventDefault(): void }) => void) | null;
}
const browser = globalThis as unknown as {
  readonly Worker?: new (url: string) => BrowserWorker;
  readonly crossOriginIsolated?: boolean;
  readonly navigator?: { readonly hardwareConcurrency?: number };
  readonly WebAssembly: { readonly Memory: new (descriptor: object) => SharedMemory };
};

/**
 * How many threads to compute on: `wanted`, else `GRADUS_THREADS`, else those of the processor, at
 * most 8. It is 1 if memory cannot be shared, as in a page that is not cross-origin isolated.
 *
 * @throws {ConfigError} if it is not a whole number between 1 and 256.
 */
export function chooseThreads(wanted?: number): number {
  const chosen = requestedThreads(wanted);
  if (typeof SharedArrayBuffer === "undefined" || browser.crossOriginIsolated === false) return 1;
  if (!builtin && !browser.Worker) return 1;
  return chosen ?? Math.min(processors(), usualThreads);
}

const processors = (): number =>
  builtin
    ? builtin("node:os").availableParallelism()
    : (browser.navigator?.hardwareConcurrency ?? 1);

/** Memory for threads, or undefined if it cannot be reserved. */
export function sharedMemory(): SharedMemory | undefined {
  try {
    return new browser.WebAssembly.Memory({ ...pages, shared: true });
  } catch {
    return undefined;
  }
}

/** Whether this thread may block until others wake it; the main thread of a page may not. */
export function maySleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    return true;
  } catch {
    return false;
  }
}

/** The workers of one memory. They wait there for tasks and keep no process alive. */
export class Workers {
  readonly #module: object;
  readonly #memory: SharedMemory;
  readonly #allocate: (bytes: number) => number;
  /** The workers of a page, which must stay reachable. */
  readonly #held: BrowserWorker[] = [];
  /** The workers that have started or are starting. */
  #count = 0;

  /** @param allocate allocates bytes in the module. */
  constructor(module: object, memory: SharedMemory, allocate: (bytes: number) => number) {
    this.#module = module;
    this.#memory = memory;
    this.#allocate = allocate;
  }

  /**
   * Raises the number of workers to at least `count`, in Node, where they start while the calling
   * thread already computes. A page keeps those that it started with. @returns the number of
   * workers.
   */
  bring(count: number): number {
    while (builtin && this.#count < count && this.#startInNode()) this.#count++;
    return this.#count;
  }

  /** Starts the workers of a page and waits until they are ready. */
  async startInPage(count: number): Promise<void> {
    const url = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
    const came = await Promise.all(Array.from({ length: count }, () => this.#startInPage(url)));
    URL.revokeObjectURL(url);
    this.#count = came.filter(Boolean).length;
  }

  /** Whether a worker starts; `node --permission` may forbid it. */
  #startInNode(): boolean {
    const { Worker } = builtin!("node:worker_threads");
    const workerData = this.#next();
    try {
      const worker = new Worker(workerSource, { eval: true, workerData, execArgv: [], env: {} });
      worker.on("error", () => {}); // a trap in a task stops the calling thread as well
      worker.unref();
      return true;
    } catch {
      return false;
    }
  }

  /** Whether a worker becomes ready; the page's policy may forbid it. */
  #startInPage(url: string): Promise<boolean> {
    return new Promise((resolve) => {
      try {
        const worker = new browser.Worker!(url);
        worker.onmessage = () => resolve(true);
        worker.onerror = (event) => {
          event.preventDefault();
          resolve(false);
        };
        worker.postMessage(this.#next());
        this.#held.push(worker);
      } catch {
        resolve(false);
      }
    });
  }

  #next(): Start {
    const stack = this.#allocate(stackSize) + stackSize;
    return { module: this.#module, memory: this.#memory, stack };
  }
}
