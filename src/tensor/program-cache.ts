/** The most programs in one cache. */
export const maxPrograms = 256;

/** Programs by key; beyond a limit, the least recently used one is dropped. */
export class ProgramCache<T> {
  readonly #programs = new Map<string, T>();

  get size(): number {
    return this.#programs.size;
  }

  /** The program under `key`, created if missing. */
  get(key: string, make: () => T): T {
    const known = this.#programs.get(key);
    const program = known ?? make();
    if (known !== undefined) this.#programs.delete(key);
    this.#programs.set(key, program);
    if (this.#programs.size > maxPrograms)
      this.#programs.delete(this.#programs.keys().next().value!);
    return program;
  }
}
