/** The table of all operators. */
import type { Operator } from "../call.ts";
import { arithmeticOperators } from "./arithmetic.ts";
import { attentionOperators } from "./attention.ts";
import { controlOperators } from "./control.ts";
import { convolutionOperators } from "./convolutions.ts";
import { functionOperators } from "./functions.ts";
import { gatherOperators } from "./gathers.ts";
import { lossOperators } from "./losses.ts";
import { movementOperators } from "./movement.ts";
import { normalisationOperators } from "./normalisations.ts";
import { otherOperators } from "./others.ts";
import { poolingOperators } from "./pooling.ts";
import { productOperators } from "./products.ts";
import { quantizedOperators } from "./quantized.ts";
import { recurrentOperators } from "./recurrent.ts";
import { reductionOperators } from "./reductions.ts";
import { resizeOperators } from "./resize.ts";
import { samplingOperators } from "./sampling.ts";
import { sequenceOperators } from "./sequences.ts";
import { shapeOperators } from "./shapes.ts";
import { spectralOperators } from "./spectra.ts";
import { trainingOperators } from "./training.ts";
import { trigonometricOperators } from "./trigonometry.ts";

export const operators: readonly Operator[] = [
  ...arithmeticOperators,
  ...functionOperators,
  ...shapeOperators,
  ...movementOperators,
  ...reductionOperators,
  ...productOperators,
  ...convolutionOperators,
  ...poolingOperators,
  ...normalisationOperators,
  ...gatherOperators,
  ...spectralOperators,
  ...trainingOperators,
  ...trigonometricOperators,
  ...sequenceOperators,
  ...samplingOperators,
  ...resizeOperators,
  ...recurrentOperators,
  ...quantizedOperators,
  ...otherOperators,
  ...lossOperators,
  ...controlOperators,
  ...attentionOperators,
];

const byName = new Map(operators.map((x) => [`${x.domain ?? ""}:${x.name}`, x]));

/** The operator of a domain with this name; ONNX's own domain is "". */
export const operatorOf = (domain: string, name: string): Operator | undefined =>
  byName.get(`${domain}:${name}`);
