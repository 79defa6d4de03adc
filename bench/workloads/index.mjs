/** The workloads by name; loaded one by one, so that a process loads only its own. */

export const workloadNames = [
  "W1",
  "W2",
  "W3",
  "W4",
  "W5",
  "W6",
  "W7",
  "W8",
  "W9",
  "W10",
  "W11",
  "W12",
];

/** @param {string} name @returns {Promise<import("../lib/task.mjs").Workload>} */
export async function loadWorkload(name) {
  if (!workloadNames.includes(name))
    throw new Error(`there is no workload "${name}". Workloads: ${workloadNames.join(", ")}.`);
  return (await import(`./${name}.mjs`)).default;
}
