import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "./support.ts";

const folder = temporaryFolder();
const built = (name: string) => JSON.stringify(pathToFileURL(`dist/${name}/index.js`).href);

/** Trains for long, says when it has begun and what the training came to; `more` goes on after it. */
const program = (more = "") => `
import { moons } from ${built("data")};
import { Linear } from ${built("nn")};
import { fit } from ${built("train")};
const begun = { onBatchEnd: (batch) => { if (batch === 2) process.stdout.write("begun "); } };
const history = await fit(new Linear(2, 2), moons({ size: 4000 }), {
  epochs: 100000, batchSize: 1, stopOnSignals: true, callbacks: [begun],
});
process.stdout.write("stopped: " + history.stopped + " ");
${more}`;

beforeAll(() => expect(existsSync("dist/train/index.js"), "npm run build first").toBe(true));

/** Runs it, and sends a signal at each of some words of its output. */
function run(source: string, signals: readonly (readonly [word: string, name: NodeJS.Signals])[]) {
  const file = `${folder}/program.mjs`;
  writeFileSync(file, source);
  const child = spawn(process.execPath, [file]);
  const waiting = [...signals];
  let [out, error] = ["", ""];
  child.stdout.on("data", (part) => {
    out += part;
    while (waiting[0] && out.includes(waiting[0][0])) child.kill(waiting.shift()![1]);
  });
  child.stderr.on("data", (part) => (error += part));
  return new Promise<{ out: string; error: string; code: number | null; signal: string | null }>(
    (done) => child.on("close", (code, signal) => done({ out, error, code, signal })),
  );
}

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
  "%s ends the training in order, and the program goes on",
  async (name) => {
    const { out, error, code } = await run(program(), [["begun", name]]);
    expect(error).toBe("");
    expect(code).toBe(0);
    expect(out).toMatch(/stopped: /);
  },
);

test("after the training the signals are the program's own again", async () => {
  const waits = 'process.stdout.write("waits "); setInterval(() => {}, 1000);';
  const signals = [
    ["begun", "SIGINT"],
    ["waits", "SIGTERM"],
  ] as const;
  const { signal } = await run(program(waits), signals);
  expect(signal).toBe("SIGTERM");
});
