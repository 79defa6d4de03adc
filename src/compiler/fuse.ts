import { sameShape } from "../base/index.ts";
import { collect, type Node } from "../graph/index.ts";
import { loweringOf } from "../ops/index.ts";

/** Elementwise nodes of one shape, computed by one instruction. */
export interface Group {
  readonly members: Node[];
  readonly shape: readonly number[];
}

/** Which nodes share an instruction. */
export interface Fusion {
  /** All nodes in topological order. */
  readonly nodes: readonly Node[];
  readonly users: ReadonlyMap<Node, readonly Node[]>;
  /**
   * By reduction: the elementwise nodes fused before it, computed on the elements that it reads.
   */
  readonly prologues: ReadonlyMap<Node, ReadonlySet<Node>>;
  /** Groups without a root, as map instructions. */
  readonly groups: readonly Group[];
  /** By fusion root (a reduction, product or convolution): the group computed on its results before they are stored. */
  readonly epilogues: ReadonlyMap<Node, Group>;
}

/** A longer expression needs more block registers than fit in L1. */
const maxGroup = 48;

const isMap = (node: Node) => loweringOf(node).kind === "map";
const isInline = (node: Node) => {
  const { kind } = loweringOf(node);
  return kind === "constant" || kind === "index";
};
/** Ops whose instruction takes an expression as epilogue. */
const takesEpilogue = (node: Node) => {
  const { kind } = loweringOf(node);
  return kind === "fused" || kind === "reduce";
};

export function fuse(inputs: readonly Node[], outputs: readonly Node[]): Fusion {
  const isInput = new Set(inputs);
  const nodes = collect(outputs, (x) => isInput.has(x));
  const users = usersOf(nodes, isInput);
  const isOutput = new Set(outputs);
  const prologues = prologuesOf(nodes, users, isOutput);
  const inlined = new Set([...prologues.values()].flatMap((set) => [...set]));
  const level = levelsOf(nodes, isInput, users, isOutput);
  const maps = nodes.filter((n) => isMap(n) && !isInput.has(n) && !inlined.has(n));
  const groups = groupsOf(maps, level);
  const roots = new Roots(level);
  const rootless = groups.flatMap((group) => (roots.take(group) ? [] : cut(group)));
  return { nodes, users, prologues, groups: rootless, epilogues: roots.epilogues };
}

function usersOf(nodes: readonly Node[], isInput: ReadonlySet<Node>): Map<Node, Node[]> {
  const users = new Map<Node, Node[]>(nodes.map((n) => [n, []]));
  for (const node of nodes)
    if (!isInput.has(node)) for (const x of new Set(node.inputs)) users.get(x)!.push(node);
  return users;
}

/**
 * For each reduction, the elementwise nodes used by nothing else, directly or through each other.
 */
function prologuesOf(
  nodes: readonly Node[],
  users: ReadonlyMap<Node, readonly Node[]>,
  isOutput: ReadonlySet<Node>,
): Map<Node, Set<Node>> {
  const result = new Map<Node, Set<Node>>();
  for (const reduction of nodes) {
    if (loweringOf(reduction).kind !== "reduce") continue;
    const inside = new Set<Node>();
    const waiting = [...reduction.inputs];
    for (let x = waiting.pop(); x; x = waiting.pop()) {
      if (!isMap(x) || isOutput.has(x) || inside.size >= maxGroup) continue;
      if (!users.get(x)!.every((user) => user === reduction || inside.has(user))) continue;
      inside.add(x);
      for (const input of x.inputs) waiting.push(input);
    }
    result.set(reduction, inside);
  }
  return result;
}

/**
 * Assigns levels such that nodes of one level can share an instruction: every node that is not
 * elementwise is one level above its inputs, so no path leaves a level and returns to it.
 * Elementwise nodes take the highest level that their users allow, which is the level of those
 * users.
 */
function levelsOf(
  nodes: readonly Node[],
  isInput: ReadonlySet<Node>,
  users: ReadonlyMap<Node, readonly Node[]>,
  isOutput: ReadonlySet<Node>,
): Map<Node, number> {
  const earliest = new Map<Node, number>();
  for (const node of nodes) {
    if (isInput.has(node) || isInline(node)) {
      earliest.set(node, 0);
      continue;
    }
    const above = node.inputs.reduce((most, x) => Math.max(most, earliest.get(x)!), 0);
    const viewOfInput = loweringOf(node).kind === "view" && above === 0 && !isMap(node.inputs[0]!);
    earliest.set(node, isMap(node) || viewOfInput ? above : above + 1);
  }
  const level = new Map(earliest);
  for (const node of [...nodes].reverse()) {
    if (!isMap(node) || isInput.has(node)) continue;
    const bounds = users
      .get(node)!
      .map((user) => (isMap(user) ? level.get(user)! : earliest.get(user)! - 1));
    // an output without users is computed as early as possible
    if (bounds.length > 0)
      level.set(
        node,
        bounds.reduce((a, b) => Math.min(a, b)),
      );
    else if (isOutput.has(node)) level.set(node, earliest.get(node)!);
  }
  return level;
}

/** Connected elementwise nodes of one level and shape. */
function groupsOf(maps: readonly Node[], level: ReadonlyMap<Node, number>): Group[] {
  const groupOf = new Map<Node, Group>();
  const groups = new Set<Group>();
  const fits = (a: Node, b: Node) => level.get(a) === level.get(b) && sameShape(a.shape, b.shape);
  for (const node of maps) {
    const near = new Set<Group>();
    for (const x of node.inputs) {
      const group = groupOf.get(x);
      if (group && fits(x, node)) near.add(group);
    }
    const [home = { members: [], shape: node.shape }, ...others] = near;
    for (const other of others) {
      for (const member of other.members) groupOf.set(member, home);
      for (const member of other.members) home.members.push(member);
      groups.delete(other);
    }
    home.members.push(node);
    groupOf.set(node, home);
    groups.add(home);
  }
  for (const group of groups) group.members.sort((a, b) => a.id - b.id);
  return [...groups];
}

/**
 * Finds a fusion root for each group: an input of the group's level and shape whose instruction
 * computes the group while its results are still in registers. Roots of one level depend on each
 * other only through the other inputs of their groups; a root that would then depend on itself is
 * not taken.
 */
class Roots {
  readonly epilogues = new Map<Node, Group>();
  readonly #level: ReadonlyMap<Node, number>;
  /** The nodes of the same level that a root's group reads, besides the root. */
  readonly #reads = new Map<Node, readonly Node[]>();

  constructor(level: ReadonlyMap<Node, number>) {
    this.#level = level;
  }

  /** Whether the group found a root. Products and convolutions are tried before reductions. */
  take(group: Group): boolean {
    if (group.members.length > maxGroup) return false;
    const here = this.#level.get(group.members[0]!);
    const inputs = new Set(group.members.flatMap((n) => n.inputs));
    const ofLevel = [...inputs].filter((x) => !isMap(x) && this.#level.get(x) === here);
    const isFree = (x: Node) =>
      takesEpilogue(x) && !this.epilogues.has(x) && sameShape(x.shape, group.shape);
    const rank = (x: Node) => (loweringOf(x).kind === "fused" ? 1 : 0);
    const others = (root: Node) => ofLevel.filter((x) => x !== root);
    const root = ofLevel
      .filter(isFree)
      .sort((a, b) => rank(b) - rank(a) || b.id - a.id)
      .find((x) => !others(x).some((other) => this.#needs(other, x)));
    if (!root) return false;
    this.epilogues.set(root, group);
    this.#reads.set(root, others(root));
    return true;
  }

  /** Whether the instruction of `x`, with its group, depends on that of `other`. */
  #needs(x: Node, other: Node): boolean {
    const seen = new Set<Node>();
    const stack = [x];
    for (let node = stack.pop(); node; node = stack.pop()) {
      if (node === other) return true;
      if (seen.has(node)) continue;
      seen.add(node);
      for (const read of this.#reads.get(node) ?? []) stack.push(read);
    }
    return false;
  }
}

/** Cuts a group that is too long into parts, in topological order. */
function cut(group: Group): Group[] {
  const parts: Group[] = [];
  for (let i = 0; i < group.members.length; i += maxGroup)
    parts.push({ shape: group.shape, members: group.members.slice(i, i + maxGroup) });
  return parts;
}
