/** The primitives of gradus: every computation is a graph of these records. */
import { checkOp } from "./check.ts";
import { convOp } from "./convolution.ts";
import { ops as elementwiseOps } from "./elementwise.ts";
import { gatherOp, scatterAddOp } from "./gather.ts";
import { matmulOp } from "./matmul.ts";
import { maxPoolOp } from "./max-pool.ts";
import { assembleOp, concatOp, flipOp, padOp, permuteOp, reshapeOp, sliceOp } from "./movement.ts";
import type { OpRecord } from "./record.ts";
import { argmaxOp, argminOp, maxOp, minOp } from "./reduction.ts";
import { argsortOp, cumsumOp } from "./scan.ts";
import { constantRecord, iotaOp, leafOp } from "./sources.ts";
import { broadcastOp, sumOp } from "./sum.ts";
import { foldOp, windowOp } from "./window.ts";

export { total } from "./accumulate.ts";
export { blamed, checked, checkOp } from "./check.ts";
export * from "./convolution.ts";
export {
  abs,
  add,
  and,
  cast,
  constantValue,
  cos,
  div,
  equal,
  erf,
  exp,
  expm1,
  filled,
  floor,
  floorDiv,
  less,
  lessEqual,
  log,
  log1p,
  maximum,
  minimum,
  mod,
  mul,
  mulZero,
  neg,
  not,
  ops as elementwiseOps,
  or,
  pow,
  randomBits,
  rsqrt,
  shiftRight,
  sigmoid,
  sign,
  sin,
  softplus,
  sqrt,
  stopGradient,
  sub,
  tanh,
  variable,
  where,
} from "./elementwise.ts";
export * from "./gather.ts";
export * from "./matmul.ts";
export { maxPool, maxPoolOp, winners } from "./max-pool.ts";
export * from "./movement.ts";
export type { After, ElementwiseOp, Lowering, OpRecord } from "./record.ts";
export { addAll, carriesDerivative, keepsOrder, loweringOf } from "./record.ts";
export * from "./reduction.ts";
export { relu, reluInput } from "./relu.ts";
export * from "./scan.ts";
export * from "./sources.ts";
export { axesOf, broadcastInto, broadcastOp, sum, sumOp } from "./sum.ts";
export * from "./window.ts";

export const ops: readonly OpRecord[] = [
  leafOp,
  constantRecord,
  iotaOp,
  ...Object.values(elementwiseOps),
  sumOp,
  maxOp,
  minOp,
  argmaxOp,
  argminOp,
  reshapeOp,
  permuteOp,
  broadcastOp,
  sliceOp,
  flipOp,
  padOp,
  assembleOp,
  concatOp,
  matmulOp,
  convOp,
  windowOp,
  foldOp,
  maxPoolOp,
  gatherOp,
  scatterAddOp,
  cumsumOp,
  argsortOp,
  checkOp,
];
