import * as gradus from "gradus";
import { train } from "./training.ts";

/** The part of a Worker that is used; TypeScript declares it among the DOM only. */
interface PageWorker {
  onmessage: (event: { data: unknown }) => void;
  postMessage(message: unknown): void;
}
declare const Worker: new (url: URL, options: { type: "module" }) => PageWorker;

/** `train` in a worker. */
const trainInWorker = (options: unknown): Promise<unknown> =>
  new Promise((resolve) => {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => resolve(data);
    worker.postMessage(options);
  });

Object.assign(globalThis, { gradus, train, trainInWorker });
