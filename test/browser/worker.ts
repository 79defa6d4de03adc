/** The training of page.ts in a worker of the page, which may sleep where the page may not. */
import { train } from "./training.ts";

interface Scope {
  onmessage: (event: { data: Parameters<typeof train>[0] }) => void;
  postMessage(message: unknown): void;
}
const scope = globalThis as unknown as Scope;

scope.onmessage = ({ data }) => {
  train(data).then(
    (losses) => scope.postMessage(losses),
    (error) => scope.postMessage(String(error)),
  );
};
