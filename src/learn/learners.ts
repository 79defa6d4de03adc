/** Every learner by its name, and how it is restored from JSON or a file. */
import { FormatError, GradusError, nearest } from "../base/index.ts";
import type { Module } from "../nn/index.ts";
import { BernoulliNB, MultinomialNB } from "./bayes/counts.ts";
import { GaussianNB } from "./bayes/gaussian.ts";
import { KMeans } from "./cluster/k-means.ts";
import { PCA } from "./decomposition/pca.ts";
import type { Estimator, State } from "./estimator.ts";
import { Nystroem, RandomFeatures } from "./kernels/approximations.ts";
import { KernelRidge } from "./kernels/kernel-ridge.ts";
import { SVC } from "./kernels/svc.ts";
import { Adaline } from "./linear/adaline.ts";
import { ElasticNet, Lasso } from "./linear/elastic-net.ts";
import { LinearRegression, Ridge } from "./linear/least-squares.ts";
import { LinearSVC } from "./linear/linear-svc.ts";
import { LogisticRegression, SoftmaxRegression } from "./linear/logistic.ts";
import { Perceptron } from "./linear/perceptron.ts";
import { TSNE } from "./manifold/tsne.ts";
import { UMAP } from "./manifold/umap.ts";
import { type BinaryClassifier, OneVsOneClassifier, OneVsRestClassifier } from "./multiclass.ts";
import { KNeighborsClassifier, KNeighborsRegressor } from "./neighbors/k-neighbors.ts";
import { netLearners, takeModel } from "./neural.ts";
import { Pipeline } from "./pipeline.ts";
import { type ColumnStep, ColumnTransformer } from "./preprocessing/column-transformer.ts";
import { LabelEncoder, OneHotEncoder } from "./preprocessing/encoders.ts";
import { MinMaxScaler, PolynomialFeatures, StandardScaler } from "./preprocessing/scalers.ts";
import { checkSnapshot, decodeState, readSnapshot, type Snapshot } from "./storage.ts";

/**
 * A learner with options, before its state is restored; for composite learners including their
 * parts.
 */
type Make = (options: never, state: State) => Estimator;

const made =
  (Learner: new (options: never) => Estimator): Make =>
  (options) =>
    new Learner(options);

const firstOf = (estimators: unknown): BinaryClassifier => (estimators as BinaryClassifier[])[0]!;

const learners: Readonly<Record<string, Make>> = {
  Adaline: made(Adaline),
  BernoulliNB: made(BernoulliNB),
  ColumnTransformer: (options, { transformers, columns }) =>
    new ColumnTransformer(
      (transformers as Estimator[]).map(
        (each, i) => [each, (columns as number[][])[i]] as unknown as ColumnStep,
      ),
      options,
    ),
  ElasticNet: made(ElasticNet),
  GaussianNB: made(GaussianNB),
  KernelRidge: made(KernelRidge),
  KMeans: made(KMeans),
  KNeighborsClassifier: made(KNeighborsClassifier),
  KNeighborsRegressor: made(KNeighborsRegressor),
  LabelEncoder: made(LabelEncoder),
  Lasso: made(Lasso),
  LinearRegression: made(LinearRegression),
  LinearSVC: made(LinearSVC),
  LogisticRegression: made(LogisticRegression),
  MinMaxScaler: made(MinMaxScaler),
  MultinomialNB: made(MultinomialNB),
  Nystroem: made(Nystroem),
  OneHotEncoder: made(OneHotEncoder),
  OneVsOneClassifier: (_, { estimators }) => new OneVsOneClassifier(firstOf(estimators)),
  OneVsRestClassifier: (_, { estimators }) => new OneVsRestClassifier(firstOf(estimators)),
  PCA: made(PCA),
  Perceptron: made(Perceptron),
  Pipeline: (_, { steps }) => new Pipeline(steps as never),
  PolynomialFeatures: made(PolynomialFeatures),
  RandomFeatures: made(RandomFeatures),
  Ridge: made(Ridge),
  SoftmaxRegression: made(SoftmaxRegression),
  StandardScaler: made(StandardScaler),
  SVC: made(SVC),
  TSNE: made(TSNE),
  UMAP: made(UMAP),
};

/** The names of all learners. */
export const learnerNames: readonly string[] = Object.keys(learners);

/**
 * A learner from the result of its `toJSON`, or that as text.
 *
 * @param models for the nets among the learners, in their order: files hold weights, but no code.
 * @throws {FormatError} if it is not a learner, or has another version. @throws {DataError} if a
 * net has no model.
 * @example
 * const line = await new LinearRegression().fit([[0], [1], [2]], [1, 3, 5]);
 * const again = learnerFromJSON(JSON.stringify(line)) as LinearRegression;
 * again.predict([[10]]).toArray(); // [21]
 */
export function learnerFromJSON(json: unknown, ...models: Module[]): Estimator {
  const subject = "learnerFromJSON";
  const value = typeof json === "string" ? parsed(json) : json;
  return undamaged(subject, () => build(checkSnapshot(value, subject), models));
}

/** The result of reading; errors that are not ours come from values that no learner can have. */
function undamaged(subject: string, read: () => Estimator): Estimator {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof GradusError) throw thrown;
    throw new FormatError({
      subject,
      problem: `the learner is damaged (${thrown instanceof Error ? thrown.message : thrown}).`,
      fix: "restore what its save or toJSON wrote.",
    });
  }
}

function build(snapshot: Snapshot, models: Module[]): Estimator {
  const { name, options, state } = checkSnapshot(snapshot, "learner");
  const inner = (part: Snapshot) => build(part, models);
  if (Object.hasOwn(netLearners, name)) {
    const Net = netLearners[name as keyof typeof netLearners];
    return new Net(takeModel(name, models), options as never).restore(decodeState(state, inner));
  }
  const make = Object.hasOwn(learners, name) ? learners[name] : undefined;
  if (!make) {
    const near = nearest(name, learnerNames);
    throw new FormatError({
      subject: "learner",
      problem: `there is no learner "${name}".`,
      fix: near ? `did you mean ${near}?` : `the learners are ${learnerNames.join(", ")}.`,
    });
  }
  const decoded = decodeState(state, inner);
  return make(options as never, decoded).restore(decoded);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new FormatError({
      subject: "learnerFromJSON",
      problem: `not JSON (${thrown instanceof Error ? thrown.message : thrown}).`,
      fix: "give what JSON.stringify made of a learner.",
    });
  }
}

/**
 * A learner from the file that its `save` wrote.
 *
 * @param models for the nets among the learners, in their order: files hold weights, but no code.
 * @throws {FormatError} if it is not a learner, or damaged. @throws {DataError} if a net has no
 * model.
 */
export async function loadLearner(path: string, ...models: Module[]): Promise<Estimator> {
  const snapshot = await readSnapshot(path);
  return undamaged(path, () => build(snapshot, models));
}
