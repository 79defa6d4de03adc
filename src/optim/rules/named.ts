/** Update rules by name, as used in options. */
import { ConfigError, describe, nearest } from "../../base/index.ts";
import { adadelta, adagrad } from "./adagrad.ts";
import { adam, adamW } from "./adam.ts";
import { lion } from "./lion.ts";
import { nadam } from "./nadam.ts";
import { rmsprop } from "./rmsprop.ts";
import type { Rule } from "./rule.ts";
import { heavyBall, momentum, nesterov, sgd, subgradient } from "./sgd.ts";

const rules = {
  ...{ adadelta, adagrad, adam, adamW, heavyBall, lion, momentum, nadam, nesterov, rmsprop, sgd },
  subgradient,
} satisfies Record<string, () => Rule>;

/** The name of a rule with its default constants. */
export type RuleName = keyof typeof rules;

/**
 * A rule, its name, or a function that makes one with its default constants: `adam()`, `"adam"`,
 * `adam`.
 */
export type RuleLike = Rule | RuleName | (() => Rule);

const isRule = (x: unknown): x is Rule =>
  typeof x === "object" &&
  x !== null &&
  typeof (x as Rule).init === "function" &&
  typeof (x as Rule).update === "function";

/** Resolves a {@link RuleLike}. @throws {ConfigError} for anything else. */
export function ruleOf(subject: string, given: RuleLike): Rule {
  if (isRule(given)) return given;
  const names = Object.keys(rules);
  const isKnown = typeof given === "string" && Object.hasOwn(rules, given);
  if (isKnown) return rules[given]();
  const made = typeof given === "function" ? called(given) : undefined;
  if (isRule(made)) return made;
  const near = typeof given === "string" ? nearest(given, names) : undefined;
  throw new ConfigError({
    subject,
    problem: `the optimizer is ${describe(given)}, not an update rule.`,
    fix: near
      ? `did you mean "${near}"?`
      : `give a rule such as adam(), or the name of one: ${names.join(", ")}.`,
  });
}

/** The result of the function; nothing if it is a class, or fails. */
function called(f: () => unknown): unknown {
  try {
    return f();
  } catch {
    return undefined;
  }
}
