/** The public face of gradus: a table of contents, each name exported explicitly. */
export {
  ConfigError,
  DataError,
  DTypeError,
  FormatError,
  NumericError,
  ShapeError,
} from "./base/index.ts";
