/** Exclusive use of a model: while one training changes it, nobody else may train or measure it. */
import { ConfigError } from "../base/index.ts";
import type { AnyModule } from "../nn/index.ts";

/** A model, or parts of it, in use by a training. */
export class Claim {
  /** True while callbacks run: no step runs then, and the model may be measured. */
  resting = false;
  readonly #parts: readonly object[];

  /** @throws {ConfigError} if another training uses a part of the model. */
  constructor(subject: string, model: AnyModule) {
    this.#parts = partsOf(model);
    if (this.#parts.some((part) => claims.has(part)))
      throw new ConfigError({
        subject,
        problem: `${firstLine(model)}, or a part of it, is being trained by another call that has not ended.`,
        fix: "await that training first, or train a model of its own.",
      });
    for (const part of this.#parts) claims.set(part, this);
  }

  release(): void {
    for (const part of this.#parts) claims.delete(part);
  }
}

/** `Linear 2 → 2`; for a model with layers its class. */
const firstLine = (model: AnyModule): string => String(model).split("\n", 1)[0]!;

const claims = new WeakMap<object, Claim>();

/** All variables that a step may change; the model itself if it has none. */
const partsOf = (model: AnyModule): object[] => [model, ...Object.values(model.state())];

/** @throws {ConfigError} if a step of a training may be running on the model. */
export function checkIdle(subject: string, model: AnyModule): void {
  if (partsOf(model).every((part) => claims.get(part)?.resting ?? true)) return;
  throw new ConfigError({
    subject,
    problem: `${firstLine(model)} is being trained: this would measure weights of several moments.`,
    fix: "await the training first, or measure in one of its callbacks, which it waits for.",
  });
}
