/** The pretext tasks that `--pretext` names: plain data, as of the learners. */
import { ConfigError } from "../../base/index.ts";

export const pretextNames = [
  "rotation",
  "jigsaw",
  "masked-patches",
  "colorization",
  "contrastive",
] as const;
export type PretextName = (typeof pretextNames)[number];

/** Whether the answer is a class, which can be predicted and trained with changed examples. */
export const asksForClass = (pretext: PretextName): boolean =>
  pretext === "rotation" || pretext === "jigsaw";

/** Numbers that the net projects an image to, where it learns by pairs. */
export const projection = 64;

/** @throws {ConfigError} for settings that do not go with a pretext task. */
export function checkPretext(
  pretext: PretextName | undefined,
  { augment, labels }: { readonly augment?: unknown; readonly labels?: unknown },
): void {
  if (pretext === undefined) return;
  const wrong =
    labels !== undefined
      ? [
          "data.labels",
          `the pretext task ${pretext} needs no labels.`,
          "leave it out; data.examples takes some examples alone.",
        ]
      : augment !== undefined && !asksForClass(pretext) && pretext !== "contrastive"
        ? [
            "data.augment",
            `it would change the inputs of ${pretext}, and not the images that are asked for.`,
            "leave it out.",
          ]
        : undefined;
  if (wrong) throw new ConfigError({ subject: wrong[0]!, problem: wrong[1]!, fix: wrong[2]! });
}
