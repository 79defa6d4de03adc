import { limitsOf } from "../../../data/folders/limits.ts";
import { idxDataset, isIdxName } from "../../../data/images/idx-folder.ts";
import { fitImages, type Split } from "../../../data/index.ts";
import { folderReader, limitsIn, ownFiles } from "./folders.ts";
import { ofDataset } from "./parts.ts";

/** Sets such as MNIST. Images beside such files do not belong to the set. */
const anyBeatsAll = 1e9;

const reader = folderReader({
  name: "idx",
  reads: "a folder or archive of IDX files",
  options: ["maxPixels"],
  isOwn: isIdxName,
  async read(found, options, stored) {
    const limits = limitsOf({ ...limitsIn(options), maxPixels: options.maxPixels }, "data");
    const data = await idxDataset(found.source, ownFiles(found, isIdxName), limits);
    const isImages = data.train.inputs.shape.length === 4;
    const inputsOf = (train: Split) =>
      isImages ? fitImages(train, "contain") : ({ kind: "arrays" } as const);
    return ofDataset(found.source, data, inputsOf, options, stored);
  },
});

export const idxReader: typeof reader = {
  ...reader,
  recognizes: async (found) => anyBeatsAll * (await reader.recognizes(found)),
};
