import { ConfigError } from "./errors.ts";

/**
 * A nested structure of leaves: a leaf, an array or tuple of trees, or a plain object of trees. A
 * class joins in with a method `[treeChildren]()` that returns the fields to walk, and
 * `[treeRebuild](fields)` that builds an instance from mapped fields.
 */
export type Tree<L> = L | readonly Tree<L>[] | { readonly [key: string]: Tree<L> };

/** `T` with every leaf of type `L` replaced by `M`, and everything else unchanged. */
export type MapTree<T, L, M> = T extends L
  ? M
  : T extends (...args: never[]) => unknown
    ? T
    : T extends object
      ? { [K in keyof T]: MapTree<T[K], L, M> }
      : T;

export const treeChildren: unique symbol = Symbol.for("gradus.treeChildren");
export const treeRebuild: unique symbol = Symbol.for("gradus.treeRebuild");

interface Branch {
  [treeChildren](): Record<string, unknown>;
  [treeRebuild](fields: Record<string, unknown>): unknown;
}

const isPlainObject = (x: object): x is Record<string, unknown> => {
  const prototype = Object.getPrototypeOf(x);
  return prototype === Object.prototype || prototype === null;
};

const isBranch = (x: object): x is Branch => treeChildren in x;

/**
 * The deepest nesting allowed; a deeper tree contains itself, or a list that should be a tensor.
 */
const maxDepth = 1000;

/**
 * The fields of a branch of a tree.
 *
 * @throws {ConfigError} for objects that no tree may hold, and below 1000 levels.
 */
export function childrenOf(x: object, path = "", depth = 0): Record<string, unknown> {
  if (depth > maxDepth)
    throw new ConfigError({
      subject: "tree",
      problem: `it is nested deeper than ${maxDepth} levels, or contains itself.`,
      fix: "pass a flat list, or a tensor in place of nested lists.",
    });
  if (isBranch(x)) return x[treeChildren]();
  if (Array.isArray(x) || isPlainObject(x)) return x as Record<string, unknown>;
  const name = path || "the value";
  if (x instanceof Promise)
    throw new ConfigError({
      subject: "tree",
      problem: `${name} is a promise, not what it will give.`,
      fix: "await it: a compiled function returns a promise, its `sync` the result.",
    });
  throw new ConfigError({
    subject: "tree",
    problem: `${name} is a ${x.constructor?.name ?? "object"}, which is neither a leaf nor a plain object or array.`,
    fix: "pass tensors in arrays, plain objects or modules.",
  });
}

export const joinPath = (path: string, key: string | number): string =>
  path === "" ? String(key) : `${path}.${key}`;

/**
 * Maps every leaf, with its dotted path, keeping the structure. `undefined`, `null`, strings,
 * booleans and (unless they are leaves) numbers pass through unchanged.
 */
export function treeMap<T, L, M>(
  tree: T,
  isLeaf: (x: unknown) => x is L,
  f: (leaf: L, path: string) => M,
): MapTree<T, L, M> {
  const map = (x: unknown, path: string, depth: number): unknown => {
    if (isLeaf(x)) return f(x, path);
    if (x === null || typeof x !== "object") return x;
    const fields = childrenOf(x, path, depth);
    if (Array.isArray(fields))
      return fields.map((item, i) => map(item, joinPath(path, i), depth + 1));
    const mapped: Record<string, unknown> = {};
    for (const key of Object.keys(fields))
      mapped[key] = map(fields[key], joinPath(path, key), depth + 1);
    return isBranch(x) ? x[treeRebuild](mapped) : mapped;
  };
  return map(tree, "", 0) as MapTree<T, L, M>;
}

/** The leaves with their paths, in the order of {@link treeMap}. */
export function treeLeaves<L>(
  tree: unknown,
  isLeaf: (x: unknown) => x is L,
): { path: string; leaf: L }[] {
  const leaves: { path: string; leaf: L }[] = [];
  treeMap(tree, isLeaf, (leaf, path) => {
    leaves.push({ path, leaf });
    return leaf;
  });
  return leaves;
}

/** The tree with its leaves, in order, replaced by `leaves`. */
export function treeFill<T, L, M>(
  tree: T,
  isLeaf: (x: unknown) => x is L,
  leaves: readonly M[],
): MapTree<T, L, M> {
  let next = 0;
  return treeMap(tree, isLeaf, () => leaves[next++] as M);
}
