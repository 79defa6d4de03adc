/** A page in Chromium over files that Vite has bundled, from the sources or from the built library. */
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";

const folder = path.dirname(fileURLToPath(import.meta.url));
/** The root of the repository. */
export const root = path.resolve(folder, "../..");
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Why there is no page to test in, or undefined. */
export const noBrowser = fs.existsSync(executablePath)
  ? undefined
  : `no Chromium at ${executablePath}`;

/** A folder of the bundled files of `entry`, an HTML page or a script of this folder. */
export async function bundle(entry: string, from: "src" | "dist" = "src"): Promise<string> {
  const library = `${root}/${from}`;
  const extension = from === "src" ? "ts" : "js";
  const outDir = fs.mkdtempSync(path.join(os.tmpdir(), "gradus-page-"));
  await build({
    configFile: false,
    logLevel: "error",
    root: folder,
    base: "./",
    worker: { format: "es" },
    resolve: {
      alias: [
        { find: /^gradus$/, replacement: `${library}/index.${extension}` },
        { find: /^gradus\/([a-z]+)$/, replacement: `${library}/$1/index.${extension}` },
      ],
    },
    build: {
      outDir,
      target: "es2022",
      modulePreload: false,
      // readers of files are for Node
      rolldownOptions: { input: path.join(folder, entry), external: ["sharp"] },
    },
  });
  return outDir;
}

const types: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};

/** What makes a page cross-origin isolated, so that its workers may share memory. */
const isolating = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** A served folder. */
export interface Site {
  readonly url: string;
  close(): void;
}

/** Serves a folder on this machine alone. */
export async function serve(root: string, { isolated }: { isolated: boolean }): Promise<Site> {
  const server = http.createServer((request, response) => {
    const name = path.normalize(new URL(request.url!, "http://localhost").pathname);
    const file = path.join(root, name === "/" ? "index.html" : name);
    if (!fs.existsSync(file)) return response.writeHead(404).end();
    if (isolated)
      for (const [key, value] of Object.entries(isolating)) response.setHeader(key, value);
    response.setHeader("content-type", types[path.extname(file)] ?? "application/octet-stream");
    return response.end(fs.readFileSync(file));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, close: () => server.close() };
}

/** Opens a page; its errors end up in `problems`. */
export async function open(
  url: string,
): Promise<{ page: Page; browser: Browser; problems: string[] }> {
  const browser = await chromium.launch({
    executablePath,
    args: [
      ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
    ],
  });
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  await page.goto(url);
  return { page, browser, problems };
}
