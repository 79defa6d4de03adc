/** Data for autoencoders: the examples are their own targets. */
import type { HostArray } from "../../base/index.ts";
import type { Split } from "../../data/index.ts";
import { isAutoencoder } from "../../models/index.ts";
import { reconstruction } from "../../train/index.ts";
import type { Parts } from "./readers/reader.ts";

/** Examples that are their own targets, with the labels in the data. */
interface SelfTaught extends Split {
  readonly labels: HostArray;
}

const selfTaught = ({ inputs, targets }: Split): SelfTaught => ({
  ...reconstruction(inputs),
  labels: targets,
});

/** Data as the model of this name needs them. */
export const asLearned = <P extends Parts>(model: string, parts: P): P =>
  isAutoencoder(model)
    ? {
        ...parts,
        train: selfTaught(parts.train),
        validation: selfTaught(parts.validation),
        test: selfTaught(parts.test),
      }
    : parts;

/**
 * The classes or numbers of labelled examples; none if the targets are labels, or there are none.
 */
export const labelsOf = (split: Split): HostArray | undefined =>
  (split as Partial<SelfTaught>).labels;
