/** The other side of `serve.mjs`: starts a peer's process and asks it. */
import { spawn } from "node:child_process";
import readline from "node:readline";
import { fileURLToPath } from "node:url";

/** How to start each peer; `gradus` is one of them here. @type {Readonly<Record<string, readonly [command: string, file: string]>>} */
const commands = {
  gradus: [process.execPath, "gradus.mjs"],
  torch: [process.env.PYTHON ?? "/usr/bin/python3", "peers/pytorch.py"],
  numpy: [process.env.PYTHON ?? "/usr/bin/python3", "peers/blas.py"],
  "jax-js": [process.execPath, "peers/jax-js.mjs"],
  tfjs: [process.execPath, "peers/tfjs.mjs"],
  onnxruntime: [process.execPath, "peers/onnxruntime.mjs"],
};

export const peerNames = Object.keys(commands).filter((name) => name !== "gradus");

/** Everything that libraries read to choose their number of threads. @param {number} threads */
const environment = (threads) => ({
  ...process.env,
  GRADUS_THREADS: String(threads),
  OMP_NUM_THREADS: String(threads),
  OPENBLAS_NUM_THREADS: String(threads),
  MKL_NUM_THREADS: String(threads),
});

/** A running peer. */
export class Peer {
  /** @param {string} name @param {number} threads */
  constructor(name, threads) {
    const command = commands[name];
    if (!command) throw new Error(`there is no peer "${name}". Peers: ${peerNames.join(", ")}.`);
    this.name = name;
    const file = fileURLToPath(new URL(`../${command[1]}`, import.meta.url));
    this.started = performance.now();
    this.child = spawn(command[0], [file], {
      env: environment(threads),
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.errors = "";
    this.child.stderr.on("data", (chunk) => {
      this.errors = (this.errors + chunk).slice(-4000);
    });
    this.child.stdin.on("error", () => {}); // reported as the end of its output
    this.child.on("error", (error) => {
      this.errors += error.message;
    });
    this.lines = readline.createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /**
   * @param {Record<string, unknown>} request @param {number} [limit] seconds
   * @returns {Promise<any>}
   */
  async ask(request, limit = 600) {
    this.child.stdin.write(`${JSON.stringify(request)}\n`);
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${limit} s`)), limit * 1000);
    });
    try {
      for (;;) {
        const { value, done } = await /** @type {Promise<any>} */ (
          Promise.race([this.lines.next(), late])
        );
        if (done) throw new Error(`it ended: ${lastLine(this.errors)}`);
        if (!value.startsWith("{")) continue; // a library's greeting
        const reply = JSON.parse(value);
        if (reply.error) throw new Error(lastError(reply.error));
        return reply;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  end() {
    this.child.kill("SIGKILL");
  }
}

/** @param {string} text */
const lastLine = (text) => text.trim().split("\n").at(-1) ?? "";

/** The message of a stack trace: first line in JavaScript, last line in Python. @param {string} text */
const lastError = (text) =>
  text.startsWith("Traceback") ? lastLine(text) : (text.split("\n")[0] ?? text);
