import { show } from "../base/index.ts";
import { collect, type Node } from "./node.ts";

const shortDType = { float32: "f32", float64: "f64", int32: "i32", bool: "bool" } as const;

/** One line per node, in topological order: `%3 = matmul %1 %2 : f32[128, 10]`. */
export function printGraph(outputs: readonly Node[]): string {
  const nodes = collect(outputs, (node) => node.storage !== null);
  const names = new Map(nodes.map((node, i) => [node, `%${i}`]));
  const lines = nodes.map((node) => {
    const inputs = node.storage ? [] : node.inputs.map((x) => names.get(x)!);
    const attrs = Object.entries(node.attrs).map(
      ([key, value]) => `${key}=${typeof value === "object" ? show(value) : value}`,
    );
    const call = [node.storage ? "data" : node.op.name, ...inputs, ...attrs].join(" ");
    const size = node.shape.length ? show(node.shape) : "";
    return `${names.get(node)} = ${call} : ${shortDType[node.dtype]}${size}`;
  });
  return [...lines, `return ${outputs.map((x) => names.get(x)!).join(" ")}`].join("\n");
}
