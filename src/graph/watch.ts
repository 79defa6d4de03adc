/** An object that keeps its history while it is watched: a node. */
interface Watched {
  readonly watches: readonly Watch[];
  /** Drops the history. */
  forget(): void;
}

/**
 * A running transform. While it is active, nodes that depend on its variables keep their history
 * even when their values become known; `release` drops it, so that a training loop does not retain
 * its entire past.
 */
export class Watch {
  #active = true;
  #kept: Watched[] = [];

  get active(): boolean {
    return this.#active;
  }

  /** Registers a node that has a value and keeps its history only because of this watch. */
  keep(node: Watched): void {
    this.#kept.push(node);
  }

  release(): void {
    this.#active = false;
    for (const node of this.#kept) node.forget();
    this.#kept = [];
  }
}

const none: readonly Watch[] = [];

/** The active watches of the inputs, each once; nodes with the same watches share the list. */
export function watchesOf(
  inputs: readonly Pick<Watched, "watches">[],
  own: Watch | null,
): readonly Watch[] {
  let all = own ? [own] : none;
  for (const { watches } of inputs) {
    if (watches === all) continue;
    const more = watches.filter((w) => w.active && !all.includes(w));
    if (more.length === 0) continue;
    all = all.length === 0 && more.length === watches.length ? watches : [...all, ...more];
  }
  return all;
}
