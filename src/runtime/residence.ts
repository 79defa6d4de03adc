import type { EncodedProgram } from "./encode.ts";

/**
 * The most programs that are loaded at a time. A training needs a few; a search may create
 * thousands.
 */
const mostLoaded = 512;

/** A program that an engine can load again. */
export class Resident<Handle> {
  readonly encoded: EncodedProgram;
  /** Null while it is not loaded. */
  handle: Handle | null = null;
  /** When it was used last. */
  used = 0;

  constructor(encoded: EncodedProgram) {
    this.encoded = encoded;
  }
}

/**
 * The programs loaded into an engine. JavaScript's collector does not see the memory of a loaded
 * program and reports dead ones only when the event loop turns, so a loop that creates programs
 * without ever waiting would fill the memory with dead ones. Beyond a limit, the least recently
 * used programs are therefore unloaded, dead or alive; a live one is loaded again when it next
 * runs.
 */
export class Residence<Handle> {
  readonly #load: (encoded: EncodedProgram) => Handle;
  readonly #unload: (handle: Handle) => void;
  readonly #loaded = new Set<Resident<Handle>>();
  readonly #registry = new FinalizationRegistry<Resident<Handle>>((program) =>
    this.#leave(program),
  );
  #clock = 0;

  constructor(load: (encoded: EncodedProgram) => Handle, unload: (handle: Handle) => void) {
    this.#load = load;
    this.#unload = unload;
  }

  /** The currently loaded programs. */
  get size(): number {
    return this.#loaded.size;
  }

  /**
   * The program's handle; a later call may unload it. It is also unloaded as soon as `owner`, which
   * runs it, is known to be dead.
   */
  handleOf(program: Resident<Handle>, owner: object): Handle {
    program.used = ++this.#clock;
    if (program.handle !== null) return program.handle;
    if (this.#loaded.size >= mostLoaded) this.#makeRoom();
    program.handle = this.#load(program.encoded);
    this.#loaded.add(program);
    this.#registry.register(owner, program, program);
    return program.handle;
  }

  /** Unloads a quarter at once, so that the oldest are seldom searched for. */
  #makeRoom(): void {
    const oldest = [...this.#loaded].sort((a, b) => a.used - b.used).slice(0, mostLoaded / 4);
    for (const program of oldest) this.#leave(program);
  }

  #leave(program: Resident<Handle>): void {
    if (program.handle === null) return;
    this.#unload(program.handle);
    program.handle = null;
    this.#loaded.delete(program);
    // The registry would keep the program of a dead owner until the event loop turns.
    this.#registry.unregister(program);
  }
}
