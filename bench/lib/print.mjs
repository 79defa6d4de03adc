/** Lines for the terminal. */

/** @param {number} bytes */
export const mebibytes = (bytes) => `${Math.round(bytes / 2 ** 20)} MiB`;

/** Three significant digits. @param {number} x */
export const figure = (x) =>
  x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x >= 1 ? x.toFixed(2) : x.toPrecision(2);

/** @param {number} seconds */
export const duration = (seconds) =>
  seconds >= 1
    ? `${figure(seconds)} s`
    : seconds >= 1e-3
      ? `${figure(seconds * 1e3)} ms`
      : `${figure(seconds * 1e6)} µs`;

/**
 * @typedef {import("./measure.mjs").Result & { target?: number, gflop?: number, peak?: number | null }} FullResult
 * @param {FullResult} result
 */
export function resultLine(result) {
  const { workload, name, peer, ratio, quartiles, gradus, other, agree, failure, target } = result;
  const head = `  ${workload}${name ? ` ${name}` : ""}`.padEnd(24);
  const rate = speedOf(result);
  const mine = `gradus ${rate(gradus)}, ${mebibytes(gradus.peakBytes)}`;
  if (!other || ratio === null || !quartiles)
    return `${head} ${mine}${peer ? `; ${peer}: ${failure}` : ""}`;
  const check = agree ? "" : `  VALUES DIFFER: ${gradus.values} and ${other.values}`;
  const wanted = target === undefined ? "" : ratio >= target ? "  ✓" : `  (target ${target})`;
  return (
    `${head} ${peer.padEnd(11)} ×${figure(ratio)} [${quartiles.map(figure).join(", ")}]${wanted}  ` +
    `${mine}; ${peer} ${rate(other)}, ${mebibytes(other.peakBytes)} (${other.variant})${check}`
  );
}

/** How fast a side is, in the unit of the task. @param {FullResult} result @returns {(side: { stepsPerSecond: number }) => string} */
export function speedOf({ gflop, peak }) {
  if (gflop === undefined) return ({ stepsPerSecond }) => duration(1 / stepsPerSecond);
  return ({ stepsPerSecond }) => {
    const rate = gflop * stepsPerSecond;
    const part = peak ? ` (${Math.round((100 * rate) / peak)} % of peak)` : "";
    return `${figure(rate)} GFLOP/s${part}`;
  };
}

/** @param {string} title @param {import("./profile.mjs").ProgramTimes} times */
export function profileLines(title, { instructions, stepSeconds, arenaBytes, boundBytes }) {
  const total = instructions.reduce((n, { seconds }) => n + seconds, 0);
  const rows = instructions.map((instruction, at) => ({ ...instruction, at }));
  rows.sort((a, b) => b.seconds - a.seconds);
  /** @type {Map<string, number>} */
  const kinds = new Map();
  for (const { kind, seconds } of rows) kinds.set(kind, (kinds.get(kind) ?? 0) + seconds);
  const byKind = [...kinds].sort((a, b) => b[1] - a[1]);
  return [
    `${title}: ${instructions.length} instructions, ${duration(total)} of ${duration(stepSeconds)} per step, arena ${mebibytes(arenaBytes)} (at least ${mebibytes(boundBytes)})`,
    `  ${byKind.map(([kind, seconds]) => `${kind} ${Math.round((100 * seconds) / total)} %`).join(", ")}`,
    "    #   share       time  GFLOP/s    GB/s",
    ...rows
      .filter(({ seconds }) => seconds > 0) // what an instruction before has done takes no time of its own
      .slice(0, 24)
      .map(
        ({ at, what, seconds, flop, bytes }) =>
          `${String(at).padStart(5)} ${((100 * seconds) / total).toFixed(1).padStart(5)} % ` +
          `${duration(seconds).padStart(10)} ${figure((flop / seconds) * 1e-9).padStart(8)} ` +
          `${figure((bytes / seconds) * 1e-9).padStart(7)}  ${what.slice(0, 150)}`,
      ),
  ];
}
