import { ConfigError, DataError, ShapeError } from "gradus";
import { Averages, confusionMatrix, History } from "gradus/train";
import { describe, expect, test } from "vitest";

describe("History", () => {
  const history = new History([
    { loss: 3, val_accuracy: 0.5 },
    { loss: 1, val_accuracy: 0.7 },
    { loss: Number.NaN, val_accuracy: 0.7 },
    { loss: 0.95, val_accuracy: 0.6 },
  ]);
  test("less loss and more accuracy are better, the first of equals, never NaN", () => {
    expect(history.best("loss")).toEqual({ epoch: 3, value: 0.95 });
    expect(history.best("val_accuracy")).toEqual({ epoch: 1, value: 0.7 });
    expect(history.best("val_accuracy", { mode: "min" })).toEqual({ epoch: 0, value: 0.5 });
    expect(history.best("loss", { minDelta: 0.1 })).toEqual({ epoch: 1, value: 1 });
    expect(new History().best("loss")).toBeUndefined();
  });
  test("an unknown quantity names the nearest", () => {
    expect(() => history.get("val_accurcy")).toThrow(ConfigError);
    expect(() => history.get("val_accurcy")).toThrow(/did you mean "val_accuracy"/);
    expect(() => history.get("val_loss_of_something")).toThrow(/give validation data/);
  });
});

describe("Averages", () => {
  test("weigh examples, not batches", () => {
    const averages = new Averages();
    averages.add({ loss: 2 * 3, accuracy: 1 }, 3);
    averages.add({ loss: 8, accuracy: 1 }, 1);
    expect(averages.logs).toEqual({ loss: 14 / 4, accuracy: 0.5 });
  });
  test("go on from saved sums", () => {
    const whole = new Averages();
    const first = new Averages();
    for (const averages of [whole, first]) averages.add({ loss: 0.1 }, 7);
    const second = new Averages(JSON.parse(JSON.stringify(first.state)));
    for (const averages of [whole, second]) averages.add({ loss: 0.2 }, 5);
    expect(second.state).toEqual(whole.state);
  });
});

describe("confusionMatrix", () => {
  test("counts by hand: row is true, column is predicted", () => {
    const matrix = confusionMatrix([0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 0, 2]);
    expect(matrix).toEqual([
      [1, 1, 0],
      [0, 1, 0],
      [1, 0, 2],
    ]);
  });
  test("a class that nobody has still has its row", () => {
    expect(confusionMatrix([0], [0], 2)).toEqual([
      [1, 0],
      [0, 0],
    ]);
  });
  test("refuses what is no class, and lists of two lengths", () => {
    expect(() => confusionMatrix([0, 1], [0])).toThrow(ShapeError);
    expect(() => confusionMatrix([0, 3], [0, 1], 2)).toThrow(DataError);
    expect(() => confusionMatrix([0, -1], [0, 1])).toThrow(/example 1 is of class -1/);
  });
});
