import { ConfigError, DataError, hostArray } from "gradus";
import {
  decodeCategories,
  encodeCategories,
  fitCategories,
  fromOneHot,
  toOneHot,
} from "gradus/data";
import { describe, expect, test } from "vitest";

const texts = ["cat", "dog", "ant", "cat"];

test("texts become numbers in alphabetical order, rows with a single 1, and texts again", () => {
  const animals = fitCategories(texts);
  expect(animals).toEqual({ names: ["ant", "cat", "dog"], other: null });
  const indices = encodeCategories(animals, texts);
  expect([indices.dtype, indices.shape, [...indices.data]]).toEqual(["int32", [4], [1, 2, 0, 1]]);
  const rows = toOneHot(indices, 3);
  expect([...rows.data]).toEqual([0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0]);
  expect(decodeCategories(animals, fromOneHot(rows))).toEqual(texts);
});

test("numbers are ordered as numbers, unless one is not", () => {
  expect(fitCategories(["10", "9", "-1.5"]).names).toEqual(["-1.5", "9", "10"]);
  expect(fitCategories(["10", "9", ""]).names).toEqual(["", "10", "9"]);
});

describe("unknown categories", () => {
  test("are an error that names the nearest", () => {
    const animals = fitCategories(texts);
    const bad = () => encodeCategories(animals, ["cat", "cats"]);
    expect(bad).toThrow(DataError);
    expect(bad).toThrow(/text 1, "cats", is none of the 3 categories[\s\S]*did you mean "cat"\?/);
  });
  test("or the explicit last column, which plain data keeps", () => {
    const animals = fitCategories(texts, { other: "other" });
    const again = JSON.parse(JSON.stringify(animals));
    const indices = encodeCategories(again, ["dog", "yak", "toString"]);
    expect([...indices.data]).toEqual([2, 3, 3]);
    expect(decodeCategories(again, indices)).toEqual(["dog", "other", "other"]);
    expect(() => fitCategories(["other", "x"], { other: "other" })).toThrow(ConfigError);
  });
  test("an index without a category", () => {
    const animals = fitCategories(texts);
    expect(() => decodeCategories(animals, hostArray([1], Int32Array.of(3)))).toThrow(
      "index 0 is 3, outside 0…2.",
    );
  });
});
