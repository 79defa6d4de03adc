/** The workloads by name; loaded one by one, so that a process loads only its own. */

const loaders = {
  W1: () => import("./W1.mjs"),
  W2: () => import("./W2.mjs"),
  W3: () => import("./W3.mjs"),
  W4: () => import("./W4.mjs"),
  W5: () => import("./W5.mjs"),
  W6: () => import("./W6.mjs"),
  W7: () => import("./W7.mjs"),
  W8: () => import("./W8.mjs"),
  W9: () => import("./W9.mjs"),
  W10: () => import("./W10.mjs"),
  W11: () => import("./W11.mjs"),
  W12: () => import("./W12.mjs"),
};

export const workloadNames = /** @type {(keyof typeof loaders)[]} */ (Object.keys(loaders));

/** @param {string} name @returns {Promise<import("../lib/task.mjs").Workload>} */
export async function loadWorkload(name) {
  const known = workloadNames.find((other) => other === name);
  if (!known)
    throw new Error(`there is no workload "${name}". Workloads: ${workloadNames.join(", ")}.`);
  return (await loaders[known]()).default;
}
