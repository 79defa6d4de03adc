/**
 * Nets that PyTorch exported, by tracing and by Dynamo, and what PyTorch computes in float64. The files
 * are of tools/torch-nets.py; tools/check-torch-nets.mjs compares convolutional nets, too.
 */

import { fromHost } from "gradus";
import { readSafetensors } from "gradus/formats";
import { crossEntropy, valueAndGrad } from "gradus/nn";
import { loadOnnx } from "gradus/onnx";
import { adam, Optimizer } from "gradus/optim";
import { expect, test } from "vitest";
import { expectClose } from "../support/compare.ts";

const folder = "test/onnx/torch";

test.each(["gru-script", "gru-dynamo", "transformer-script"])(
  "%s: outputs, gradients and an Adam step are PyTorch's",
  async (name) => {
    const file = `${folder}/${name.replace(/-.*/, "")}.safetensors`;
    const { tensors } = await readSafetensors(file);
    const [x, labels] = [fromHost(tensors.get("x")!), fromHost(tensors.get("labels")!)];
    const net = await loadOnnx(`${folder}/${name}.onnx`);
    expectClose("logits", net.forward(x).flatten().dataSync(), tensors.get("logits")!.data, 1e-12);
    const { grads } = valueAndGrad(net, () => crossEntropy(net.forward(x), labels))();
    new Optimizer(net, adam({ eps: 1e-3 }), { lr: 1e-3 }).update(grads);
    const names = [...tensors.keys()].filter((key) => key.startsWith("grad/"));
    expect(names.length).toBeGreaterThan(5);
    for (const key of names) {
      const path = key.slice(5);
      expectClose(path, grads[path]!.flatten().dataSync(), tensors.get(key)!.data, 1e-12);
      const after = net.parameters()[path]!.value.flatten().dataSync();
      expectClose(path, after, tensors.get(`after/${path}`)!.data, 1e-12);
    }
  },
);
