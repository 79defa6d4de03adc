/** The figures of E12. */
import { type Curve, lineChart } from "./line-chart.ts";
import type { Course, descendTo } from "./stochastic-descent.ts";

/** Loss against steps of one example. */
export function stepChart(course: Course, falling: number, of: string) {
  const points = (losses: readonly number[]) =>
    course.steps.map((k, i) => [k, losses[i]!] as const);
  const curves: Curve[] = [
    { name: "constant 0.02", points: points(course.last[0]!) },
    { name: "constant 0.0025", points: points(course.last[3]!) },
    { name: "2 / (k + 100)", points: points(course.last[falling]!) },
    { name: "constant 0.02, averaged", points: points(course.averaged[0]!) },
  ];
  return lineChart({
    title: "A constant step stalls, a falling one does not, an average helps",
    subtitle: `Least squares, ${of}; loss above the least, mean of many runs`,
    x: "steps of one example",
    y: "loss above the least",
    log: "xy",
    curves,
  });
}

/** How far batches of three sizes come in epochs, or in time. */
export const batchChart = (
  key: "epochs" | "seconds",
  x: string,
  kinds: readonly { name: string; course: ReturnType<typeof descendTo> }[],
  goal: number,
) =>
  lineChart({
    title: key === "epochs" ? "Small batches need fewer epochs" : "… and the clock prefers batches",
    subtitle: `Least squares on a ravine of condition 30, down to ${goal} above the least`,
    x,
    y: "loss above the least",
    log: "xy",
    curves: kinds.map(({ name, course }) => ({
      name,
      points: course.filter((c) => c[key] > 0).map((c) => [c[key], c.excess] as const),
    })),
  });
