import { ConfigError } from "../../base/index.ts";
import { choice, type Dimension, float, int, logUniform, type Space } from "../../train/index.ts";
import { describe, settingPaths } from "./settings.ts";
import { pathOf, scalar } from "./settings-file.ts";

/** Distributions in command-line notation: name → parser. */
const distributions: Readonly<Record<string, (low: number, high: number) => Dimension<number>>> = {
  log: logUniform,
  uniform: float,
  int,
};

const fix =
  "write a setting and its values, such as lr=log(1e-4,1e-1), batchSize=[32,64], hidden=[[16],[32,32]] or dropout=uniform(0,0.5).";

/**
 * The space described by words: settings, each with a distribution. @throws {ConfigError} for an
 * unknown setting, or an invalid distribution.
 */
export function readSpace(words: readonly string[]): Space {
  if (words.length === 0)
    throw new ConfigError({ subject: "search", problem: "nothing is searched over.", fix });
  const dimensions = words.map(readDimension);
  const twice = dimensions.find(([path], n) => dimensions.findIndex(([p]) => p === path) !== n);
  if (twice)
    throw new ConfigError({
      subject: `--over ${twice[0]}`,
      problem: "the setting is named twice.",
      fix: "give all its values at once, such as lr=[0.1,0.01].",
    });
  return Object.fromEntries(dimensions);
}

function readDimension(word: string): [path: string, distribution: Dimension] {
  const cut = word.indexOf("=");
  if (cut < 1)
    throw new ConfigError({
      subject: `--over ${word}`,
      problem: "there is no = between a setting and its values.",
      fix,
    });
  const path = pathOf(word.slice(0, cut));
  if (!path || !settingPaths.includes(path))
    throw new ConfigError({
      subject: `--over ${word}`,
      problem: `there is no setting "${word.slice(0, cut)}".`,
      fix: "`gradus config print` shows all settings.",
    });
  const text = word.slice(cut + 1).trim();
  const [, name, low, high] = /^(\w+)\(([^,]+),([^,]+)\)$/.exec(text) ?? [];
  if (name && Object.hasOwn(distributions, name))
    return [path, distributions[name]!(Number(low), Number(high))];
  const list = /^\[(.*)\]$/.exec(text)?.[1];
  if (list !== undefined) return [path, choice(listed(list, path) as string[])];
  throw new ConfigError({
    subject: `--over ${word}`,
    problem: `"${text}" is not one of log(low,high), uniform(low,high), int(low,high) and [values].`,
    fix,
  });
}

/** Values between commas; for settings that are lists, each value is one in brackets. */
function listed(text: string, path: string): unknown[] {
  const isList = Array.isArray(describe(path).example);
  if (isList && text.trim().startsWith("["))
    return [...text.matchAll(/\[[^\]]*\]/g)].map(([part]) => scalar(part, path));
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => scalar(part, path));
}
