/** `npm run build:playground`: static files in dist/playground, which any web host can serve. */
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const root = path.dirname(fileURLToPath(import.meta.url));
if (!fs.existsSync(path.resolve(root, "../build/wasm/gradus.wasm")))
  throw new Error("the WebAssembly engine is not there: run `npm run build:wasm` first.");
const src = path.resolve(root, "../src");

export default defineConfig({
  root,
  base: "./",
  logLevel: "error",
  worker: { format: "es" },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  resolve: {
    // The public names, of this tree's sources.
    alias: [
      { find: /^gradus$/, replacement: `${src}/index.ts` },
      { find: /^gradus\/([a-z]+)$/, replacement: `${src}/$1/index.ts` },
    ],
  },
  build: {
    outDir: path.resolve(root, "../dist/playground"),
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    // Readers of files are for Node and never loaded here.
    rolldownOptions: {
      external: ["sharp", "hyparquet", "hyparquet-compressors", "@uwdata/flechette", "tar-stream"],
    },
  },
});
