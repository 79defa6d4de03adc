import { extent } from "../../../base/vectors.ts";
import {
  blobs,
  circles,
  type Dataset,
  dataNames,
  digits,
  fitImages,
  moons,
  type Split,
  spirals,
  xor,
} from "../../../data/index.ts";
import { ofDataset } from "./parts.ts";
import { ofExamples, type Reader } from "./reader.ts";

let generatedDigits: Dataset | undefined;

/** Built-in sets that need no file. The noise leaves something to learn. */
const sets: Record<string, () => Dataset | Split> = {
  // 12 000 images take most of a second; once for all readings in a process.
  digits: () => (generatedDigits ??= digits()),
  xor: () => xor({ size: 1000, noise: 0.15 }),
  moons: () => moons({ size: 1000, noise: 0.1 }),
  circles: () => circles({ size: 1000, noise: 0.05 }),
  spirals: () => spirals({ size: 1000, noise: 0.01 }),
  blobs: () => blobs({ size: 1000 }),
};
export const setNames: readonly string[] = Object.keys(sets);
export const isSet = (source: string): boolean => Object.hasOwn(sets, source);

export const setReader: Reader = {
  name: "set",
  reads: `a set by its name (${setNames.join(", ")}; downloaded once: ${dataNames.join(", ")})`,
  kind: "set",
  options: ofExamples,
  recognizes: ({ kind }) => (kind === "set" ? 1 : 0),
  async read({ source }, options, stored) {
    const made = sets[source]!();
    const data = "train" in made ? made : toDataset(source, made);
    const isImages = data.train.inputs.shape.length === 4;
    const inputsOf = (train: Split) =>
      isImages ? fitImages(train, "contain") : ({ kind: "arrays" } as const);
    return ofDataset(source, data, inputsOf, options, stored);
  },
};

const toDataset = (name: string, split: Split): Dataset => ({
  name,
  task: "classification",
  train: split,
  classes: Array.from({ length: 1 + extent(split.targets.data)[1] }, (_, k) => String(k)),
});
