import { sameShape } from "../base/index.ts";
import { collect, type Node } from "../graph/index.ts";
import { loweringOf } from "../ops/index.ts";

/** Elementwise nodes of one shape that one instruction computes. */
export interface Group {
  readonly members: Node[];
  readonly shape: readonly number[];
}

/** Which nodes share an instruction. */
export interface Fusion {
  /** All nodes in topological order. */
  readonly nodes: readonly Node[];
  readonly users: ReadonlyMap<Node, readonly Node[]>;
  /** Elementwise nodes computed inside the reduction that alone uses them. */
  readonly before: ReadonlyMap<Node, ReadonlySet<Node>>;
  /** Groups that stand alone, as map instructions. */
  readonly groups: readonly Group[];
  /** Groups computed on the results of a reduction, product or convolution before they are stored. */
  readonly after: ReadonlyMap<Node, Group>;
}

/** A longer expression needs more block registers than the first-level cache holds. */
const maxGroup = 48;

const isMap = (node: Node) => loweringOf(node).kind === "map";
const isInline = (node: Node) => {
  const { kind } = loweringOf(node);
  return kind === "constant" || kind === "index";
};
/** Ops whose instruction takes an expression after it. */
const takesEpilogue = (node: Node) => {
  const { kind } = loweringOf(node);
  return kind === "fused" || kind === "reduce";
};

export function fuse(inputs: readonly Node[], outputs: readonly Node[]): Fusion {
  const given = new Set(inputs);
  const nodes = collect(outputs, (x) => given.has(x));
  const users = usersOf(nodes, given);
  const wanted = new Set(outputs);
  const before = insideReductions(nodes, users, wanted);
  const inlined = new Set([...before.values()].flatMap((set) => [...set]));
  const level = levelsOf(nodes, given, users, wanted);
  const maps = nodes.filter((n) => isMap(n) && !given.has(n) && !inlined.has(n));
  const groups = groupsOf(maps, level);
  const hosts = new Hosts(level);
  const alone = groups.flatMap((group) => (hosts.take(group) ? [] : cut(group)));
  return { nodes, users, before, groups: alone, after: hosts.after };
}

function usersOf(nodes: readonly Node[], given: ReadonlySet<Node>): Map<Node, Node[]> {
  const users = new Map<Node, Node[]>(nodes.map((n) => [n, []]));
  for (const node of nodes)
    if (!given.has(node)) for (const x of new Set(node.inputs)) users.get(x)!.push(node);
  return users;
}

/** For each reduction, the elementwise nodes that nothing else uses, directly or through each other. */
function insideReductions(
  nodes: readonly Node[],
  users: ReadonlyMap<Node, readonly Node[]>,
  wanted: ReadonlySet<Node>,
): Map<Node, Set<Node>> {
  const result = new Map<Node, Set<Node>>();
  for (const reduction of nodes) {
    if (loweringOf(reduction).kind !== "reduce") continue;
    const inside = new Set<Node>();
    const waiting = [...reduction.inputs];
    for (let x = waiting.pop(); x; x = waiting.pop()) {
      if (!isMap(x) || wanted.has(x) || inside.size >= maxGroup) continue;
      if (!users.get(x)!.every((user) => user === reduction || inside.has(user))) continue;
      inside.add(x);
      for (const input of x.inputs) waiting.push(input);
    }
    result.set(reduction, inside);
  }
  return result;
}

/**
 * Levels such that nodes of one level can share an instruction: whatever is not elementwise stands
 * one level above its inputs, so no path leaves a level and comes back to it. Elementwise nodes
 * wait as long as their users allow, which brings them next to those users.
 */
function levelsOf(
  nodes: readonly Node[],
  given: ReadonlySet<Node>,
  users: ReadonlyMap<Node, readonly Node[]>,
  wanted: ReadonlySet<Node>,
): Map<Node, number> {
  const earliest = new Map<Node, number>();
  for (const node of nodes) {
    if (given.has(node) || isInline(node)) {
      earliest.set(node, 0);
      continue;
    }
    const above = node.inputs.reduce((most, x) => Math.max(most, earliest.get(x)!), 0);
    const viewOfInput = loweringOf(node).kind === "view" && above === 0 && !isMap(node.inputs[0]!);
    earliest.set(node, isMap(node) || viewOfInput ? above : above + 1);
  }
  const level = new Map(earliest);
  for (const node of [...nodes].reverse()) {
    if (!isMap(node) || given.has(node)) continue;
    const bounds = users
      .get(node)!
      .map((user) => (isMap(user) ? level.get(user)! : earliest.get(user)! - 1));
    // a result without users is wanted as soon as it can be had
    if (bounds.length > 0)
      level.set(
        node,
        bounds.reduce((a, b) => Math.min(a, b)),
      );
    else if (wanted.has(node)) level.set(node, earliest.get(node)!);
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
 * Finds each group the instruction whose results it is computed on while they are still in registers:
 * one of its inputs, of its own level and shape. Of the instructions of a level none needs another,
 * so the only paths between them are those that their groups make: one from each other input of the
 * level to the host. A host that such a path would lead back to is not taken.
 */
class Hosts {
  readonly after = new Map<Node, Group>();
  readonly #level: ReadonlyMap<Node, number>;
  /** What the group on the results of a host reads of its level. */
  readonly #reads = new Map<Node, readonly Node[]>();

  constructor(level: ReadonlyMap<Node, number>) {
    this.#level = level;
  }

  /** Whether the group now runs behind a host. Products and convolutions come before reductions. */
  take(group: Group): boolean {
    if (group.members.length > maxGroup) return false;
    const here = this.#level.get(group.members[0]!);
    const inputs = new Set(group.members.flatMap((n) => n.inputs));
    const ofLevel = [...inputs].filter((x) => !isMap(x) && this.#level.get(x) === here);
    const isAble = (x: Node) =>
      takesEpilogue(x) && !this.after.has(x) && sameShape(x.shape, group.shape);
    const rank = (x: Node) => (loweringOf(x).kind === "fused" ? 1 : 0);
    const others = (host: Node) => ofLevel.filter((x) => x !== host);
    const host = ofLevel
      .filter(isAble)
      .sort((a, b) => rank(b) - rank(a) || b.id - a.id)
      .find((x) => !others(x).some((other) => this.#needs(other, x)));
    if (!host) return false;
    this.after.set(host, group);
    this.#reads.set(host, others(host));
    return true;
  }

  /** Whether the instruction of `x`, with its group, needs that of `other`. */
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
