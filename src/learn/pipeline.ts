/** Transformers and a learner as one learner. */
import { ConfigError, describe } from "../base/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { Estimator, examplesOf, type LearnOptions, type State } from "./estimator.ts";
import type { Examples, Features, Targets } from "./input.ts";
import type { Cells } from "./preprocessing/transformer.ts";

/** An intermediate step of a pipeline: it fits and transforms. */
export interface PipelineStep extends Estimator {
  /** Learns what it needs to transform. */
  fit(x: never, y?: Targets, options?: LearnOptions): Promise<unknown>;
  /** New rows from rows. */
  transform(x: never): Tensor;
}

/** The last step of a pipeline. */
export interface LastStep extends Estimator {
  /** Learns from the output of the previous steps. */
  fit(x: never, y?: Targets, options?: LearnOptions): Promise<unknown>;
}

/** The result of a method of the last step. */
type Given<L, Name extends string> =
  L extends Record<Name, (...args: never[]) => infer R> ? R : never;

type PipelineState = State & { readonly steps: readonly Estimator[] };

/**
 * Steps as one learner: each is fitted on the output of the previous ones for the training rows,
 * and new rows pass through all of them. So preprocessing cannot be forgotten, and learns nothing
 * from test rows.
 *
 * Created by {@link pipeline}. The pipeline has all methods of its last step. Its cost is the sum of the steps' costs; the
 * rows between two steps are kept until the next one has read them, O(ND′).
 */
export class Pipeline<L extends LastStep = LastStep> extends Estimator<PipelineState> {
  readonly name = "Pipeline";
  readonly options = {};
  readonly steps: readonly [...PipelineStep[], L];

  constructor(steps: readonly [...PipelineStep[], L]) {
    super();
    this.steps = steps;
  }

  override fresh(): this {
    const steps = this.steps.map((step) => step.fresh());
    return new Pipeline<L>(steps as unknown as [...PipelineStep[], L]) as this;
  }

  /** The learner at the end. */
  get last(): L {
    return this.steps.at(-1) as L;
  }

  /** Fits each step on the output of the previous ones. */
  async fit(
    x: Features | Cells | Examples,
    y?: Targets,
    options: LearnOptions = {},
  ): Promise<this> {
    const isExamples = "inputs" in (x as object) && "targets" in (x as object);
    const given = isExamples ? examplesOf(this.name, x as Examples, y) : { x, y };
    let rows = given.x as never;
    for (const step of this.steps.slice(0, -1) as PipelineStep[]) {
      await step.fit(rows, given.y, options);
      rows = step.transform(rows) as never;
    }
    await this.last.fit(rows, given.y, options);
    return this.learn({ steps: this.steps });
  }

  /** Rows as the last step sees them. */
  #prepared(x: Features | Cells): never {
    void this.state;
    let rows = x as never;
    for (const step of this.steps.slice(0, -1) as PipelineStep[])
      rows = step.transform(rows) as never;
    return rows;
  }

  #ask<Name extends string>(name: Name, x: Features | Cells, ...more: unknown[]): Given<L, Name> {
    const { last } = this;
    const method = (last as unknown as Record<string, unknown>)[name];
    if (typeof method === "function") return method.call(last, this.#prepared(x), ...more);
    throw new ConfigError({
      subject: "pipeline",
      problem: `its last step, ${last.name}, has no ${name}.`,
      fix: "end the pipeline with a learner that has.",
    });
  }

  /** The predictions of the last step. */
  predict(x: Features | Cells): Given<L, "predict"> {
    return this.#ask("predict", x);
  }
  /** Probabilities of the last step. */
  predictProba(x: Features | Cells): Given<L, "predictProba"> {
    return this.#ask("predictProba", x);
  }
  /** Scores of the last step. */
  decisionFunction(x: Features | Cells): Given<L, "decisionFunction"> {
    return this.#ask("decisionFunction", x);
  }
  /** The rows transformed by the last step. */
  transform(x: Features | Cells): Given<L, "transform"> {
    return this.#ask("transform", x);
  }
  /** The score of the last step. */
  score(x: Features | Cells | Examples, y?: Targets, options: LearnOptions = {}): number {
    const isExamples = "inputs" in (x as object) && "targets" in (x as object);
    const given = isExamples ? examplesOf(this.name, x as Examples, y) : { x, y };
    return this.#ask("score", given.x as Cells, given.y, options) as number;
  }
}

/**
 * A {@link Pipeline} of transformers and a learner.
 *
 * @throws {ConfigError} if a step before the last cannot transform.
 * @example
 * const model = pipeline(standardScaler(), new LogisticRegression());
 * await model.fit([[100], [200], [300], [400]], ["low", "low", "high", "high"]);
 * model.predict([[150], [380]]); // ["low", "high"]
 */
export function pipeline<L extends LastStep>(...steps: [...PipelineStep[], L]): Pipeline<L> {
  if (steps.length === 0)
    throw new ConfigError({
      subject: "pipeline",
      problem: "there is no step.",
      fix: "give transformers and a learner, such as pipeline(standardScaler(), new Ridge()).",
    });
  for (const [i, step] of steps.entries()) {
    const needed = i + 1 < steps.length ? ["fit", "transform"] : ["fit"];
    const record = step as unknown as Record<string, unknown>;
    const missing = needed.find((name) => typeof record?.[name] !== "function");
    if (missing !== undefined)
      throw new ConfigError({
        subject: "pipeline",
        problem: `step ${i}, ${describe(step)}, has no ${missing}.`,
        fix: "give transformers, and a learner at the end.",
      });
  }
  return new Pipeline<L>(steps as [...PipelineStep[], L]);
}
