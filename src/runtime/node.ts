/**
 * A module of Node itself, or undefined elsewhere. Not an `import`: bundlers for the browser would
 * fail on it, and a dynamic import would make reading a tensor asynchronous.
 */
export const builtin: (typeof process)["getBuiltinModule"] | undefined =
  globalThis.process?.getBuiltinModule?.bind(process);

/** An environment variable; undefined in a browser. */
export const environment = (name: string): string | undefined =>
  globalThis.process?.env?.[name] || undefined;
