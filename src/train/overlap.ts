import { turn } from "../base/index.ts";

/** An item and the result of the engine's run on it. */
export interface Done<Item, Result> {
  readonly item: Item;
  readonly result: Result;
}

/**
 * Runs `start` on one item after another. The next item is prepared on this thread while the engine
 * works on the current one off it, so that preparing batches overlaps with computation; items
 * prepared by other threads are awaited meanwhile.
 *
 * Between two runs the caller has control: variables are idle and may be read, and nothing is left
 * running when the loop is left.
 */
export async function* overlapped<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  start: (item: Item) => Promise<Result>,
): AsyncGenerator<Done<Item, Result>> {
  const iterator =
    Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let current = await iterator.next();
  while (!current.done) {
    const running = start(current.value);
    running.catch(() => {}); // it may fail while the next item is prepared; it is awaited below
    let next: IteratorResult<Item>;
    let result: Result;
    try {
      await turn(); // signals are delivered only between turns
      next = await iterator.next();
    } finally {
      result = await running;
    }
    yield { item: current.value, result };
    current = next;
  }
}
