import type { Experiment, Setup } from "./shared/experiment.ts";
import { lineChart } from "./shared/line-chart.ts";
import {
  bayesError,
  d,
  errors,
  logistic,
  naiveBayes,
  sample,
} from "./shared/linear-classifiers.ts";
import { mean, standardError } from "./shared/statistics.ts";

const early = 2 * d; // few examples: where the generative one should be better
const shared = 0.6; // c: half of the features are x = ±0.3 + ε + c u with a common u

/** Mean errors for each n, and by how many standard errors naive Bayes is better. */
async function learningCurves(c: number, ns: readonly number[], runs: number, seed: number) {
  const points: LearningPoint[] = [];
  for (const [i, n] of ns.entries()) {
    const x = sample(c, n, runs, seed, 10 * i);
    const [bayes, regression] = [errors(naiveBayes(x), c), errors(await logistic(x), c)];
    const lead = regression.map((e, r) => e - bayes[r]!);
    points.push({
      n,
      bayes: mean(bayes),
      regression: mean(regression),
      errors: [standardError(bayes), standardError(regression)],
      lead: mean(lead) / standardError(lead),
    });
  }
  return points;
}

interface LearningPoint {
  readonly n: number;
  readonly bayes: number;
  readonly regression: number;
  readonly errors: readonly [bayes: number, regression: number];
  readonly lead: number;
}

async function run({ quick, seed, progress }: Setup) {
  const ns = quick ? [10, 20, 40, 80, 160, 320, 640] : [10, 20, 40, 80, 160, 320, 640, 1280, 2560];
  const runs = quick ? 50 : 100;
  progress("features that are not independent");
  const dependent = await learningCurves(shared, ns, runs, seed);
  progress("independent features");
  const independent = await learningCurves(0, ns, runs, seed + 1000);
  const at = (curve: readonly LearningPoint[]) => curve.find((r) => r.n === early)!;
  const [small, large] = [at(dependent), dependent.at(-1)!];
  const crosses = (curve: readonly LearningPoint[]) =>
    at(curve).lead > 2 && curve.at(-1)!.lead < -2;
  const numbers = (curve: readonly LearningPoint[], of: "bayes" | "regression") =>
    curve.map((r) => r[of]);
  const percent = (x: number) => `${(100 * x).toFixed(1)} %`;
  const best = independent.at(-1)!;
  const crossing = dependent.find((r) => r.n > early && r.lead < 0)?.n ?? Number.POSITIVE_INFINITY;
  return {
    holds: crosses(dependent),
    control: !crosses(independent),
    summary: `with dependent features naive Bayes errs less at n = ${small.n} (${percent(small.bayes)} against ${percent(small.regression)}, ${small.lead.toFixed(0)} standard errors) and logistic regression at n = ${large.n} (${percent(large.regression)} against ${percent(large.bayes)}, ${(-large.lead).toFixed(0)} standard errors); they cross near n = ${crossing}`,
    controlSummary: `with independent features logistic regression never takes the lead: at n = ${best.n}, ${percent(best.regression)} against ${percent(best.bayes)}`,
    figures: {
      "examples n": ns,
      "samples per n": runs,
      "error of naive Bayes, dependent features": numbers(dependent, "bayes"),
      "error of logistic regression, dependent features": numbers(dependent, "regression"),
      "error of naive Bayes, independent features": numbers(independent, "bayes"),
      "error of logistic regression, independent features": numbers(independent, "regression"),
      "least possible error, dependent features": bayesError(shared),
      "least possible error, independent features": bayesError(0),
      "lead of naive Bayes in standard errors, dependent": dependent.map((r) => r.lead),
      "lead of naive Bayes in standard errors, independent": independent.map((r) => r.lead),
    },
    charts: {
      dependent: await picture(
        dependent,
        shared,
        "Dependent features: naive Bayes first, logistic regression last",
      ),
      independent: await picture(
        independent,
        0,
        "Independent features: naive Bayes is right, and stays ahead",
      ),
    },
    remarks: [
      "Ng & Jordan's claim is about limits: the generative model reaches its own limit after O(log d) examples, the discriminative one its lower limit after O(d). The limits differ only where the model of naive Bayes is wrong.",
      `At n = ${ns[0]} naive Bayes does not lead yet: its variances are of ${ns[0]! - 2} degrees of freedom.`,
      "Errors are exact, by the normal distribution; only the training samples are random.",
    ],
  };
}

const picture = (curve: readonly LearningPoint[], c: number, title: string) =>
  lineChart({
    title,
    subtitle: `Error on two normal classes, d = ${d}, ± 2 standard errors; dashed: the least possible`,
    x: "examples n",
    y: "error (%)",
    log: "x",
    rules: [100 * bayesError(c)],
    curves: [
      {
        name: "naive Bayes",
        dots: true,
        points: curve.map((r) => [r.n, 100 * r.bayes, 100 * r.errors[0]] as const),
      },
      {
        name: "logistic regression",
        dots: true,
        points: curve.map((r) => [r.n, 100 * r.regression, 100 * r.errors[1]] as const),
      },
    ],
  });

export default {
  id: "E17",
  title: "Naive Bayes against logistic regression",
  claim:
    "A generative classifier (naive Bayes) comes sooner to its limit, a discriminative one (logistic regression) to a better limit: with few examples the first errs less, with many the second.",
  source: "Ng & Jordan 2002",
  measured:
    "The exact error of both on two normal classes in 20 dimensions against the number of examples, with half of the features correlated, so that the assumption of naive Bayes is wrong.",
  criterion:
    "Naive Bayes errs less at n = 2d and logistic regression at the largest, each by more than two standard errors. Control: with independent features, where naive Bayes is right, they must not cross.",
  run,
} satisfies Experiment;
