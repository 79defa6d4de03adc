/**
 * Setup of the test files that share a process: each starts with the engine and the sequence of seeds of a new one, in
 * whatever order the files run.
 */
import { engineInfo, setEngine } from "gradus";
import { manualSeed } from "gradus/nn";
import type { EngineName } from "../../src/tensor/index.ts";

const shared = globalThis as { gradusTestEngine?: EngineName };
shared.gradusTestEngine ??= engineInfo().name as EngineName;
setEngine(shared.gradusTestEngine);
manualSeed(0);
