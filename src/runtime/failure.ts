import { ConfigError, DataError, FormatError } from "../base/index.ts";

/** The errors of engines that run programs. */
export const refused = (problem: string): FormatError =>
  new FormatError({
    subject: "program",
    problem,
    fix: "load only programs that gradus compiled.",
  });

export const badIndex = (engine: string, problem: string): DataError =>
  new DataError({ subject: `${engine} engine`, problem, fix: "check the indices or labels." });

export const outOfMemory = (engine: string, problem: string): ConfigError =>
  new ConfigError({
    subject: `${engine} engine`,
    problem,
    fix: "use a smaller batch or model.",
  });
