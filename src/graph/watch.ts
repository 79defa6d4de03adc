/** What keeps its history while it is watched: a node. */
interface Watched {
  readonly watches: readonly Watch[];
  /** Lets go of the history. */
  forget(): void;
}

/**
 * A transform at work. While it is active, nodes that depend on its variables keep their history even
 * when their values become known; after `release` they let go of it, so that a training loop does not
 * hold on to all of its past.
 */
export class Watch {
  #active = true;
  #kept: Watched[] = [];

  get active(): boolean {
    return this.#active;
  }

  /** Notes a node that has a value and would have no history but for this watch. */
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
