import { ConfigError, checkOptions, nearest } from "../base/index.ts";
import { type Backend, compiledBackend, referenceBackend } from "../compiler/backend.ts";
import { loadNative } from "../runtime/native.ts";
import { builtin, environment } from "../runtime/node.ts";
import { fetchWasm, loadWasm, type WasmOptions } from "../runtime/wasm.ts";

/** From the fastest to the one that always exists. */
const engineNames = ["native", "wasm", "reference"] as const;
/** An engine that runs programs: C++, the same C++ as WebAssembly, or the oracle in TypeScript. */
export type EngineName = (typeof engineNames)[number];

type Found = Backend | { readonly missing: string };

const found = new Map<EngineName, Found>();
let current: Backend | undefined;

/**
 * The current engine: `GRADUS_ENGINE`, or the first available one of native, WebAssembly and
 * reference.
 */
export function backend(): Backend {
  current ??= choose(environment("GRADUS_ENGINE"));
  return current;
}

/** An engine, loaded at most once; a missing one is tried again. */
function find(name: EngineName): Found {
  const known = found.get(name);
  if (known && !("missing" in known)) return known;
  const engine =
    name === "reference" ? referenceBackend : name === "native" ? loadNative() : loadWasm();
  const result = "prepare" in engine || "missing" in engine ? engine : compiledBackend(engine);
  found.set(name, result);
  return result;
}

function choose(wanted: string | undefined): Backend {
  if (wanted === undefined) return best();
  const name = engineNames.find((known) => known === wanted);
  if (!name)
    throw new ConfigError({
      subject: "engine",
      problem: `there is no engine "${wanted}".`,
      fix: `did you mean "${nearest(wanted, engineNames) ?? "native"}"? Engines: ${engineNames.join(", ")}.`,
    });
  const engine = find(name);
  if (!("missing" in engine)) return engine;
  throw new ConfigError({
    subject: `engine "${name}"`,
    problem: `is not there: ${engine.missing}.`,
    fix: builtin
      ? `run \`npm run build:${name}\` if it is not built, or ask for no engine.`
      : "call `await loadEngine()` first.",
  });
}

/**
 * In a browser the reference engine is no substitute: it is very slow, and waiting for WebAssembly
 * helps. Nor does it have instruction sets to choose from.
 */
function best(): Backend {
  if (!builtin) return choose("wasm");
  const reasons = [];
  for (const name of ["native", "wasm"] as const) {
    const engine = find(name);
    if (!("missing" in engine)) return engine;
    reasons.push(`${name}: ${engine.missing}`);
  }
  const isa = environment("GRADUS_ISA");
  if (isa === undefined) return referenceBackend;
  throw new ConfigError({
    subject: `GRADUS_ISA=${isa}`,
    problem: `no engine has it (${reasons.join("; ")}).`,
    fix: "leave it unset for the best that this machine has.",
  });
}

/**
 * Fetches and starts the WebAssembly engine: needed once in a browser, before the first value is
 * read; in Node there is nothing to wait for. `isa: "simd128"` avoids relaxed SIMD, whose products
 * may differ in the last bit between processors. `threads` defaults to those of the processor, at
 * most 8; a page that is not cross-origin isolated has one thread, with the same results. In Node,
 * `GRADUS_ISA` and `GRADUS_THREADS` set the same options. Two headers isolate a page:
 * `Cross-Origin-Opener-Policy: same-origin` and `Cross-Origin-Embedder-Policy: require-corp`.
 *
 * @throws {ConfigError} if the module cannot be fetched, the browser is too old for it, or
 * `threads` is not an integer from 1 to 256.
 * @example
 * await loadEngine({ threads: 2 });
 * tensor([1, 2]).sum().item(); // 3
 */
export async function loadEngine(options: WasmOptions = {}): Promise<void> {
  checkOptions("loadEngine", options, { isa: true, threads: true });
  const { isa, threads } = options;
  if (!builtin) await fetchWasm({ isa, threads });
}

/** Switches the engine for everything that runs from now on; existing tensors keep their values. */
export function setEngine(name: EngineName): void {
  current = choose(name);
}

/** The engine's name and properties; `missing` tells why no faster one is used. */
export function engineInfo(): { name: string; missing?: string } & Record<string, string | number> {
  const { name, info } = backend();
  const faster = found.get("native");
  const missing = name !== "native" && faster && "missing" in faster ? faster.missing : undefined;
  return { ...info(), name, ...(missing && { missing }) };
}

/** Every engine with its properties, or why it is missing; the fastest first. */
export function listEngines(): { name: EngineName; missing?: string; info?: Facts }[] {
  return engineNames.map((name) => {
    const engine = find(name);
    return "missing" in engine ? { name, missing: engine.missing } : { name, info: engine.info() };
  });
}

type Facts = Readonly<Record<string, string | number>>;
