import { ConfigError, checkOptions, type OptionNames } from "../../base/index.ts";

/** Constants that are decay factors of a mean or a velocity; all other constants are sizes. */
const isShare = (name: string): boolean => /^(beta|rho|momentum)\d?$/.test(name);

/**
 * Checks a rule's constants and returns its name: β and ρ from 0 to below 1, because at 1 a mean
 * would never move and beyond it would grow; ε and λ finite and ≥ 0.
 *
 * @throws {ConfigError} naming the first invalid one.
 */
export function nameOf(rule: string, constants: Readonly<Record<string, number>>): string {
  for (const [name, x] of Object.entries(constants)) {
    const must = isShare(name) ? "a number from 0 to below 1" : "a finite number of 0 or more";
    if (x >= 0 && x < (isShare(name) ? 1 : Number.POSITIVE_INFINITY)) continue;
    throw new ConfigError({
      subject: rule,
      problem: `${name} is ${x}, expected ${must}.`,
      fix: `give ${name} as ${must}, or leave it out.`,
    });
  }
  return rule;
}

/** For a rule whose formula has no constants. */
export type NoConstants = Readonly<Record<string, never>>;

/**
 * {@link checkOptions} with advice for those who pass the learning rate among a rule's constants.
 */
export function checkRuleOptions<O extends object>(
  rule: string,
  options: O | undefined,
  names: OptionNames<O>,
): void {
  const isRate = (name: string) => /^(lr|learning_?rate|step_?size)$/i.test(name);
  const rate = Object.entries(options ?? {}).find(([name]) => isRate(name));
  if (rate)
    throw new ConfigError({
      subject: rule,
      problem: `unknown option "${rate[0]}": a rule has no learning rate of its own.`,
      fix: `give it to the Optimizer or to fit: new Optimizer(model, ${rule}(), { lr: ${String(rate[1])} }).`,
    });
  checkOptions(rule, options, names);
}
