import { type EngineName, listEngines } from "../../src/tensor/index.ts";

/** `GRADUS_ENGINE` restricts the tests to one engine beside the reference engine. */
const wanted = process.env.GRADUS_ENGINE;
const all = listEngines();
for (const { name, missing } of all)
  if (missing) console.info(`${name} engine skipped: ${missing}`);

/** The engines that tests run over; the reference engine, always there, comes first. */
export const engines: readonly EngineName[] = all
  .filter(({ name, missing }) => !missing && (!wanted || name === wanted || name === "reference"))
  .map(({ name }) => name)
  .reverse();

export const hasNative = engines.includes("native");
export const hasWasm = engines.includes("wasm");
