import { expect, test, vi } from "vitest";

// Before an engine is chosen: this file has a process of its own.
vi.hoisted(() => {
  process.env.GRADUS_ISA = "avx51";
});

import { ConfigError } from "../../src/base/index.ts";
import { listEngines, setEngine, zeros } from "../../src/tensor/index.ts";

test("a misspelt GRADUS_ISA ends the first use of an engine, with the names that there are", () => {
  for (const use of [() => zeros([1]).dataSync(), () => setEngine("native"), listEngines]) {
    expect(use).toThrow(ConfigError);
    expect(use).toThrow('there is no instruction set "avx51"');
    expect(use).toThrow('did you mean "avx512"?');
    expect(use).toThrow("portable, baseline, avx2, avx512, amx, neon, simd128, relaxed-simd");
  }
});
