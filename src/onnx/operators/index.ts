/** The table of all operators. */
import type { Operator } from "../call.ts";
import { arithmeticOperators } from "./arithmetic.ts";
import { convolutionOperators } from "./convolutions.ts";
import { functionOperators } from "./functions.ts";
import { gatherOperators } from "./gathers.ts";
import { movementOperators } from "./movement.ts";
import { normalisationOperators } from "./normalisations.ts";
import { poolingOperators } from "./pooling.ts";
import { productOperators } from "./products.ts";
import { reductionOperators } from "./reductions.ts";
import { shapeOperators } from "./shapes.ts";

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
];

const byName = new Map(operators.map((x) => [`${x.domain ?? ""}:${x.name}`, x]));

/** The operator of a domain with this name; ONNX's own domain is "". */
export const operatorOf = (domain: string, name: string): Operator | undefined =>
  byName.get(`${domain}:${name}`);
