import { requestedThreads } from "./environment.ts";
import { builtin } from "./node.ts";

/** Memory that instances of a module in several threads share. */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
}

/** Workers are whole JavaScript contexts, of some 10 MB each: more come only when asked for. */
const usualThreads = 8;
/** As linked by `tools/build-wasm.mjs`: 4 MiB at first, at most all that 32-bit addresses reach. */
const pages = { initial: 64, maximum: 65536 };
/** Of each worker, in bytes; as large as the calling thread's. */
const stackSize = 2 ** 20;

/** What a worker is sent: a module, its memory, and the end of its stack. */
interface Start {
  readonly module: object;
  readonly memory: SharedMemory;
  readonly stack: number;
}

/**
 * What a worker runs. A text, so that it needs no file of its own: no bundler has to find it, and a page
 * may take the library from another origin. The module asks WASI for nothing there.
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
 * How many threads to compute on: `wanted`, or `GRADUS_THREADS`, or the processor's, at most 8. It is 1
 * where memory cannot be shared: in a page that is not cross-origin isolated.
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

/** Memory for threads, or undefined where so much cannot be set aside. */
export function sharedMemory(): SharedMemory | undefined {
  try {
    return new browser.WebAssembly.Memory({ ...pages, shared: true });
  } catch {
    return undefined;
  }
}

/** Whether this thread may sleep until others wake it: not the main thread of a page. */
export function maySleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    return true;
  } catch {
    return false;
  }
}

/** The workers of one memory. They wait there for tasks, and keep no process alive. */
export class Workers {
  readonly #module: object;
  readonly #memory: SharedMemory;
  readonly #allocate: (bytes: number) => number;
  /** Those of a page, which nothing else may hold. */
  readonly #held: BrowserWorker[] = [];
  /** Those that have come, or will. */
  #count = 0;

  /** @param allocate memory of so many bytes in the module. */
  constructor(module: object, memory: SharedMemory, allocate: (bytes: number) => number) {
    this.#module = module;
    this.#memory = memory;
    this.#allocate = allocate;
  }

  /**
   * Makes them `count` at least, in Node, where they come while the calling thread already computes. A
   * page has those that it started with. @returns how many there are.
   */
  bring(count: number): number {
    while (builtin && this.#count < count && this.#startInNode()) this.#count++;
    return this.#count;
  }

  /** Starts them in a page, and waits until they have come. */
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
      worker.on("error", () => {}); // a task that stopped stops the calling thread, too
      worker.unref();
      return true;
    } catch {
      return false;
    }
  }

  /** Whether a worker comes; the page's policy may forbid it. */
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
