/** Attributions against captum's on PyTorch nets; the numbers come from tools/fixtures/captum-attributions.py. */
import { readFileSync } from "node:fs";
import { type Tensor, tensor } from "gradus";
import {
  gradCam,
  integratedGradients,
  occlusion,
  projectActivation,
  saliency,
  smoothGrad,
} from "gradus/inspect";
import { Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential, Tanh } from "gradus/nn";
import { describe, expect, test } from "vitest";

const captum = JSON.parse(readFileSync(new URL("captum.json", import.meta.url), "utf8"));

const wave = (shape: readonly number[], scale: number, shift: number): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  const values = Array.from({ length: size }, (_, i) => scale * Math.sin(1.7 * i + shift));
  return tensor(values, "float64").reshape(shape);
};

/** Parameter k is the wave of shift k and scale 0.4. */
function filled(model: Sequential): Sequential {
  Object.values(model.parameters()).forEach((p, k) => {
    p.value = wave(p.shape, 0.4, k);
  });
  return model.eval();
}

const values = (x: Tensor): number[] => Array.from(x.dataSync());

/** Relative to the largest. */
function close(found: Tensor, expected: readonly number[], tolerance = 1e-8): void {
  const most = Math.max(...expected.map(Math.abs));
  expect(found.size).toBe(expected.length);
  const apart = values(found).map((x, i) => Math.abs(x - expected[i]!));
  expect(Math.max(...apart) / most).toBeLessThan(tolerance);
}

const dtype = "float64";
/** captum averages over windows in float32. */
const inFloat32 = 1e-7;

describe("of a convolutional net", () => {
  const { conv } = captum;
  const model = filled(
    new Sequential(
      new Conv2d(2, 3, 3, { dtype }),
      new ReLU(),
      new MaxPool2d(2),
      new Conv2d(3, 4, 2, { dtype }),
      new ReLU(),
      new Flatten(),
      new Linear(64, 5, { dtype }),
    ),
  );
  const images = wave([2, 2, 12, 12], 1, 0.5);
  const { targets: target } = conv;

  test("the nets are the same", () => close(model.forward(images), conv.outputs));
  test("saliency", () => close(saliency(model, images, { target }), conv.saliency));
  test("integrated gradients: captum's 4000 steps come as near as their grid is fine at the kinks", () => {
    const { attributions } = integratedGradients(model, images, { target });
    close(attributions, conv.integratedGradients, 2e-3);
  });
  test("occlusion", () =>
    close(occlusion(model, images, { target, size: 4, stride: 2 }), conv.occlusion, inFloat32));
  test("Grad-CAM, as it is and enlarged", () => {
    const path = "layers.3";
    close(gradCam(model, images, { target, path, resize: false }), conv.gradCam);
    close(gradCam(model, images, { target, path }), conv.gradCamResized);
  });
  test.each(["deconvolution", "guidedBackprop"] as const)(
    "%s: captum's begins with 1 where ours begins with the activation",
    (name) => {
      const method = name === "deconvolution" ? "deconvnet" : "guided";
      const largest = model.forward(images).max({ axis: 1 }).reshape([2, 1, 1, 1]);
      expect(Math.min(...values(largest))).toBeGreaterThan(0);
      close(projectActivation(model, images, { method }).div(largest), conv[name]);
    },
  );
});

describe("of a smooth net on rows", () => {
  const { smooth } = captum;
  const model = filled(
    new Sequential(new Linear(6, 5, { dtype }), new Tanh(), new Linear(5, 3, { dtype })),
  );
  const rows = wave([2, 6], 1, 0.5);

  test("the nets are the same", () => close(model.forward(rows), smooth.outputs));
  test("saliency with its sign", () =>
    close(saliency(model, rows, { target: 2, absolute: false }), smooth.saliency));
  test("integrated gradients from a baseline", () => {
    const options = { target: 1, baseline: wave([1, 6], 0.3, 2), tolerance: 1e-10 };
    close(integratedGradients(model, rows, options).attributions, smooth.integratedGradients);
  });
  test("occlusion", () =>
    close(occlusion(model, rows, { target: 0, size: 2, stride: 1 }), smooth.occlusion, inFloat32));
  test("SmoothGrad: the mean of 200 samples lies within 5 standard errors of that of 20 000", () => {
    const options = { target: 2, samples: 200, noise: 0.3, seed: 1 };
    const mean = values(smoothGrad(model, rows, options));
    mean.forEach((x, i) => {
      const error = Math.sqrt(smooth.variance[i] / 200 + smooth.variance[i] / 20_000);
      expect(Math.abs(x - smooth.smoothGrad[i])).toBeLessThan(5 * error);
    });
    close(smoothGrad(model, rows, { ...options, of: "square" }), smooth.smoothGradSquare, 0.1);
  });
});
