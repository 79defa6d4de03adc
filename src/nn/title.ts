let isWanted = false;

/** True while a title is asked for: a model then says its kind alone, and not what is inside. */
export const isTitleWanted = (): boolean => isWanted;

/** The kind of a module and its sizes, on one line: `Linear 512 → 10`. */
export function titleOf(module: object): string {
  const before = isWanted;
  isWanted = true;
  try {
    return String(module).split("\n", 1)[0]!;
  } finally {
    isWanted = before;
  }
}
