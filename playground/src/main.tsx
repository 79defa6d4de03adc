import { render } from "preact";
import { App } from "./app.tsx";
import { Runner } from "./runner.ts";
import "./styles.css";

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
const runner = new Runner(worker);
render(<App runner={runner} />, document.getElementById("app")!);
/** For tests and measurements. */
Object.assign(globalThis, { playground: runner });
