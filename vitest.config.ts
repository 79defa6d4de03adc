import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const src = fileURLToPath(new URL("./src", import.meta.url));
const experiments = fileURLToPath(new URL("./experiments", import.meta.url));

/** Folders of tests that leave the process as they found it, so that many files share one and load gradus once. */
const shared =
  "autodiff,base,compiler,data,draw,experiments,formats,graph,inspect,lab,learn,models,nn,onnx,ops,optim,tensor,train";
/** Files in these folders that set environment variables, replace functions of Node, count objects or bytes. */
const apart = [
  "formats/failing-writes",
  "onnx/vectors",
  "tensor/many",
  "tensor/compile",
  "tensor/memory",
  "train/failing-writes",
].map((name) => `test/${name}.test.ts`);

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
    // Every compiler pass is verified in tests.
    env: { GRADUS_VERIFY: "1" },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Processes keep a crash of the native engine to themselves; two, because each engine brings its own threads.
    pool: "forks",
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: "shared",
          include: [`test/{${shared}}/**/*.test.ts`],
          exclude: apart,
          isolate: false,
          setupFiles: "test/support/fresh-start.ts",
        },
      },
      {
        extends: true,
        test: {
          name: "apart",
          include: [`test/!(${shared.replaceAll(",", "|")})/**/*.test.ts`, ...apart],
        },
      },
    ],
  },
});
