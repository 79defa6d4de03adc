import { Module, type Sequential } from "../nn/index.ts";
import type { Tensor } from "../tensor/index.ts";

/**
 * A feature extractor and a classifier: y = classifier(features(x)). Both names are those of
 * PyTorch's models; they name the part to keep when the task changes: `freeze("features.*")`.
 *
 * @example
 * const model = lenet({ inputShape: [1, 28, 28], classes: 10 }).freeze("features.*");
 * summary(model, [1, 28, 28]).totals.trainable; // 41854
 */
export class ImageClassifier extends Module {
  /** Images `[N, C, H, W]`, or flat ones, to feature maps. */
  readonly features: Sequential;
  /** Feature maps to logits `[N, classes]`. */
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
