import { ConfigError, nearest } from "../base/index.ts";
import { type Backend, compiledBackend, referenceBackend } from "../compiler/backend.ts";
import { loadNative } from "../runtime/native.ts";

const engineNames = ["native", "reference"] as const;
export type EngineName = (typeof engineNames)[number];

let current: Backend | undefined;
let missing: string | undefined;

/** The engine that runs everything: `GRADUS_ENGINE`, or native where it was built, or the reference. */
export function backend(): Backend {
  current ??= choose(process.env.GRADUS_ENGINE);
  return current;
}

function choose(wanted: string | undefined): Backend {
  if (wanted === "reference") return referenceBackend;
  if (wanted !== undefined && wanted !== "native" && wanted !== "")
    throw new ConfigError({
      subject: "GRADUS_ENGINE",
      problem: `there is no engine "${wanted}".`,
      fix: `did you mean "${nearest(wanted, engineNames) ?? "native"}"? Engines: ${engineNames.join(", ")}.`,
    });
  const native = loadNative();
  if (!("missing" in native)) return compiledBackend(native);
  missing = native.missing;
  if (wanted === "native")
    throw new ConfigError({
      subject: "GRADUS_ENGINE=native",
      problem: `the native engine is not there: ${missing}.`,
      fix: "run `npm run build:native`, or leave GRADUS_ENGINE unset.",
    });
  return referenceBackend;
}

/** Switches the engine for all that runs from now on; existing tensors keep their values. */
export function setEngine(name: EngineName): void {
  current = choose(name);
}

/** The engine's name and what it knows about itself; `missing` says why native is not used. */
export function engineInfo(): { name: string; missing?: string } & Record<string, string | number> {
  const { name, info } = backend();
  return { ...info(), name, ...(missing && { missing }) };
}
