import { expect, test } from "vitest";
import { jvp, vjp } from "../../src/autodiff/index.ts";
import { collect, type Node } from "../../src/graph/index.ts";
import { add, filled, matmul, mul, placeholder, sum, tanh } from "../../src/ops/index.ts";

const count = (outputs: readonly (Node | null)[]) =>
  collect(
    outputs.filter((n): n is Node => n !== null),
    () => false,
  ).length;

/** A stack of `depth` layers, its loss, and its weights. */
function network(depth: number, width = 4) {
  const weights = Array.from({ length: depth }, () => placeholder([width, width], "float32"));
  let h = placeholder([2, width], "float32");
  for (const w of weights) h = tanh(matmul(h, w));
  return { weights, loss: sum(mul(h, h), [0, 1]) };
}

/** Each is a + b·depth exactly: the first differences are all the same. */
function expectLinear(counts: readonly number[]): void {
  const differences = counts.slice(1).map((n, i) => n - counts[i]!);
  expect(new Set(differences).size).toBe(1);
  expect(differences[0]).toBeGreaterThan(0);
}

const depths = [1, 2, 3, 4, 5, 6, 7, 8].map((k) => 4 * k);

test("the nodes of a gradient are linear in depth, exactly, and do not depend on width (D2)", () => {
  const gradient = (depth: number, width?: number) => {
    const { weights, loss } = network(depth, width);
    return count([loss, ...vjp([loss], [filled(1, loss)], weights)]);
  };
  expectLinear(depths.map((d) => count([network(d).loss])));
  expectLinear(depths.map((d) => gradient(d)));
  expect(gradient(8, 64)).toBe(gradient(8, 4));
  // a small multiple of the forward pass (Griewank & Walther 2008, §4.6, in operations: 5)
  expect(gradient(64) / count([network(64).loss])).toBeLessThan(5);
});

test("so are those of a tangent, and of a Hessian-vector product", () => {
  const twice = (depth: number) => {
    const { weights, loss } = network(depth);
    const bars = vjp([loss], [filled(1, loss)], weights);
    const directions = weights.map((w) => filled(0.5, w));
    const dots = jvp(bars as Node[], weights, directions);
    return [count([loss, ...jvp([loss], weights, directions)]), count([loss, ...bars, ...dots])];
  };
  const counts = depths.map(twice);
  expectLinear(counts.map(([tangent]) => tangent!));
  expectLinear(counts.map(([, product]) => product!));
});

test("a graph with 2ⁿ paths has a gradient of O(n) nodes", () => {
  const doubled = (n: number) => {
    const x = placeholder([], "float64");
    let y = x;
    for (let i = 0; i < n; i++) y = add(y, y);
    return count(vjp([y], [filled(1, y)], [x]));
  };
  expectLinear([10, 20, 30, 40, 50].map(doubled));
  expect(doubled(2000)).toBeLessThan(5000);
});

test("a chain of 20 000 nodes neither overflows the stack nor takes quadratic time", () => {
  const x = placeholder([], "float64");
  let y = x;
  for (let i = 0; i < 20_000; i++) y = tanh(y);
  expect(count(vjp([y], [filled(1, y)], [x]))).toBeGreaterThan(20_000);
  expect(count(jvp([y], [x], [filled(1, x)]))).toBeGreaterThan(20_000);
});
