import { ConfigError } from "../base/index.ts";

/** Classes joined in pairs by how often they are confused; a leaf is a class. */
export type ConfusionTree =
  | { readonly class: number }
  | {
      /**
       * How often members of the two parts are confused, averaged over pairs of classes: 0 to 1.
       */
      readonly confusion: number;
      readonly parts: readonly [ConfusionTree, ConfusionTree];
    };

/**
 * The classes of a confusion matrix as a tree: the most often confused classes are joined first, by
 * average linkage over
 *
 *   c(i, j) = (n_ij + n_ji) / (n_i + n_j),   n_ij examples of class i predicted as j, n_i of class i
 *
 * @param matrix counts, rows by true class, columns by predicted class: the result of
 * `confusionMatrix` of `gradus/train`.
 * @throws {ConfigError} unless it is square and has at least two classes.
 * @see Sokal & Michener 1958, "A statistical method for evaluating systematic relationships"
 * @example
 * confusionTree([[8, 2, 0], [2, 8, 0], [0, 0, 9]]);
 * // { confusion: 0, parts: [{ class: 2 }, { confusion: 0.2, parts: [{ class: 0 }, { class: 1 }] }] }
 */
export function confusionTree(matrix: readonly (readonly number[])[]): ConfusionTree {
  const classes = matrix.length;
  if (classes < 2 || matrix.some((row) => row.length !== classes))
    throw new ConfigError({
      subject: "confusionTree",
      problem: `takes a square matrix of two classes or more, got rows of ${matrix.map((row) => row.length).join(", ") || "nothing"}.`,
      fix: "give what confusionMatrix counts.",
    });
  const at = (i: number, j: number) => matrix[i]![j]!;
  const totals = matrix.map((row) => row.reduce((a, b) => a + b, 0));
  const between = (i: number, j: number) => {
    const examples = totals[i]! + totals[j]!;
    return examples > 0 ? (at(i, j) + at(j, i)) / examples : 0;
  };
  let groups: Group[] = totals.map((_, i) => ({ members: [i], tree: { class: i } }));
  while (groups.length > 1) groups = joined(groups, between);
  return groups[0]!.tree;
}

interface Group {
  readonly members: readonly number[];
  readonly tree: ConfusionTree;
}

/** Merges the two most confused groups; on ties the first. */
function joined(groups: readonly Group[], between: (i: number, j: number) => number): Group[] {
  let best = { a: 0, b: 1, confusion: -1 };
  for (let a = 0; a < groups.length; a++)
    for (let b = a + 1; b < groups.length; b++) {
      const pairs = groups[a]!.members.flatMap((i) => groups[b]!.members.map((j) => between(i, j)));
      const confusion = pairs.reduce((x, y) => x + y, 0) / pairs.length;
      if (confusion > best.confusion) best = { a, b, confusion };
    }
  const { a, b, confusion } = best;
  const [one, other] = [groups[a]!, groups[b]!];
  const union: Group = {
    members: [...one.members, ...other.members],
    tree: { confusion, parts: [one.tree, other.tree] },
  };
  return [...groups.filter((_, i) => i !== a && i !== b), union];
}
