/** Signals that ask a process to end. */

const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Calls `stop` at the first of Ctrl-C, SIGTERM and SIGHUP, until the returned function is called;
 * at the second signal the process ends, as it would have at the first. Does nothing where there
 * are no processes.
 */
export function onSignals(stop: (name: string) => void): () => void {
  if (typeof process === "undefined" || typeof process.on !== "function") return () => {};
  const listeners = names.map((name) => [name, () => onSignal(name)] as const);
  const off = () => {
    for (const [name, listener] of listeners) process.off(name, listener);
  };
  const onSignal = (name: string) => {
    off();
    stop(name);
  };
  for (const [name, listener] of listeners) process.on(name, listener);
  return off;
}
