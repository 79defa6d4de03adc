import { expect, test } from "vitest";
import {
  ConfigError,
  checkOptions,
  DataError,
  DTypeError,
  FormatError,
  type GradusError,
  NumericError,
  nearest,
  ShapeError,
} from "../../src/base/index.ts";

interface Options {
  readonly axis?: number;
  readonly keepDims?: boolean;
}
const check = (options: unknown) =>
  checkOptions<Options>("sum", options as Options, { axis: true, keepDims: true });

test("options that exist pass, whatever their value", () => {
  for (const options of [undefined, {}, { axis: 0 }, { axis: undefined, keepDims: false }])
    expect(() => check(options)).not.toThrow();
  expect(() => check(Object.assign(Object.create(null), { axis: 1 }))).not.toThrow();
});

test.each([
  [{ keepdims: true }, /sum: unknown option "keepdims"[\s\S]*did you mean "keepDims"/],
  [{ axes: 0 }, /unknown option "axes"[\s\S]*did you mean "axis"/],
  [{ foo: 0 }, /unknown option "foo"[\s\S]*fix: the options are: axis, keepDims\./],
  [{ toString: 1 }, /unknown option "toString"/],
  [null, /the options are null, not an object/],
  [3, /the options are 3, not an object/],
  ["axis", /the options are "axis", not an object/],
  [[0, 1], /the options are an array, not an object/],
  [new Map(), /the options are a Map, not an object/],
  [() => 0, /not an object/],
])("%s is an error that says what is known", (options, message) => {
  expect(() => check(options)).toThrow(ConfigError);
  expect(() => check(options)).toThrow(message);
});

test("the nearest name is found whatever the case, and where a name contains the word", () => {
  expect(nearest("KEEPDIMS", ["axis", "keepDims"])).toBe("keepDims");
  expect(nearest("weightsOnly", ["monitor", "saveWeightsOnly"])).toBe("saveWeightsOnly");
  expect(nearest("learningRate", ["lr", "momentum"])).toBeUndefined();
  expect(nearest("momentums", ["momentum", "nesterov"])).toBe("momentum");
});

test.each([ShapeError, DTypeError, DataError, FormatError, ConfigError, NumericError])(
  "the stack of an error begins with its name and message: %s",
  (Kind: new (parts: { subject: string; problem: string; fix: string }) => GradusError) => {
    const error = new Kind({ subject: "fit", problem: "no data.", fix: "give some." });
    expect(error.stack).toContain(`${Kind.name}: fit: no data.\n`);
    expect(error.stack).toContain("fix: give some.");
    expect(error.stack).toContain("options.test.ts");
    expect(error.where).toMatch(/options\.test\.ts:\d+$/);
    expect(error.message).toContain(error.where);
  },
);
