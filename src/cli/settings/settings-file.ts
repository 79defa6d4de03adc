import { ConfigError, DataError, FormatError, nearest } from "../../base/index.ts";
import { unreadable } from "../../formats/files.ts";
import { readBytes } from "../../formats/index.ts";
import { isSet } from "../sources/readers/set.ts";
import { waitFor } from "../terminal/waiting.ts";
import { type Assignment, describe, givenSchema, settingPaths } from "./settings.ts";

/** A configuration file's path and content. */
export interface SettingsFile {
  readonly path: string;
  readonly content: unknown;
}

const parsers: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  ".yaml": readYaml,
  ".yml": readYaml,
  ".json": readJson,
  ".js": readModule,
  ".mjs": readModule,
};
const extensions = Object.keys(parsers).join(", ");

/**
 * Splits what follows `gradus train`: a configuration file and `key=value` words.
 *
 * @throws {ConfigError} for a word that is neither.
 */
export function splitWords(words: readonly string[]): {
  file: string | undefined;
  assignments: Assignment[];
} {
  const files = words.filter((word) => !/^[\w.]+=/.test(word));
  if (files.length > 1)
    throw new ConfigError({
      subject: "configuration",
      problem: `there are ${files.length} files (${files.join(", ")}).`,
      fix: "give one file, and single settings as key=value.",
    });
  const assignments = words.filter((word) => !files.includes(word)).map(readAssignment);
  return { file: files[0], assignments };
}

/** What the name of a section alone sets: `data=moons`, `model=mlp`. */
const short: Readonly<Record<string, string>> = { data: "data.source", model: "model.name" };

/** `training.lr=0.1`; `lr=0.1`, the last part, is enough. */
function readAssignment(word: string): Assignment {
  const cut = word.indexOf("=");
  const [key, text] = [word.slice(0, cut), word.slice(cut + 1)];
  const path = pathOf(key);
  if (path) return { path, value: scalar(text, path), name: path, text };
  const near = nearest(key, [
    ...settingPaths,
    ...settingPaths.map((known) => known.split(".")[1]!),
  ]);
  throw new ConfigError({
    subject: word,
    problem: `there is no setting "${key}".`,
    fix: near ? `did you mean ${near}=${text}?` : "`gradus config print` shows all settings.",
  });
}

/** The setting of a key, in full or by its last part. */
export const pathOf = (key: string): string | undefined =>
  short[key] ?? settingPaths.find((known) => known === key || known.endsWith(`.${key}`));

/**
 * Parses a command-line value: a single one, or for a list in `[…]` or with commas. The setting
 * decides how a word is read: `2024` is a text as the name of data and an integer as a number of
 * epochs.
 */
export function scalar(text: string, path: string): unknown {
  const { example, isColumn } = describe(path);
  const each = (part: string) => {
    const plain = part.trim().replace(/^(["'])(.*)\1$/, "$2");
    return wordAs(plain, Array.isArray(example) ? example[0] : example, isColumn);
  };
  return Array.isArray(example)
    ? text
        .replace(/^\[|\]$/g, "")
        .split(",")
        .map(each)
    : each(text);
}

/**
 * Parses a word like `example`; returned unchanged if it does not parse, for the schema to reject.
 */
function wordAs(plain: string, example: unknown, isColumn = false): unknown {
  if (typeof example === "boolean" && /^(true|false)$/.test(plain)) return plain === "true";
  const isNumber = isColumn ? /^(0|[1-9]\d*)$/.test(plain) : typeof example === "number";
  return isNumber && plain !== "" && Number.isFinite(Number(plain)) ? Number(plain) : plain;
}

/**
 * Reads a configuration: YAML, JSON, the config.json of a run, or a module with a default export.
 * @throws {DataError} if it is missing. @throws {FormatError} if its format is invalid.
 */
export async function readSettingsFile(path: string): Promise<SettingsFile> {
  const { extname } = await import("node:path");
  const { stat } = await import("node:fs/promises");
  const parse = parsers[extname(path)];
  if (!parse)
    throw new ConfigError({
      subject: path || '""',
      problem: `a configuration ends in ${extensions}.`,
      fix: "name the file so, or give single settings as key=value or flags.",
    });
  const found = await stat(path).catch((thrown) => {
    throw unreadable(path, thrown, "`gradus config print > config.yaml` writes one to begin with.");
  });
  if (!found.isFile())
    throw new DataError({
      subject: path,
      problem: "this is not a file.",
      fix: "`gradus config print > config.yaml` writes one to begin with.",
    });
  const content = await waitFor(`the configuration ${path}`, () => parse(path));
  if (isDeeper(content, mostLevels)) throw tooDeep(path);
  const { dirname } = await import("node:path");
  return { path, content: await fromFolder(dirname(path), settingsOf(content)) };
}

/** The settings in a run's config.json; any other content is settings itself. */
const settingsOf = (content: unknown): unknown =>
  typeof content === "object" && content !== null && "settings" in content && "gradus" in content
    ? content.settings
    : content;

/** Settings that are paths, relative to the folder of the file. */
const paths = [
  ["data", "source"],
  ["transfer", "from"],
] as const;

/** The settings with their paths made absolute. */
export async function fromFolder(folder: string, content: unknown): Promise<unknown> {
  const { resolve } = await import("node:path");
  if (typeof content !== "object" || content === null || Array.isArray(content)) return content;
  const whole = { ...content } as Record<string, unknown>;
  for (const [section, name] of paths) {
    const inner = whole[section];
    if (typeof inner !== "object" || inner === null) continue;
    const value = Reflect.get(inner, name);
    if (typeof value !== "string" || value === "" || isSet(value)) continue;
    whole[section] = { ...inner, [name]: resolve(folder, value) };
  }
  return whole;
}

/** Milliseconds after which a module that is still running is named. */
const patience = 3000;
/** Maximum length of YAML: some of its parser's times grow with the square. */
const mostYaml = 2 ** 16;
/** Maximum depth of sections and lists, counted by brackets and columns. */
const mostLevels = 200;
/** Characters that the YAML lexer allows before the first token. */
const documentStart = "\u0002";

const readText = async (path: string) => new TextDecoder().decode(await readBytes(path));

/**
 * YAML text within the limits of length and depth: its parser recurses, and V8 ends the process if
 * a regular expression overflows the stack.
 */
async function readYamlText(path: string): Promise<string> {
  const text = await readText(path);
  if (text.length > mostYaml)
    throw new FormatError({
      subject: path,
      problem: `it has ${text.length} characters, settings in YAML at most ${mostYaml}.`,
      fix: "write it as JSON, which takes any length.",
    });
  const { Lexer } = await import("yaml");
  let brackets = 0;
  let columns = 0;
  let isBefore = true;
  for (const token of new Lexer().lex(text)) {
    if (/^[[{]$/.test(token)) brackets++;
    else if (/^[\]}]$/.test(token)) brackets--;
    if (/^[\r\n]/.test(token)) [columns, isBefore] = [0, true];
    else if (/^( +|[-?:])$/.test(token)) columns += isBefore ? token.length : 0;
    else if (token !== documentStart) isBefore = false;
    if (brackets + columns > mostLevels) throw tooDeep(path);
  }
  return text;
}

/** Whether a value has more levels of lists and records, or contains itself. */
const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === "object" &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)));

const tooDeep = (path: string): FormatError =>
  new FormatError({
    subject: path,
    problem: `it is nested more than ${mostLevels} levels deep.`,
    fix: "write settings in sections; `gradus config print` shows a whole file.",
  });

async function readYaml(path: string): Promise<unknown> {
  const { isMap, isScalar, parseDocument } = await import("yaml");
  return parsed(path, "YAML", await readYamlText(path), (text) => {
    // `<<: *defaults`, which YAML 1.2 removed but people still write
    const document = parseDocument(text, { merge: true, logLevel: "error" });
    if (document.errors[0]) throw document.errors[0];
    const content = document.toJS() as Record<string, unknown>;
    // `base: &base {…}` beside the sections is there to be merged, and is not a section itself
    if (isMap(document.contents))
      for (const { key, value } of document.contents.items) {
        const name = isScalar(key) ? String(key.value) : "";
        const isAnchor = isMap(value) && value.anchor !== undefined;
        if (isAnchor && !Object.hasOwn(givenSchema.shape, name)) delete content[name];
      }
    return content;
  });
}

async function readJson(path: string): Promise<unknown> {
  return parsed(path, "JSON", await readText(path), JSON.parse);
}

function parsed(path: string, format: string, text: string, parse: (text: string) => unknown) {
  try {
    return parse(text);
  } catch (thrown) {
    throw badFile(path, format, thrown);
  }
}

async function readModule(path: string): Promise<unknown> {
  const { pathToFileURL } = await import("node:url");
  let settings: unknown;
  const late = setTimeout(() => {
    process.stderr.write(`note: ${path} still runs: it may await what never comes\n`);
  }, patience).unref();
  try {
    settings = ((await import(pathToFileURL(path).href)) as { default?: unknown }).default;
  } catch (thrown) {
    throw badFile(path, "a module", thrown);
  } finally {
    clearTimeout(late);
  }
  try {
    if (settings !== undefined) return structuredClone(settings);
  } catch {} // functions and other values that are not data
  throw badFile(
    path,
    "a module of settings",
    settings === undefined ? "no default export" : "its default export holds more than data",
  );
}

const badFile = (path: string, format: string, thrown: unknown): FormatError =>
  new FormatError({
    subject: path,
    problem: `not ${format} (${thrown instanceof Error ? thrown.message.split("\n")[0] : thrown}).`,
    fix: "fix the file; `gradus config print` shows a complete one.",
  });
