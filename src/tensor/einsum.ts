/** Einstein summation: products and sums over named axes, as batched matrix products. */
import { broadcastShapes, ShapeError, show, sizeOf } from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import * as op from "../ops/index.ts";
import { nodesOf } from "./arguments.ts";
import { arithmetic } from "./promote.ts";
import { Tensor } from "./tensor.ts";

/**
 * A node with a name for each of its axes; those of an ellipsis are "…0", "…1", counted from its
 * end.
 */
interface Named {
  readonly node: Node;
  readonly names: readonly string[];
}

const wrong = (equation: string, problem: string): ShapeError =>
  new ShapeError({
    subject: "einsum",
    problem: `"${equation}": ${problem}`,
    fix: 'name each axis by a letter and operands by commas, as in "bij,bjk->bik".',
  });

/** The names of one term's axes, `rank` of them. */
function namesOf(equation: string, term: string, rank: number): string[] {
  const letters = [...term.replace("...", "…")];
  const others = rank - letters.filter((name) => name !== "…").length;
  const bad = letters.find((name) => !/[A-Za-z…]/.test(name));
  if (bad) throw wrong(equation, `"${bad}" names no axis.`);
  const open = letters.filter((name) => name === "…").length;
  if (open > 1 || others < 0 || (open === 0 && others > 0))
    throw wrong(equation, `"${term}" does not name ${rank} axes.`);
  return letters.flatMap((name) =>
    name === "…" ? Array.from({ length: others }, (_, i) => `…${others - 1 - i}`) : [name],
  );
}

/** How many axes an ellipsis of the term stands for; 0 without one. */
const openAxes = (term: string, rank: number): number =>
  term.includes("...") ? rank - (term.length - 3) : 0;

/**
 * The names of the result: those after the arrow, or all names that occur once, in alphabetical
 * order.
 */
function resultNames(
  equation: string,
  arrow: string | undefined,
  terms: readonly string[],
  open: number,
): string[] {
  if (arrow !== undefined) {
    const names = namesOf(equation, arrow, arrow.replace("...", "").length + open * Number(arrow.includes("..."))); // biome-ignore format: one thought
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice) throw wrong(equation, `the result names "${twice}" twice.`);
    const unknown = names.find((name) => !name.startsWith("…") && !terms.join().includes(name));
    if (unknown) throw wrong(equation, `no operand has the axis "${unknown}" of the result.`);
    return names;
  }
  const all = [...terms.join("").replaceAll(".", "")];
  const single = [...new Set(all)].filter((name) => all.indexOf(name) === all.lastIndexOf(name));
  return [...Array.from({ length: open }, (_, i) => `…${open - 1 - i}`), ...single.sort()];
}

/** An axis that is named twice becomes the diagonal of both. */
function diagonals({ node, names }: Named): Named {
  const second = names.findIndex((name, i) => names.indexOf(name) !== i);
  if (second < 0) return { node, names };
  const first = names.indexOf(names[second]!);
  const n = node.shape[first]!;
  const others = names.flatMap((_, i) => (i === first || i === second ? [] : [i]));
  const lead = others.map((i) => node.shape[i]!);
  const flat = op.reshape(op.permute(node, [...others, first, second]), [...lead, n * n]);
  const diagonal = op.slice(flat, {
    start: flat.shape.map(() => 0),
    size: [...lead, n],
    step: [...lead.map(() => 1), n + 1],
  });
  return diagonals({ node: diagonal, names: [...others.map((i) => names[i]!), names[second]!] });
}

/** Sums over all axes that are not `kept`. */
function summed({ node, names }: Named, kept: ReadonlySet<string>): Named {
  const axes = names.flatMap((name, i) => (kept.has(name) ? [] : [i]));
  if (axes.length === 0) return { node, names };
  return { node: op.sum(node, axes), names: names.filter((name) => kept.has(name)) };
}

const ordered = ({ node, names }: Named, order: readonly string[]): Node =>
  op.permute(
    node,
    order.map((name) => names.indexOf(name)),
  );

/** Both operands as one product, over the axes that both have and nothing later needs. */
function contracted(a: Named, b: Named, kept: ReadonlySet<string>): Named {
  const [own, other] = [
    summed(a, new Set([...kept, ...b.names])),
    summed(b, new Set([...kept, ...a.names])),
  ];
  const shared = own.names.filter((name) => other.names.includes(name));
  const [batch, inner] = [true, false].map((is) => shared.filter((name) => kept.has(name) === is));
  const [rows, columns] = [own, other].map(({ names }) =>
    names.filter((name) => !shared.includes(name)),
  );
  const size = (x: Named, names: readonly string[]) =>
    names.map((name) => x.node.shape[x.names.indexOf(name)]!);
  const [lead, m, k, n] = [
    size(own, batch!),
    size(own, rows!),
    size(own, inner!),
    size(other, columns!),
  ];
  const [depth, ...sizes] = [sizeOf(lead), sizeOf(m), sizeOf(k), sizeOf(n)] as const;
  const left = op.reshape(ordered(own, [...batch!, ...rows!, ...inner!]), [depth, sizes[0]!, sizes[1]!]); // biome-ignore format: beside the next
  const right = op.reshape(ordered(other, [...batch!, ...inner!, ...columns!]), [depth, sizes[1]!, sizes[2]!]); // biome-ignore format: beside the last
  return {
    node: op.reshape(op.matmul(left, right), [...lead, ...m, ...n]),
    names: [...batch!, ...rows!, ...columns!],
  };
}

/** Broadcasts every axis to the size that its name has elsewhere. */
function stretched(equation: string, operands: readonly Named[]): Named[] {
  const sizes = new Map<string, number>();
  for (const { node, names } of operands)
    names.forEach((name, i) => {
      const [before, n] = [sizes.get(name) ?? 1, node.shape[i]!];
      if (before !== n && before !== 1 && n !== 1)
        throw wrong(equation, `axis "${name}" is ${before} and ${n}, in ${operands.map((x) => show(x.node.shape)).join(" and ")}.`); // biome-ignore format: a message
      sizes.set(name, before === 1 ? n : before);
    });
  return operands.map(({ node, names }) => ({
    node: op.broadcastTo(
      node,
      names.map((name) => sizes.get(name)!),
    ),
    names,
  }));
}

/**
 * Sums of products over named axes, in NumPy's notation:
 *
 *   einsum("ij,jk->ik", [a, b])[i, k] = Σⱼ a[i, j] · b[j, k]
 *
 * A name missing from the result is summed over; a name that occurs twice in a term takes the
 * diagonal; `...` stands for any further axes, which broadcast. Without an arrow the result has the
 * names that occur once, in alphabetical order. Operands are multiplied two at a time from left to
 * right, each pair as one batched matrix product.
 *
 * @param equation names of axes, one letter each. @param operands one per term.
 * @returns the axes named after the arrow.
 * @throws {ShapeError} for an invalid equation, or one that does not fit the operands.
 * @see Harris et al. 2020, "Array programming with NumPy"; `numpy.einsum`
 * @example
 * const [a, b] = [tensor([[1, 2], [3, 4]]), tensor([[1, 0], [1, 1]])];
 * einsum("ij,jk->ik", [a, b]).toArray(); // [[3, 2], [7, 4]]
 * einsum("ii", [a]).item(); // 5
 * einsum("i,j->ij", [tensor([1, 2]), tensor([1, 10])]).toArray(); // [[1, 10], [2, 20]]
 */
export function einsum(equation: string, operands: readonly Tensor[]): Tensor {
  const given = nodesOf("einsum", operands);
  const dtype = arithmetic(given);
  const [left = "", arrow, ...more] = String(equation).replaceAll(" ", "").split("->");
  const terms = left.split(",");
  if (more.length > 0 || terms.length !== given.length)
    throw wrong(equation, `${terms.length} terms for ${given.length} operands.`);
  const named = terms.map((term, i): Named => {
    const node = op.cast(given[i]!, dtype);
    return { node, names: namesOf(equation, term, node.shape.length) };
  });
  broadcastShapes(
    "einsum",
    terms.map((term, i) => {
      const names = named[i]!.names;
      return term.includes("...")
        ? given[i]!.shape.filter((_, a) => names[a]!.startsWith("…"))
        : [];
    }),
  );
  const open = Math.max(...terms.map((term, i) => openAxes(term, given[i]!.shape.length)));
  const result = resultNames(equation, arrow, terms, open);
  const queue = stretched(equation, named).map(diagonals);
  let total = queue.shift()!;
  while (queue.length > 0) {
    const next = queue.shift()!;
    total = contracted(total, next, new Set([...result, ...queue.flatMap((x) => x.names)]));
  }
  total = summed(total, new Set(result));
  const missing = result.filter((name) => !total.names.includes(name)); // an ellipsis of no operand
  return new Tensor(
    ordered(
      total,
      result.filter((name) => !missing.includes(name)),
    ),
  );
}
