import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { expect, test } from "vitest";
import { hasNative } from "../support/engines.ts";

// Two hours of work on a fast machine; dist/ is what a process of its own can load.
const program = `
  import { ones, setEngine } from "gradus";
  setEngine("native");
  void ones([1]).broadcastTo([2 ** 14, 2 ** 31 - 1]).sum().eval();
  setTimeout(() => process.exit(7), 200);
`;

test.runIf(hasNative && fs.existsSync("dist/index.js"))(
  "process.exit gives up what runs instead of waiting for it",
  () => {
    const { status } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      timeout: 30_000,
    });
    expect(status).toBe(7);
  },
);
