import { ConfigError } from "./errors.ts";

/**
 * A nested record of leaves: a leaf, an array or tuple of trees, or a plain object of trees. An
 * object of a class joins in by a method `[treeChildren]()` that returns its fields to walk, and
 * `[treeRebuild](fields)` that makes its like from mapped ones.
 */
export type Tree<L> = L | readonly Tree<L>[] | { readonly [key: string]: Tree<L> };

/** `T` with every leaf of type `L` replaced by `M`, and all else kept. */
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

/** The fields of a branch of a tree. @throws {ConfigError} for objects that no tree may hold. */
export function childrenOf(x: object, path = ""): Record<string, unknown> {
  if (isBranch(x)) return x[treeChildren]();
  if (isPlainObject(x)) return x;
  throw new ConfigError({
    subject: "tree",
    problem: `${path || "the value"} is a ${x.constructor?.name ?? "object"}, which is neither a leaf nor a plain object or array.`,
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
  path = "",
): MapTree<T, L, M> {
  type Result = MapTree<T, L, M>;
  if (isLeaf(tree)) return f(tree, path) as Result;
  if (tree === null || typeof tree !== "object") return tree as Result;
  if (Array.isArray(tree))
    return tree.map((x, i) => treeMap(x, isLeaf, f, joinPath(path, i))) as Result;
  const fields = mapFields(childrenOf(tree, path), isLeaf, f, path);
  return (isBranch(tree) ? tree[treeRebuild](fields) : fields) as Result;
}

function mapFields<L, M>(
  fields: Record<string, unknown>,
  isLeaf: (x: unknown) => x is L,
  f: (leaf: L, path: string) => M,
  path: string,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(fields))
    result[key] = treeMap(fields[key], isLeaf, f, joinPath(path, key));
  return result;
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
