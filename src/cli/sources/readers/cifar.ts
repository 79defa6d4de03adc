import { cifarDataset, isCifarName } from "../../../data/images/cifar.ts";
import { fitImages } from "../../../data/index.ts";
import { folderReader, ownFiles } from "./folders.ts";
import { ofDataset } from "./parts.ts";

export const cifarReader = folderReader({
  name: "cifar",
  reads: "CIFAR-10 in its binary version",
  options: [],
  isOwn: isCifarName,
  async read(found, options, stored) {
    const data = await cifarDataset(found.source, ownFiles(found, isCifarName));
    return ofDataset(found.source, data, (train) => fitImages(train, "contain"), options, stored);
  },
});
