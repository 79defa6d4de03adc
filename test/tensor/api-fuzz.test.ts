import { realizeSync, setEngine, type Tensor } from "gradus";
import { describe, test } from "vitest";
import { GradusError, InternalError, RandomStream } from "../../src/base/index.ts";
import { printGraph } from "../../src/graph/index.ts";
import { evaluate } from "../../src/runtime/reference.ts";
import { compile } from "../../src/tensor/index.ts";
import { calls, Draw } from "../support/api-calls.ts";
import { expectClose } from "../support/compare.ts";
import { engines } from "../support/engines.ts";

/**
 * Cases of each call: few of the same ones every time; `GRADUS_FUZZ=1000` looks at so many new ones
 * from `GRADUS_SEED` on, or from the clock.
 */
const count = Number(process.env.GRADUS_FUZZ ?? 12);
const first = Number(process.env.GRADUS_SEED ?? (process.env.GRADUS_FUZZ ? Date.now() % 1e9 : 0));

/** A call's results, or the library's own error, which says what operands it does not take. */
function attempt(f: () => Tensor | readonly Tensor[]): readonly Tensor[] | GradusError {
  try {
    return [f()].flat() as Tensor[];
  } catch (error) {
    if (error instanceof GradusError && !(error instanceof InternalError)) return error;
    throw error;
  }
}

function check(name: string, seed: number): void {
  const { make, float32, float64 } = calls.get(name)!;
  const draw = new Draw(new RandomStream(seed, 17));
  const results = attempt(() => make(draw));
  if (results instanceof GradusError) return;
  const nodes = results.map((x) => x.node);
  const what = `${name}, seed ${seed}\n${printGraph(nodes)}\n`;
  const want = evaluate(nodes, (leaf) => leaf.storage!.read());
  const again = () => [make(new Draw(new RandomStream(seed, 17)))].flat() as Tensor[];
  const together = compile(again).sync();
  realizeSync(nodes);
  results.forEach((x, i) => {
    const bound = x.dtype === "float32" ? float32 : x.dtype === "float64" ? float64 : 0;
    expectClose(`${what}read, result ${i}`, x.dataSync(), want[i]!, bound);
    const { dtype, shape } = together[i]!;
    if (dtype !== x.dtype || String(shape) !== String(x.shape))
      throw new Error(`${what}compiled: ${dtype} [${shape}], read: ${x.dtype} [${x.shape}]`);
    expectClose(`${what}compiled, result ${i}`, together[i]!.dataSync(), want[i]!, bound);
  });
}

describe.each(engines)("%s: random calls agree with the reference", (engine) => {
  test.each([...calls.keys()])("%s", (name) => {
    setEngine(engine);
    for (let seed = first; seed < first + count; seed++) check(name, seed);
  });
});
