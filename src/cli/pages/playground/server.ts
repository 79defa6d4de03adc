/** Serves the built playground on this machine alone. */
import { readFile, stat } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../../../base/index.ts";

/** As the playground lies from the files of dist/cli, and from the sources. */
const places = ["../playground", "../../../../dist/playground"];

/** @throws {ConfigError} if the playground is not built. */
export async function playgroundFolder(): Promise<string> {
  for (const place of places) {
    const folder = fileURLToPath(new URL(place, import.meta.url));
    const isThere = await stat(join(folder, "index.html")).catch(() => undefined);
    if (isThere) return folder;
  }
  throw new ConfigError({
    subject: "play",
    problem: "the playground is not built: there is no dist/playground.",
    fix: "run `npm run build:playground` in the repository; an installed package has it.",
  });
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
  ".json": "application/json",
};

/** What isolates the page, so that the engine may have threads. */
const headers = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cache-control": "no-cache",
};

/** A served folder; `closed` is done when the server has ended. */
export interface Served {
  readonly url: string;
  readonly server: Server;
  readonly closed: Promise<void>;
}

/** How many ports after the wanted one are tried. */
const tries = 20;

/**
 * Serves the files of a folder at a port of this machine, or at the next free one.
 *
 * @throws {ConfigError} if no port is free.
 */
export async function serveFolder(folder: string, wanted: number): Promise<Served> {
  const server = createServer((request, response) => {
    send(folder, request.url ?? "/", response).catch(() => response.writeHead(404).end());
  });
  const port = await listen(server, wanted);
  const closed = new Promise<void>((resolve) => server.once("close", resolve));
  return { url: `http://localhost:${port}/`, server, closed };
}

/** Answers with a file of the folder; anything else, and paths that leave it, are rejected. */
async function send(folder: string, url: string, response: ServerResponse): Promise<void> {
  const name = normalize(decodeURIComponent(new URL(url, "http://localhost").pathname));
  const file = join(folder, name.endsWith("/") ? `${name}index.html` : name);
  const bytes = await readFile(file);
  const type = types[extname(file)] ?? "application/octet-stream";
  response.writeHead(200, { ...headers, "content-type": type }).end(bytes);
}

async function listen(server: Server, wanted: number): Promise<number> {
  for (let port = wanted; port < Math.min(wanted + tries, 65_536); port++) {
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "localhost", () => resolve(true));
    });
    server.removeAllListeners("error");
    if (isFree) return (server.address() as AddressInfo).port;
  }
  throw new ConfigError({
    subject: "play",
    problem: `no port from ${wanted} to ${wanted + tries - 1} is free.`,
    fix: "give another one: --port 8080, or --port 0 for any that is free.",
  });
}
