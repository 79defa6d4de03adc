/** The generic checks of the op sweep, for a function of tensors that is composed of ops. */
import { type DType, RandomStream, type Shape, sizeOf } from "../../src/base/index.ts";
import type { Node } from "../../src/graph/index.ts";
import { placeholder } from "../../src/ops/index.ts";
import { setEngine, Tensor } from "../../src/tensor/index.ts";
import { engines } from "./engines.ts";
import type { CaseInput } from "./op-cases.ts";
import { checkEngine, checkRules, draw, engineLeaf } from "./op-sweep.ts";

type Function = (...x: Tensor[]) => Tensor;
type MakeLeaf = (shape: Shape, dtype: DType, values: Float64Array) => Node;

function build(f: Function, inputs: readonly CaseInput[], dtype: DType, makeLeaf: MakeLeaf) {
  const random = new RandomStream(inputs.length, 3);
  const values = new Map<Node, Float64Array>();
  const leaves = inputs.map((input) => {
    const type = input.dtype ?? dtype;
    const data = draw(input, type, sizeOf(input.shape), random);
    const leaf = makeLeaf(input.shape, type, data);
    values.set(leaf, data);
    return leaf;
  });
  return { leaves, values, y: f(...leaves.map((x) => new Tensor(x))).node };
}

/**
 * Both modes of differentiation against differences, to second order, in float64; then on every engine the
 * value and these derivatives are the reference engine's, in every dtype of `dtypes`.
 */
export function checkComposition(
  what: string,
  f: Function,
  inputs: readonly CaseInput[],
  dtypes: readonly DType[] = ["float32", "float64"],
): void {
  checkRules(true, build(f, inputs, "float64", placeholder), what);
  for (const engine of engines) {
    setEngine(engine);
    for (const dtype of dtypes)
      checkEngine(true, build(f, inputs, dtype, engineLeaf), `${engine} ${dtype} ${what}`);
  }
}
