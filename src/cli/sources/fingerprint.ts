import { createHash } from "node:crypto";
import { classesOf, type Split } from "../../data/index.ts";
import type { Source } from "./data-source.ts";

/**
 * SHA-256 of all examples as a training would see them, with their classes: different data,
 * different text.
 */
export function fingerprint({ train, validation, test, config }: Source): string {
  const hash = createHash("sha256").update(JSON.stringify(classesOf(config.preparation)));
  for (const { inputs, targets } of [train, validation, test] as Split[])
    for (const { dtype, shape, data } of [inputs, targets])
      hash
        .update(JSON.stringify([dtype, shape]))
        .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest("hex");
}
