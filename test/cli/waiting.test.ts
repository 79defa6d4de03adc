import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import { main, spawned, workIn } from "./support.ts";

workIn();
beforeAll(() => expect(existsSync(main), "npm run build first").toBe(true));

test("a configuration whose promise stays open is named; nothing ends without a word", async () => {
  await writeFile("never.mjs", "export default await new Promise(() => {});\n");
  for (const command of ["train", "config print", "find-lr"]) {
    const { code, out, error } = await spawned(`${command} never.mjs`);
    expect([code, out]).toEqual([1, ""]);
    expect(error).toMatch(
      /^error: the configuration never.mjs: it never came to an end.*\n {2}fix: .*promise that nobody settles/,
    );
    expect(error).not.toMatch(/unsettled/i);
  }
});

test("a configuration that still runs is named after some seconds", async () => {
  await writeFile("runs.mjs", "setInterval(() => {}, 1000);\nawait new Promise(() => {});\n");
  const child = spawn(process.execPath, [main, "train", "runs.mjs"]);
  const [said] = await once(child.stderr, "data");
  expect(String(said)).toBe("note: runs.mjs still runs: it may await what never comes\n");
  child.kill("SIGINT");
  await once(child, "exit");
});

test("a command that ends says nothing of the kind", async () => {
  expect(await spawned("config print data=moons")).toMatchObject({ code: 0, error: "" });
});
