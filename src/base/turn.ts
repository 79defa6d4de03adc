/** In Node; browsers have no `setImmediate`, and timers wait there for 4 ms. */
const soon: (f: () => void) => void =
  typeof setImmediate === "function" ? setImmediate : throughChannel();

function throughChannel(): (f: () => void) => void {
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  (port1 as unknown as { onmessage: () => void }).onmessage = () => waiting.shift()!();
  return (f) => {
    waiting.push(f);
    port2.postMessage(null);
  };
}

/** One turn of the event loop: timers, frames, input and signals come first. */
export const turn = (): Promise<void> => new Promise((resolve) => soon(resolve));

/** Half of a frame, in milliseconds: this thread may compute for that long before it yields. */
const patience = 8;
let lastTurn = 0;

/** A turn of the event loop, if the last one was long ago; else null. */
export function turnIfDue(): Promise<void> | null {
  if (performance.now() - lastTurn < patience) return null;
  return turn().then(() => {
    lastTurn = performance.now();
  });
}
