/** Autoencoders by name. */
import type { Autoencoder } from "./autoencoder.ts";
import { contractiveAutoencoder } from "./contractive.ts";
import { convAutoencoder, unpoolingAutoencoder } from "./conv.ts";
import { denoisingAutoencoder } from "./denoising.ts";
import { deepAutoencoder, linearAutoencoder, undercompleteAutoencoder } from "./dense.ts";
import { maskedAutoencoder } from "./masked.ts";
import { sparseAutoencoder } from "./sparse.ts";
import { variationalAutoencoder } from "./variational.ts";

/** The names of the autoencoders that `createModel` knows. */
export type AutoencoderName = `${
  | "undercomplete"
  | "linear"
  | "deep"
  | "conv"
  | "unpooling"
  | "denoising"
  | "sparse"
  | "contractive"
  | "variational"
  | "masked"}-autoencoder`;

/** Each checks its own options. */
export const autoencoders: Readonly<Record<AutoencoderName, (options: never) => Autoencoder>> = {
  "undercomplete-autoencoder": undercompleteAutoencoder,
  "linear-autoencoder": linearAutoencoder,
  "deep-autoencoder": deepAutoencoder,
  "conv-autoencoder": convAutoencoder,
  "unpooling-autoencoder": unpoolingAutoencoder,
  "denoising-autoencoder": denoisingAutoencoder,
  "sparse-autoencoder": sparseAutoencoder,
  "contractive-autoencoder": contractiveAutoencoder,
  "variational-autoencoder": variationalAutoencoder,
  "masked-autoencoder": maskedAutoencoder,
};

/** Whether a model of this name is self-supervised: its targets are its inputs. */
export const isAutoencoder = (name: string): name is AutoencoderName =>
  Object.hasOwn(autoencoders, name);
