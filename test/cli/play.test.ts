import fs from "node:fs";
import { expect, test } from "vitest";
import { serveFolder } from "../../src/cli/pages/playground/server.ts";
import { gradus, workIn } from "./support.ts";

const folder = workIn();
fs.writeFileSync(`${folder}/index.html`, "<p>page</p>");
fs.writeFileSync(`${folder}/a.wasm`, "x");

test("the server sends files of its folder, isolated, and nothing else", async () => {
  const { url, server, closed } = await serveFolder(folder, 0);
  const page = await fetch(url);
  expect(await page.text()).toBe("<p>page</p>");
  expect(page.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
  expect((await fetch(`${url}a.wasm`)).headers.get("content-type")).toBe("application/wasm");
  for (const path of ["none.html", "..%2f..%2fetc/passwd", "%E0%A4%A", "/"])
    expect((await fetch(`${url}${path}`)).status).toBe(404);
  server.close();
  server.closeAllConnections();
  await closed;
});

test("a port in use is passed over; a wrong one is an error that names it", async () => {
  const first = await serveFolder(folder, 0);
  const { port } = new URL(first.url);
  const second = await serveFolder(folder, Number(port));
  expect(Number(new URL(second.url).port)).toBeGreaterThan(Number(port));
  first.server.close();
  second.server.close();
  expect((await gradus("play --port 99999 --no-open")).error).toContain("no port from 99999");
  expect((await gradus("play --port x")).error).toContain('--port: "x" is not a whole number');
});
