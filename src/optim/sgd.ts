import type { Rule } from "./rule.ts";

/**
 * Gradient descent.
 *
 *   θ ← θ − lr g
 *
 * @example
 * sgd().name; // "sgd"
 */
export const sgd = (): Rule => ({
  name: "sgd",
  init: () => ({}),
  update: (g, state, { lr }) => ({ delta: g.mul(lr).neg(), state }),
});
