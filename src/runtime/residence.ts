import type { EncodedProgram } from "./program.ts";

/** So many programs are loaded at a time. Those of a training are a few; a search may make thousands. */
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
 * The programs that are loaded into an engine. JavaScript's collector does not see how much a program
 * holds there, and says that one is dead only when the event loop turns; a loop that makes ever new
 * programs and never waits would fill the memory with dead ones. So beyond a number those that were not
 * used for longest are unloaded, dead or alive: a live one is loaded again when it next runs.
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

  /** Programs that are loaded now. */
  get size(): number {
    return this.#loaded.size;
  }

  /** Loads a program. */
  admit(encoded: EncodedProgram): Resident<Handle> {
    const program = new Resident<Handle>(encoded);
    this.handleOf(program);
    return program;
  }

  /** Lets the program go as soon as `owner` is known to be dead. */
  follow(owner: object, program: Resident<Handle>): void {
    this.#registry.register(owner, program);
  }

  /** The program's handle, of which the next call of this may be the end. */
  handleOf(program: Resident<Handle>): Handle {
    program.used = ++this.#clock;
    if (program.handle !== null) return program.handle;
    if (this.#loaded.size >= mostLoaded) this.#makeRoom();
    program.handle = this.#load(program.encoded);
    this.#loaded.add(program);
    return program.handle;
  }

  /** Unloads a quarter at once, so that looking for the oldest is seldom. */
  #makeRoom(): void {
    const oldest = [...this.#loaded].sort((a, b) => a.used - b.used).slice(0, mostLoaded / 4);
    for (const program of oldest) this.#leave(program);
  }

  #leave(program: Resident<Handle>): void {
    if (program.handle === null) return;
    this.#unload(program.handle);
    program.handle = null;
    this.#loaded.delete(program);
  }
}
