import { type Attr, collect, type Node } from "./node.ts";

const attrKey = (value: Attr): string => {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  return typeof value === "object" ? `[${value.map(attrKey).join()}]` : String(value);
};

/**
 * The op and attributes of a node as text: equal for nodes that compute the same function of their
 * inputs.
 */
export const nodeKey = (node: Node): string => {
  let key = node.op.name;
  for (const name in node.attrs) key += ` ${name}=${attrKey(node.attrs[name]!)}`;
  return key;
};

/** Text that is equal for graphs of the same structure; `inputs` may be any values. */
export function graphKey(inputs: readonly Node[], outputs: readonly Node[]): string {
  const names = new Map(inputs.map((node, i) => [node, i]));
  const parts: string[] = inputs.map((x) => `${x.dtype}[${x.shape.join()}]`);
  for (const node of collect(outputs, (x) => names.has(x))) {
    if (names.has(node)) continue;
    parts.push(`${nodeKey(node)}(${node.inputs.map((x) => names.get(x)).join()})`);
    names.set(node, names.size);
  }
  return `${parts.join(";")}>${outputs.map((y) => names.get(y)).join()}`;
}
