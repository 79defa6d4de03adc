/**
 * The learners of `gradus/learn` by their names on the command line: plain data, so that settings
 * can be read without loading the learners.
 */
import { ConfigError, nearest } from "../../base/index.ts";

/** What a learner predicts for an example: a class, a number, or a cluster. */
export type LearnerTask = "classification" | "regression" | "clustering";

export interface LearnerRow {
  /** Its class in `gradus/learn`. */
  readonly className: string;
  readonly task: LearnerTask;
  readonly about: string;
  /** The options of its class that settings can set. */
  readonly options: readonly string[];
  /** Accepts only two classes. */
  readonly isBinary?: true;
  /** Counts must not be centered: numeric inputs are not standardized. */
  readonly isOfCounts?: true;
}

const kernel = ["kernel", "gamma", "degree", "coef0", "layers"] as const;
const order = ["shuffle", "seed"] as const;
const logistic = ["penalty", "C", "solver", "tolerance", "maxIterations", "lr", "classWeight"];
const sparse = ["alpha", "fitIntercept", "tolerance", "maxIterations"];
const neighbors = ["nNeighbors", "weights", "metric"];

const rows = {
  adaline: {
    className: "Adaline",
    task: "classification",
    about: "the delta rule on the score itself, two classes",
    options: ["rule", "labels", "lr", "epochs", ...order],
    isBinary: true,
  },
  "bernoulli-nb": {
    className: "BernoulliNB",
    task: "classification",
    about: "naive Bayes of features that are there or not",
    options: ["alpha", "binarize"],
    isOfCounts: true,
  },
  "elastic-net": {
    className: "ElasticNet",
    task: "regression",
    about: "a line with L1 and L2 penalty",
    options: [...sparse, "l1Ratio"],
  },
  "gaussian-nb": {
    className: "GaussianNB",
    task: "classification",
    about: "naive Bayes, a normal law per class and feature",
    options: ["varSmoothing"],
  },
  "k-means": {
    className: "KMeans",
    task: "clustering",
    about: "groups around centers, without labels",
    options: ["nClusters", "init", "nInit", "maxIterations", "tolerance", "seed"],
  },
  "k-neighbors-classifier": {
    className: "KNeighborsClassifier",
    task: "classification",
    about: "a vote of the k nearest examples",
    options: neighbors,
  },
  "k-neighbors-regressor": {
    className: "KNeighborsRegressor",
    task: "regression",
    about: "the mean of the k nearest examples",
    options: neighbors,
  },
  "kernel-ridge": {
    className: "KernelRidge",
    task: "regression",
    about: "ridge regression in the space of a kernel",
    options: ["alpha", ...kernel],
  },
  lasso: {
    className: "Lasso",
    task: "regression",
    about: "a line with L1 penalty, some coefficients exactly 0",
    options: sparse,
  },
  "linear-regression": {
    className: "LinearRegression",
    task: "regression",
    about: "the least-squares line",
    options: ["fitIntercept"],
  },
  "linear-svc": {
    className: "LinearSVC",
    task: "classification",
    about: "the line of the widest margin, any number of classes",
    options: ["loss", "C", "solver", "tolerance", "maxIterations", "classWeight", "seed"],
  },
  "logistic-regression": {
    className: "LogisticRegression",
    task: "classification",
    about: "a line with probabilities, any number of classes",
    options: logistic,
  },
  "multinomial-nb": {
    className: "MultinomialNB",
    task: "classification",
    about: "naive Bayes of counts, such as of words",
    options: ["alpha"],
    isOfCounts: true,
  },
  "one-vs-one-classifier": {
    className: "OneVsOneClassifier",
    task: "classification",
    about: "a learner of two classes for each pair of classes",
    options: ["estimator"],
  },
  "one-vs-rest-classifier": {
    className: "OneVsRestClassifier",
    task: "classification",
    about: "a learner of two classes for each class",
    options: ["estimator"],
  },
  perceptron: {
    className: "Perceptron",
    task: "classification",
    about: "corrects its line at every mistake, two classes",
    options: ["labels", "lr", "epochs", "averaged", ...order],
    isBinary: true,
  },
  ridge: {
    className: "Ridge",
    task: "regression",
    about: "a line with L2 penalty; of several alphas the best",
    options: ["alpha", "fitIntercept"],
  },
  "softmax-regression": {
    className: "SoftmaxRegression",
    task: "classification",
    about: "logistic regression with a weight vector per class",
    options: logistic,
  },
  svc: {
    className: "SVC",
    task: "classification",
    about: "the widest margin in the space of a kernel",
    options: ["C", "tolerance", "maxIterations", "classWeight", ...kernel],
  },
} as const satisfies Record<string, LearnerRow>;

/** A learner's name on the command line: its class in kebab case. */
export type LearnerName = keyof typeof rows;
export const learners: Readonly<Record<LearnerName, LearnerRow>> = rows;
export const learnerNames = Object.keys(rows) as readonly LearnerName[];

export const isLearner = (name: unknown): name is LearnerName =>
  typeof name === "string" && Object.hasOwn(rows, name);

/** Options shared with trainings: set by `--lr`, `--epochs`, `--seed`, `training.classWeight`. */
export const trainingOptions = ["lr", "epochs", "seed", "classWeight"] as const;

/** The learners that wrappers of binary learners accept. */
export const binaryLearners = [
  ...["perceptron", "adaline", "logistic-regression", "linear-svc", "svc"],
] as const;

/** The options of a learner; for a wrapper also those of its inner learner. */
export function optionsOf(name: LearnerName, estimator: unknown): readonly string[] {
  const { options } = learners[name];
  if (!options.includes("estimator")) return options;
  return isLearner(estimator) ? [...options, ...learners[estimator].options] : options;
}

/** The name of an option's setting: `model.C`, `training.lr`. */
export const settingOf = (option: string): string =>
  `${(trainingOptions as readonly string[]).includes(option) ? "training" : "model"}.${option}`;

/** @throws {ConfigError} naming the nearest option; an unknown one would be ignored. */
export function noOption(setting: string, name: string, options: readonly string[]): ConfigError {
  const known = options.map(settingOf);
  const near = nearest(setting, known);
  return new ConfigError({
    subject: setting,
    problem: `${name} has no such option; ${known.length > 0 ? `it has ${known.join(", ")}` : "it has none"}.`,
    fix: near ? `did you mean ${near}?` : "leave it out.",
  });
}
