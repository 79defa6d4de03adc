import { afterEach, describe, expect, test, vi } from "vitest";
import { ConfigError } from "../../src/base/index.ts";
import { isSwitchedOn, wantedIsa, wantedThreads } from "../../src/runtime/wishes.ts";

describe("environment variables that mean nothing", () => {
  afterEach(() => vi.unstubAllEnvs());

  test("GRADUS_ISA", () => {
    vi.stubEnv("GRADUS_ISA", "avx51");
    expect(() => wantedIsa("native")).toThrow(ConfigError);
    expect(() => wantedIsa("native")).toThrow('did you mean "avx512"');
    expect(() => wantedIsa("wasm")).toThrow("portable, baseline, avx2, avx512, amx, neon");
    vi.stubEnv("GRADUS_ISA", "simd128");
    expect(wantedIsa("wasm")).toBe("simd128");
    expect(wantedIsa("native")).toEqual({ missing: "GRADUS_ISA=simd128 asks for another engine" });
    vi.stubEnv("GRADUS_ISA", "portable");
    expect([wantedIsa("native"), wantedIsa("wasm")]).toEqual(["portable", "portable"]);
    vi.stubEnv("GRADUS_ISA", "");
    expect(wantedIsa("native")).toBeUndefined();
  });

  test("GRADUS_THREADS", () => {
    for (const wrong of ["0", "many", "1.5", "257", "-1"]) {
      vi.stubEnv("GRADUS_THREADS", wrong);
      expect(() => wantedThreads()).toThrow(`GRADUS_THREADS=${wrong} is none`);
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
