/** ONNX Runtime, inference only, from a file that `onnx-file.mjs` writes by hand. */
import { createRequire } from "node:module";
import { serve } from "../lib/serve.mjs";
import { onnxModel } from "./onnx-file.mjs";

/** By a name that the type checker does not follow: the package may be missing. @type {(name: string) => any} */
const load = createRequire(import.meta.url);

await serve(async (task, tensors, threads) => {
  if (task.kind !== "infer") throw new Error("it does not train");
  const ort = load("onnxruntime-node");
  const { version } = load("onnxruntime-node/package.json");
  const model = onnxModel(task, tensors);
  const x = /** @type {import("../lib/data.mjs").HostArray} */ (tensors.x);
  const feeds = { x: new ort.Tensor("float32", x.data, x.shape) };
  const make = async () => {
    const session = await ort.InferenceSession.create(model, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: "all",
    });
    return {
      name: "all optimisations",
      step: () => session.run(feeds),
      read: (/** @type {any} */ { y }) =>
        y.data.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0),
    };
  };
  return { versions: { onnxruntime: version }, variants: [make] };
});
