/**
 * Nets in and out as ONNX files.
 *
 * @module gradus/onnx
 */
export { type LoadOnnxOptions, loadOnnx } from "./load.ts";
export { type OnnxArray, type OnnxInput, OnnxModule } from "./module.ts";
export { encodeOnnx, type OnnxInputShape, type SaveOnnxOptions, saveOnnx } from "./save.ts";
export type { Signature } from "./signature.ts";
export type { Elements, ElementType } from "./types.ts";
