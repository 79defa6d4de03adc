#!/usr/bin/env node
/**
 * Compares nets that PyTorch exported with PyTorch: logits, loss, gradients of all parameters, and all
 * parameters after a step of Adam, in float64. tools/torch-nets.py makes the folder.
 *
 *   npm run build && node tools/check-torch-nets.mjs FOLDER
 *
 * Prints, for each file, the largest difference of each kind, divided by the largest magnitude there,
 * at least 1. Fails if one is above 1e-9, or a gradient is missing.
 */
import fs from "node:fs";
import path from "node:path";
import { compile, fromHost } from "gradus";
import { readSafetensors } from "gradus/formats";
import { crossEntropy, valueAndGrad } from "gradus/nn";
import { loadOnnx } from "gradus/onnx";
import { adam, Optimizer } from "gradus/optim";

const bound = 1e-9;
const folder = process.argv[2] ?? ".";

/** @param {ArrayLike<number> | undefined} a @param {ArrayLike<number>} b */
function difference(a, b) {
  if (a?.length !== b.length) return Number.POSITIVE_INFINITY;
  let [off, most] = [0, 1];
  for (let i = 0; i < a.length; i++) {
    off = Math.max(off, Math.abs(Number(a[i]) - Number(b[i])));
    most = Math.max(most, Math.abs(Number(b[i])));
  }
  return off / most;
}

let failures = 0;
for (const file of fs
  .readdirSync(folder)
  .filter((name) => name.endsWith(".onnx"))
  .sort()) {
  const name = file.replace(/-(script|dynamo)\.onnx$/, "");
  const { tensors } = await readSafetensors(path.join(folder, `${name}.safetensors`));
  const array = (/** @type {string} */ key) => {
    const found = tensors.get(key);
    if (!found) throw new Error(`${name}.safetensors has no ${key}`);
    return found;
  };
  const from = (/** @type {string} */ key) => fromHost(array(key));
  const values = (/** @type {string} */ key) => array(key).data;
  try {
    const net = await loadOnnx(path.join(folder, file));
    const logits = net.forward(from("x"));
    const { value, grads } = valueAndGrad(net, () =>
      crossEntropy(net.forward(from("x")), from("labels")),
    )();
    const found = {
      logits: difference(logits.dataSync(), values("logits")),
      loss: difference(value.dataSync(), values("loss")),
    };
    const named = [...tensors.keys()]
      .filter((key) => key.startsWith("grad/"))
      .map((key) => key.slice(5));
    const missing = named.filter((key) => !grads[key]);
    const known = named.filter((key) => grads[key]);
    const worst = (/** @type {(key: string) => number} */ f) => Math.max(0, ...known.map(f));
    const gradient = worst((key) => difference(grads[key]?.dataSync(), values(`grad/${key}`)));
    const optimizer = new Optimizer(net, adam({ eps: 1e-3 }), { lr: 1e-3 });
    await compile(() => {
      optimizer.update(
        valueAndGrad(net, () => crossEntropy(net.forward(from("x")), from("labels")))().grads,
      );
    })();
    const parameters = net.parameters();
    const adamStep = worst((key) =>
      difference(parameters[key]?.value.dataSync(), values(`after/${key}`)),
    );
    const all = { ...found, gradient, adam: adamStep };
    const isFine = missing.length === 0 && Object.values(all).every((x) => x <= bound);
    if (!isFine) failures++;
    const shown = Object.entries(all).map(([kind, x]) => `${kind} ${x.toExponential(1)}`);
    console.log(
      `${isFine ? "ok  " : "FAIL"} ${file}: ${shown.join(", ")}, ${known.length} of ${named.length} parameters${missing.length ? `; missing ${missing.slice(0, 4).join(", ")}; has ${Object.keys(grads).slice(0, 8).join(", ")}` : ""}`,
    );
  } catch (thrown) {
    failures++;
    console.log(`FAIL ${file}: ${thrown instanceof Error ? thrown.message.slice(0, 500) : thrown}`);
  }
}
process.exitCode = failures > 0 ? 1 : 0;
