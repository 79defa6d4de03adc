import { Module, type Sequential } from "../nn/index.ts";
import type { Tensor } from "../tensor/index.ts";

/**
 * What sees, and what decides: y = classifier(features(x)). The two names are those of PyTorch's
 * models, so that the part to keep when a task changes has a name: `freeze("features.*")`.
 *
 * @example
 * const model = lenet({ inputShape: [1, 28, 28], classes: 10 }).freeze("features.*");
 * summary(model, [1, 28, 28]).totals.trainable; // 41854
 */
export class ImageClassifier extends Module {
  /** Images `[N, C, H, W]`, or flat ones, to maps. */
  readonly features: Sequential;
  /** Maps to logits `[N, classes]`. */
  readonly classifier: Sequential;

  constructor(features: Sequential, classifier: Sequential) {
    super();
    this.features = features;
    this.classifier = classifier;
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x));
  }
}
