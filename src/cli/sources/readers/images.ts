import { imageDataset, isImageName } from "../../../data/images/image-folder.ts";
import { fitImages } from "../../../data/index.ts";
import { folderReader, limitsIn, ownFiles } from "./folders.ts";
import { ofDataset } from "./parts.ts";
import type { SourceOptions, Stored } from "./reader.ts";

export const imageReader = folderReader({
  name: "images",
  reads: "a folder or archive of images by class",
  options: ["size", "maxPixels"],
  isOwn: isImageName,
  async read(found, options, stored) {
    const format = { ...limitsIn(options), ...formatOf(options, stored) };
    const data = await imageDataset(found.source, ownFiles(found, isImageName), format);
    return ofDataset(found.source, data, (train) => fitImages(train, "cover"), options, stored);
  },
});

/** The size and channels of the images: those of the training, or of the settings. */
function formatOf({ size, maxPixels }: SourceOptions, stored: Stored | undefined) {
  const { inputs, inputShape } = stored?.preparation ?? {};
  const [channels, height, width] = inputShape ?? [];
  if (inputs?.kind === "images" && inputs.fit === "cover" && (channels === 1 || channels === 3))
    return { maxPixels, size: [height!, width!] as const, channels: channels as 1 | 3 };
  return { maxPixels, ...(size !== undefined && { size }) };
}
