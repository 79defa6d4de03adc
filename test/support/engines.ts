import { type EngineName, setEngine } from "../../src/tensor/index.ts";

/** Why the native engine is not tested here, or undefined. */
function whyNotNative(): string | undefined {
  if (process.env.GRADUS_ENGINE === "reference")
    return "GRADUS_ENGINE=reference asks for one engine";
  try {
    setEngine("native");
    return undefined;
  } catch (error) {
    return (error as Error).message.split("\n")[0]!;
  } finally {
    setEngine("reference");
  }
}

const missing = whyNotNative();
if (missing) console.info(`native engine skipped: ${missing}`);

export const hasNative = missing === undefined;
/** The engines that tests run over; the reference engine is always there. */
export const engines: readonly EngineName[] = hasNative ? ["reference", "native"] : ["reference"];
