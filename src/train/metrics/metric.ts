/** What a metric is, and how it is accumulated over batches. */
import type { HostArray } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { Logs } from "../history.ts";
import type { Sums } from "./averages.ts";

/**
 * A sum over the examples of a batch: outputs and targets → a scalar. Logs show it divided by the
 * number of examples; integers (counts) stay exact.
 */
export type SumMetric = (outputs: Tensor, targets: Tensor) => Tensor;

/** A function of sums over examples, such as a ratio of counts; the sums are part of the compiled step. */
export interface CountMetric {
  /** Any number of sums over the batch. */
  readonly sums: (outputs: Tensor, targets: Tensor) => Tensor;
  /** The value for the logs. @param sums over all batches, in float64. */
  readonly result: (sums: readonly number[], examples: number) => number;
}

/** A function of all outputs and targets together, such as a rank statistic: in evaluation only. */
export interface EpochMetric {
  /** The metric of all outputs and targets at once. */
  readonly compute: (outputs: HostArray, targets: HostArray) => number;
}

/** A metric does not depend on how the examples are cut into batches. */
export type Metric = SumMetric | CountMetric | EpochMetric;

/** An object with metrics by name, such as an objective. */
interface Measured {
  readonly metrics: Readonly<Record<string, Metric>>;
}

/** The logs of an objective, in training and in evaluation. */
export const namesOf = ({ metrics }: Measured): { trained: string[]; measured: string[] } => ({
  trained: ["loss", ...Object.keys(metrics).filter((name) => !isEpochMetric(metrics[name]!))],
  measured: ["loss", ...Object.keys(metrics)],
});

const isEpochMetric = (metric: Metric): metric is EpochMetric => "compute" in metric;
export const needsEpoch = ({ metrics }: Measured): boolean =>
  Object.values(metrics).some(isEpochMetric);

/** The results of a compiled step for outputs and targets: sums by the name of their metric. */
export function sumsOf(
  { metrics }: Measured,
  outputs: Tensor,
  targets: Tensor,
): Record<string, Tensor> {
  const sums: Record<string, Tensor> = {};
  for (const [name, metric] of Object.entries(metrics))
    if (typeof metric === "function") sums[name] = metric(outputs, targets);
    else if (!isEpochMetric(metric)) sums[name] = metric.sums(outputs, targets);
  return sums;
}

/** Sums as plain numbers: one under its name, several under name/0, name/1, … */
export function plainSums(sums: Readonly<Record<string, Tensor>>): Record<string, number> {
  const plain: Record<string, number> = {};
  for (const [name, sum] of Object.entries(sums))
    if (sum.rank === 0) plain[name] = sum.item();
    else
      sum.dataSync().forEach((x, i) => {
        plain[`${name}/${i}`] = x;
      });
  return plain;
}

/** The logs computed from sums over examples: the mean loss first, then the metrics. */
export function logsOf({ metrics }: Measured, { examples, sums }: Sums): Logs {
  const logs: Record<string, number> = {};
  if (examples === 0) return logs;
  if (sums.loss !== undefined) logs.loss = sums.loss / examples;
  for (const [name, metric] of Object.entries(metrics)) {
    if (isEpochMetric(metric)) continue;
    if (typeof metric === "function") logs[name] = sums[name]! / examples;
    else logs[name] = metric.result(numbered(sums, name), examples);
  }
  return logs;
}

function numbered(sums: Logs, name: string): number[] {
  if (sums[name] !== undefined) return [sums[name]];
  const numbers: number[] = [];
  for (let i = 0; ; i++) {
    const x = sums[`${name}/${i}`];
    if (x === undefined) return numbers;
    numbers.push(x);
  }
}

/** The metrics that need all outputs. */
export const epochLogs = ({ metrics }: Measured, outputs: HostArray, targets: HostArray): Logs =>
  Object.fromEntries(
    Object.entries(metrics).flatMap(([name, metric]) =>
      isEpochMetric(metric) ? [[name, metric.compute(outputs, targets)]] : [],
    ),
  );
