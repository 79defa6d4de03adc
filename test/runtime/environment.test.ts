import { afterEach, describe, expect, test, vi } from "vitest";
import { ConfigError } from "../../src/base/index.ts";
import { isSwitchedOn, requestedIsa, requestedThreads } from "../../src/runtime/environment.ts";

describe("environment variables that mean nothing", () => {
  afterEach(() => vi.unstubAllEnvs());

  test("GRADUS_ISA", () => {
    vi.stubEnv("GRADUS_ISA", "avx51");
    expect(() => requestedIsa("native")).toThrow(ConfigError);
    expect(() => requestedIsa("native")).toThrow('did you mean "avx512"');
    expect(() => requestedIsa("wasm")).toThrow("portable, baseline, avx2, avx512, amx, neon");
    vi.stubEnv("GRADUS_ISA", "simd128");
    expect(requestedIsa("wasm")).toBe("simd128");
    expect(requestedIsa("native")).toEqual({
      missing: "GRADUS_ISA=simd128 requests another engine",
    });
    vi.stubEnv("GRADUS_ISA", "portable");
    expect([requestedIsa("native"), requestedIsa("wasm")]).toEqual(["portable", "portable"]);
    vi.stubEnv("GRADUS_ISA", "");
    expect(requestedIsa("native")).toBeUndefined();
  });

  test("GRADUS_THREADS", () => {
    for (const wrong of ["0", "many", "1.5", "257", "-1"]) {
      vi.stubEnv("GRADUS_THREADS", wrong);
      expect(() => requestedThreads()).toThrow(`GRADUS_THREADS=${wrong} is none`);
    }
  });

  test("GRADUS_VERIFY", () => {
    for (const [value, is] of [
      ["1", true],
      ["0", false],
      ["", false],
    ] as const) {
      vi.stubEnv("GRADUS_VERIFY", value);
      expect(isSwitchedOn("GRADUS_VERIFY")).toBe(is);
    }
    vi.stubEnv("GRADUS_VERIFY", "yes");
    expect(() => isSwitchedOn("GRADUS_VERIFY")).toThrow('"yes" is neither 0 nor 1');
  });
});
