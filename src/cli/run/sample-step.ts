import { compileGraph } from "../../compiler/compile-graph.ts";
import { printGraph } from "../../graph/index.ts";
import { crossEntropy } from "../../nn/index.ts";
import { placeholder } from "../../ops/index.ts";
import { printProgram } from "../../runtime/print.ts";
import { Tensor, valueAndGrad } from "../../tensor/index.ts";

/** Sizes that are easy to tell apart in the listing. */
const [examples, features, classes] = [32, 4, 3];

/**
 * One step of softmax regression, θ ← θ − lr ∂L/∂θ, in each form of the compiler, by title: small
 * enough to read in full.
 */
export function sampleStep(): Record<string, string> {
  const input = (shape: number[], dtype: "float32" | "int32" = "float32") =>
    new Tensor(placeholder(shape, dtype));
  const x = input([examples, features]);
  const labels = input([examples], "int32");
  const weight = input([features, classes]);
  const lr = input([]);
  const loss = (w: Tensor) => crossEntropy(x.matmul(w), labels);
  const { value, grads } = valueAndGrad(loss)(weight);
  const inputs = [x, labels, weight, lr].map((t) => t.node);
  const outputs = [value, weight.sub(grads.mul(lr))].map((t) => t.node);
  return {
    "graph of a training step (softmax regression, 4 features, 3 classes, 32 examples)":
      printGraph(outputs),
    "program of it (s0 inputs, s1 labels, s2 weights, s3 learning rate)": printProgram(
      compileGraph(inputs, outputs),
    ),
  };
}
