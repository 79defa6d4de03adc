/**
 * Moves a bias and a ReLU from the expression behind a product or convolution into its instruction.
 */
import type { Node } from "../graph/index.ts";
import { elementwiseOps, loweringOf, reluInput } from "../ops/index.ts";
import type { Fusion } from "./fuse.ts";
import type { Location } from "./kernel.ts";

export interface Activation {
  /** Where the bias lies, over the shape of the root. */
  readonly bias?: Location;
  readonly relu: boolean;
  /**
   * The node whose values the instruction then computes; the rest of the group is computed from
   * them.
   */
  readonly result: Node;
}

interface Kernel {
  readonly root: Node;
  /** The nodes computed from the results of the root. */
  readonly group: ReadonlySet<Node>;
  /** Every node that the kernel stores. */
  readonly stored: readonly Node[];
  readonly users: Fusion["users"];
  readonly locate: (node: Node) => Location;
}

/**
 * The bias and the ReLU that directly follow a fusion root, if nothing else needs the values before
 * them.
 */
export function activationOf(kernel: Kernel): Activation {
  const { root, group, stored, users } = kernel;
  if (loweringOf(root).kind !== "fused") return { relu: false, result: root };
  /** The users of a value if all of them belong to the group; else none. */
  const usersIn = (node: Node): readonly Node[] => {
    const all = users.get(node)!;
    return stored.includes(node) || !all.every((user) => group.has(user)) ? [] : all;
  };
  const [sum, ...others] = usersIn(root);
  const bias = sum && others.length === 0 ? biasIn(sum, kernel) : undefined;
  const before = bias ? sum! : root;
  const rectified = usersIn(before).find((user) => reluInput(user) === before);
  const condition = rectified?.inputs[0];
  const relu =
    rectified !== undefined &&
    usersIn(before).every((user) => user === rectified || user === condition) &&
    usersIn(condition!).length === 1;
  return { ...(bias && { bias }), relu, result: relu ? rectified : before };
}

/** b of root + b, if b is one number per channel. */
function biasIn(sum: Node, { root, group, locate }: Kernel): Location | undefined {
  const lower = loweringOf(root);
  const [bias] = sum.inputs.filter((x) => x !== root);
  if (sum.op !== elementwiseOps.add || !bias || group.has(bias) || lower.kind !== "fused")
    return undefined;
  const { kind } = loweringOf(bias);
  if (kind === "constant" || kind === "index") return undefined;
  const location = locate(bias);
  const channels = lower.channels(root.shape.length);
  // a stride along an axis of size 1 is never used
  const strides = location.strides.map((step, axis) => (root.shape[axis] === 1 ? 0 : step));
  const isBias = strides.every((step, axis) => step === 0 || channels.includes(axis));
  return isBias ? { ...location, strides } : undefined;
}
