/** Training with few labels: which examples keep theirs. */
import { ConfigError, RandomStream } from "../../base/index.ts";
import { type Split, subset } from "../../data/index.ts";

const stream = 0x6c61_6265;

/**
 * So many examples, decided by the seed: of classes as many of each as can be, of numbers any.
 *
 * @throws {ConfigError} if there are fewer.
 */
export function labelled(split: Split, count: number, seed: number): Split {
  const { size, targets } = split;
  if (count > size)
    throw new ConfigError({
      subject: "data.labels",
      problem: `${count} labels are asked for, and there are ${size} training examples.`,
      fix: `give ${size} or fewer, or leave it out.`,
    });
  const order = [...new RandomStream(seed, stream).permutation(size)];
  if (targets.dtype !== "int32") return subset(split, order.slice(0, count).sort(ascending));
  const turn = new Map<number, number>(); // how many of its class come before an example
  const places = order.map((row) => {
    const label = targets.data[row]!;
    const before = turn.get(label) ?? 0;
    turn.set(label, before + 1);
    return { row, before };
  });
  const chosen = places.sort((a, b) => a.before - b.before).slice(0, count);
  return subset(split, chosen.map(({ row }) => row).sort(ascending));
}

const ascending = (a: number, b: number): number => a - b;
