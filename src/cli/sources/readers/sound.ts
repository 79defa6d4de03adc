import { isSoundName, soundDataset } from "../../../data/audio/wav-folder.ts";
import { type Dataset, type Split, soundImages, type WavDataset } from "../../../data/index.ts";
import { folderReader, limitsIn, ownFiles } from "./folders.ts";
import { ofDataset } from "./parts.ts";

/** Mels of recordings: the height of their images. */
const mels = 40;

export const soundReader = folderReader({
  name: "sound",
  reads: "a folder or archive of WAV recordings by class",
  options: [],
  isOwn: isSoundName,
  async read(found, options, stored) {
    const inputs = stored?.preparation.inputs;
    const length = inputs?.kind === "sound" ? { length: inputs.length } : {};
    const tree = ownFiles(found, isSoundName);
    const data = await soundDataset(found.source, tree, { ...limitsIn(options), ...length });
    const { sampleRate } = data;
    const [, samples] = data.train.inputs.shape as [number, number];
    const own = { kind: "sound", sampleRate, length: samples, mels } as const;
    return ofDataset(found.source, asImages(data), () => own, options, stored);
  },
});

/** Recordings as the images that networks take. */
function asImages({ sampleRate, ...data }: WavDataset): Dataset {
  const seen = ({ inputs, ...rest }: Split): Split => ({
    ...rest,
    inputs: soundImages(inputs, { sampleRate, mels }),
  });
  const { train, validation, test } = data;
  return {
    ...data,
    train: seen(train),
    ...(validation && { validation: seen(validation) }),
    ...(test && { test: seen(test) }),
  };
}
