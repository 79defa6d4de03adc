import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const src = fileURLToPath(new URL("./src", import.meta.url));
const experiments = fileURLToPath(new URL("./experiments", import.meta.url));

export default defineConfig({
  resolve: {
    // Tests import the public names and run the sources: nothing needs building first.
    alias: [
      { find: /^gradus$/, replacement: `${src}/index.ts` },
      { find: /^gradus\/experiments$/, replacement: `${experiments}/index.ts` },
      { find: /^gradus\/([a-z]+)$/, replacement: `${src}/$1/index.ts` },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    // Every compiler pass is verified in tests.
    env: { GRADUS_VERIFY: "1" },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A process per file keeps a crash of the native engine to its own file; two, because each
    // engine brings its own threads.
    pool: "forks",
    maxWorkers: 2,
  },
});
