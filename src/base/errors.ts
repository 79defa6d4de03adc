/**
 * The parts of every error of the library: subject and values, where it happened, how to fix it.
 */
export interface ErrorParts {
  /** The op, layer, file or option that the error is about. */
  readonly subject: string;
  /** What is wrong, with the values on both sides. */
  readonly problem: string;
  /** The layer's path, the file and offset, or the user's line. */
  readonly where?: string | undefined;
  /** One imperative sentence with the fix. */
  readonly fix?: string | undefined;
}

/** Base of all errors that gradus throws; a plain `Error` from our code is a bug. */
export class GradusError extends Error {
  readonly subject: string;
  readonly problem: string;
  readonly where: string | undefined;
  readonly fix: string | undefined;

  constructor(parts: ErrorParts) {
    const { subject, problem, fix, where = callSite(deepStack()) } = parts;
    // the stack shows the message passed to super(), not one that is set later
    super(
      [
        `${subject}: ${problem}`,
        ...(where ? [`  in ${where}`] : []),
        ...(fix ? [`  fix: ${fix}`] : []),
      ].join("\n"),
    );
    this.name = new.target.name;
    this.subject = subject;
    this.problem = problem;
    this.where = where;
    this.fix = fix;
  }
}

/** The folder of our own code, src or dist, as stack frames name it. */
const ownFolder = import.meta.url.replace(/\/(base|chunks)\/[^/]+$/, "");

/** The current stack, deep enough to include the user's frames: V8 keeps 10 by default. */
function deepStack(): string | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 100;
  const { stack } = new Error();
  Error.stackTraceLimit = limit;
  return stack;
}

/**
 * The first frame of a stack that belongs neither to us, a package nor the runtime: the user's
 * line.
 */
export function callSite(stack: string | undefined): string | undefined {
  const own = [ownFolder, ownFolder.replace(/^file:\/\//, "")];
  for (const line of stack?.split("\n").slice(1) ?? []) {
    const frame = /(?:^|[\s(])((?:file:\/\/|https?:\/\/|\/|[A-Za-z]:\\)[^()]*:\d+):\d+\)?$/.exec(
      line,
    )?.[1];
    const isForeign = frame?.includes("/node_modules/");
    if (frame && !isForeign && !own.some((folder) => frame.startsWith(`${folder}/`)))
      return frame.replace(/^file:\/\//, "");
  }
  return undefined;
}

/** Sizes that do not fit together. */
export class ShapeError extends GradusError {}
/** An element type that the op does not take. */
export class DTypeError extends GradusError {}
/**
 * Values that break what the op or the file format requires (labels out of range, a truncated
 * file).
 */
export class DataError extends GradusError {}
/** A file that is not in the format that its name or header claims. */
export class FormatError extends GradusError {}
/** An option, flag or environment variable with an invalid value. */
export class ConfigError extends GradusError {}
/** Arithmetic that gave NaN or infinity where that must not happen. */
export class NumericError extends GradusError {}

/** A bug of ours; the message starts with `internal:`. */
export class InternalError extends GradusError {
  constructor(problem: string) {
    super({ subject: "internal", problem, fix: "please report this: it is a bug in gradus." });
  }
}

/** Throws an {@link InternalError} if one of our own invariants does not hold. */
export function invariant(condition: unknown, problem: string | (() => string)): asserts condition {
  if (!condition) throw new InternalError(typeof problem === "string" ? problem : problem());
}

/**
 * The candidate nearest to `word` in edit distance, whatever the case, or else one that contains it;
 * undefined when none is close.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const lower = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  let containing: string | undefined;
  for (const candidate of candidates) {
    const other = candidate.toLowerCase();
    const distance = editDistance(lower, other);
    if (word.length > 3 && other.includes(lower)) containing ??= candidate;
    const isAlike = distance < Math.max(word.length, candidate.length); // some letter is shared
    if (isAlike && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best ?? containing;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
