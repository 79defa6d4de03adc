import { GradusError } from "../../base/index.ts";

/** The exit code of any error; for those of signals see interrupt.ts. */
export const failed = 1;

/** Thrown by a command that has reported everything and wants this exit code. */
export class Exit {
  readonly code: number;
  constructor(code: number) {
    this.code = code;
  }
}

/**
 * An error as the user sees it: the problem and the fix. Unexpected errors are marked `internal:`.
 * The stack trace is shown if GRADUS_DEBUG is set.
 */
export function describeError(error: unknown, debug = Boolean(process.env.GRADUS_DEBUG)): string {
  const stack = debug && error instanceof Error ? `\n${stackOf(error)}` : "";
  if (error instanceof GradusError) return `error: ${withoutCallSite(error)}${stack}`;
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const lines = [
    `error: internal: ${what}`,
    ...(debug
      ? []
      : ["  fix: please report this, with what GRADUS_DEBUG=1 prints: it is our bug."]),
  ];
  return lines.join("\n") + stack;
}

/** The message, without a code location, which the user of a command did not write. */
function withoutCallSite({ subject, problem, where, fix }: GradusError): string {
  const isCode = where !== undefined && /^(\/|[A-Za-z]:[\\/]|https?:).*:\d+$/.test(where);
  return [
    `${subject}: ${problem}`,
    ...(where && !isCode ? [`  in ${where}`] : []),
    ...(fix ? [`  fix: ${inSettings(fix)}`] : []),
  ].join("\n");
}

/** Options of the table reader as settings: `drop: ["id"]` is `data.drop=id`. */
const inSettings = (fix: string): string =>
  fix
    .replace(/\btypes: \{ "(.*)": "text" \}/, (_, name) => setting("types", `${name}:text`))
    .replace(/\b(drop|na): \["(.*)"\]/, (_, option, word) => setting(option, word))
    .replace(/\b(encoding|decimal|task): "([^"]*)"/g, (_, option, word) => setting(option, word));

/** `data.drop=id`, quoted if a shell would interpret it. */
const setting = (option: string, word: string): string =>
  /^[\w.,:-]+$/.test(word) ? `data.${option}=${word}` : `'data.${option}=${word}'`;

const stackOf = (error: Error): string =>
  error.stack
    ?.split("\n")
    .filter((line) => /^\s+at /.test(line))
    .join("\n") ?? "";
