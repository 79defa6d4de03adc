let isWanted = false;

/**
 * True while a title is computed: a model then gives its class only, without the modules inside.
 */
export const isTitleWanted = (): boolean => isWanted;

/** The class and sizes of a module, on one line: `Linear 512 → 10`. */
export function titleOf(module: object): string {
  const before = isWanted;
  isWanted = true;
  try {
    return String(module).split("\n", 1)[0]!;
  } finally {
    isWanted = before;
  }
}
