import { ConfigError, DataError, hostArray, ShapeError, type Tensor } from "gradus";
import { makeSplit, type Split, xor } from "gradus/data";
import { Linear, Module } from "gradus/nn";
import {
  classificationReport,
  confusionMatrix,
  evaluate,
  f1,
  fit,
  loadCheckpoint,
  type Metrics,
  precision,
  recall,
  rocAuc,
  rSquared,
  saveCheckpoint,
  topKAccuracy,
} from "gradus/train";
import { describe, expect, test, vi } from "vitest";
import oracle from "../sklearn.json" with { type: "json" };
import { smallNet, temporaryFolder } from "../support.ts";

/** Passes its inputs through. */
class Same extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

const rows = (values: number[][]) =>
  hostArray([values.length, values[0]!.length], Float32Array.from(values.flat()));
const list = (values: number[]) => hostArray([values.length], Int32Array.from(values));

/** Measures outputs in batches of several sizes; all must agree to the last bit. */
async function measured(
  split: Split,
  objective: "binary" | "multiLabel" | "classification" | "regression",
  metrics: Metrics,
) {
  const whole = await evaluate(new Same(), split, { objective, metrics, batchSize: 1000 });
  for (const batchSize of [1, 5, 19]) {
    const { loss: _, ...other } = await evaluate(new Same(), split, {
      objective,
      metrics,
      batchSize,
    });
    for (const [name, value] of Object.entries(other))
      if (objective === "regression") expect(value).toBeCloseTo(whole[name]!, 6);
      else expect([name, value]).toEqual([name, whole[name]]);
  }
  return whole;
}

const choices = (measure: 0 | 1 | 2) => {
  const score = [precision, recall, f1][measure]!;
  return [
    score(),
    score({ average: "micro" }),
    score({ average: "weighted" }),
    score({ ofClass: 0 }),
    score({ ofClass: 2 }),
  ];
};

const measures = ["precision", "recall", "f1"] as const;
const makers = { precision, recall, f1 };

/** Every score of two classes or labels. */
async function scoresOf(split: Split, objective: "binary" | "multiLabel") {
  const logs: Record<string, number> = {};
  for (const average of ["macro", "micro", "weighted"] as const)
    for (const name of measures) {
      const metric = makers[name]({ average });
      logs[`${name} ${average}`] = (await measured(split, objective, [metric]))[metric.name]!;
    }
  for (const ofClass of [0, 1])
    for (const name of measures) {
      const metric = makers[name]({ ofClass });
      logs[`${name} ${ofClass}`] = (await measured(split, objective, [metric]))[metric.name]!;
    }
  return logs;
}

function expectScores(logs: Record<string, number>, want: typeof oracle.yes.scores) {
  measures.forEach((name, i) => {
    for (const average of ["macro", "micro", "weighted"] as const)
      expect(logs[`${name} ${average}`]).toBeCloseTo(want[average][i]!, 14);
    for (const c of [0, 1]) expect(logs[`${name} ${c}`]).toBeCloseTo(want.classes[i]![c]!, 14);
  });
}

describe("agrees with scikit-learn", () => {
  test("for several classes", async () => {
    const { logits, labels, accuracy, scores, auc } = oracle.classes;
    const split = makeSplit(rows(logits), list(labels));
    const metrics = [
      "accuracy" as const,
      "auc" as const,
      ...[0, 1, 2].flatMap((m) => choices(m as 0)),
    ];
    const logs = await measured(split, "classification", metrics);
    expect(logs.accuracy).toBeCloseTo(accuracy, 14);
    expect(logs.auc).toBeCloseTo(auc, 12);
    for (const [i, name] of ["precision", "recall", "f1"].entries()) {
      expect(logs[name]).toBeCloseTo(scores.macro[i]!, 14);
      expect(logs[`${name}Micro`]).toBeCloseTo(scores.micro[i]!, 14);
      expect(logs[`${name}Weighted`]).toBeCloseTo(scores.weighted[i]!, 14);
      expect(logs[`${name}OfClass2`]).toBeCloseTo(scores.classes[i]![2]!, 14);
    }
  });
  test("for yes or no", async () => {
    const { logits, labels, ...expected } = oracle.yes;
    const split = makeSplit(rows(logits.map((z) => [z])), list(labels));
    const names = ["accuracy", "precision", "recall", "f1", "auc"] as const;
    const logs = await measured(split, "binary", names);
    for (const name of names) expect(logs[name]).toBeCloseTo(expected[name], 14);
  });
  test.each(["[N]", "[N, 1]"])("for yes or no, each class and every average, %s", async (shape) => {
    const { logits, labels, scores } = oracle.yes;
    const z = rows(logits.map((x) => [x]));
    const inputs = shape === "[N]" ? { ...z, shape: [logits.length] } : z;
    const logs = await scoresOf(makeSplit(inputs, list(labels)), "binary");
    expectScores(logs, scores);
  });
  test("for yes or no where nothing is yes", async () => {
    const split = makeSplit(rows([-1, 1, -1, -1, 1].map((z) => [z])), list([0, 0, 0, 0, 0]));
    expectScores(await scoresOf(split, "binary"), oracle.none.no);
  });
  test("for labels of which none is true: 0, and said once", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const split = makeSplit(
      rows([
        [-1, 1],
        [-1, -1],
        [-1, 1],
        [-1, -1],
      ]),
      rows([
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 0],
      ]),
    );
    expectScores(await scoresOf(split, "multiLabel"), oracle.none.labels);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]![0]).toMatch(/weighted average: no example is truly of any class/);
    warn.mockRestore();
  });
  test("for any number of labels", async () => {
    const { logits, labels, scores, ...expected } = oracle.labelled;
    const split = makeSplit(rows(logits), rows(labels));
    const metrics = ["exactMatch", "accuracy", "auc", f1(), f1({ average: "micro" })] as const;
    const logs = await measured(split, "multiLabel", metrics);
    expect(logs.exactMatch).toBeCloseTo(expected.exactMatch, 14);
    expect(logs.accuracy).toBeCloseTo(expected.accuracy, 14);
    expect(logs.auc).toBeCloseTo(expected.auc, 14);
    expect(logs.f1).toBeCloseTo(scores.macro[2]!, 14);
    expect(logs.f1Micro).toBeCloseTo(scores.micro[2]!, 14);
  });
  test("for numbers", async () => {
    const { outputs, targets, ...expected } = oracle.numbers;
    const names = ["meanAbsoluteError", "meanSquaredError", "r2"] as const;
    const logs = await measured(makeSplit(rows(outputs), rows(targets)), "regression", names);
    expect(logs.meanAbsoluteError).toBeCloseTo(expected.meanAbsoluteError, 6);
    expect(logs.meanSquaredError).toBeCloseTo(expected.meanSquaredError, 6);
    expect(logs.r2).toBeCloseTo(expected.r2, 12);
  });
  test("in the report of a confusion matrix", () => {
    const { logits, labels, accuracy, scores, matrix } = oracle.classes;
    const chosen = logits.map((row) => row.indexOf(Math.max(...row)));
    const own = confusionMatrix(labels, chosen);
    expect(own).toEqual(matrix);
    const report = classificationReport(own);
    expect(report.accuracy).toBeCloseTo(accuracy, 14);
    report.classes.forEach(({ precision, recall, f1, support }, c) => {
      expect(precision).toBeCloseTo(scores.classes[0]![c]!, 14);
      expect(recall).toBeCloseTo(scores.classes[1]![c]!, 14);
      expect(f1).toBeCloseTo(scores.classes[2]![c]!, 14);
      expect(support).toBe(labels.filter((y) => y === c).length);
    });
    expect(report.weighted.f1).toBeCloseTo(scores.weighted[2]!, 14);
  });
});

describe("top-k accuracy", () => {
  const logits = rows([
    [3, 1, 2],
    [0, 0, 0],
    [1, 2, 3],
    [Number.NaN, 1, 0],
  ]);
  const split = makeSplit(logits, list([2, 1, 0, 0]));
  test.each([
    [1, 0], // ties: class 0 comes first; NaN is never right
    [2, 2], // 2 of [3,1,2] is second; 1 of the ties is second
    [3, 3],
  ])("top %i: %i of 4, by hand", async (k, right) => {
    const logs = await evaluate(new Same(), split, { metrics: [topKAccuracy(k)] });
    expect(logs[`top${k}Accuracy`]).toBe(right / 4);
  });
  test("top 1 is the accuracy", async () => {
    const data = makeSplit(rows(oracle.classes.logits), list(oracle.classes.labels));
    const logs = await evaluate(new Same(), data, { metrics: ["accuracy", topKAccuracy(1)] });
    expect(logs.top1Accuracy).toBe(logs.accuracy);
  });
});

describe("edges", () => {
  test("a ROC of one kind, or with NaN, has no area; ties count half", () => {
    expect(rocAuc([1, 2], [1, 1])).toBeNaN();
    expect(rocAuc([1, Number.NaN], [1, 0])).toBeNaN();
    expect(rocAuc([5, 5, 5], [1, 0, 0])).toBe(0.5);
    expect(rocAuc([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], [1, 0])).toBe(1);
    expect(() => rocAuc([1], [1, 0])).toThrow(/1 scores for 2 answers/);
  });
  test("targets that do not vary", () => {
    const same = rows([[2], [2]]);
    expect(rSquared(same, same)).toBe(1);
    expect(rSquared(rows([[1], [2]]), same)).toBe(0);
    expect(() => rSquared(rows([[1]]), rows([[1]]))).toThrow(/1 example has no variance/);
  });
  test("a class that is neither chosen nor true scores 0", () => {
    const { classes } = classificationReport([
      [2, 0],
      [0, 0],
    ]);
    expect(classes[1]).toEqual({ precision: 0, recall: 0, f1: 0, support: 0 });
  });
});

describe("says what is no score", () => {
  test("options", () => {
    expect(() => precision({ average: "binary" as never })).toThrow(/average is "binary"/);
    expect(() => recall({ ofClass: -1 })).toThrow(/ofClass is -1/);
    expect(() => recall({ ofClass: 0.5 })).toThrow(ConfigError);
    expect(() => f1({ ofClass: 1, average: "micro" })).toThrow(/together with the average micro/);
    expect(() => f1({ averge: "micro" } as never)).toThrow(/did you mean "average"/);
    expect(() => topKAccuracy(0)).toThrow(/k is 0/);
    expect(() => topKAccuracy(1.5)).toThrow(ConfigError);
  });
  test("a class beyond the objective's, and two metrics of one name", async () => {
    const split = makeSplit(rows([[1], [-1]]), list([1, 0]));
    const failing = (metrics: Metrics) =>
      expect(evaluate(new Same(), split, { objective: "binary", metrics })).rejects;
    await failing([f1({ ofClass: 2 })]).toThrow(/f1OfClass2: there is no class 2 among 2/);
    await failing([f1(), f1({ average: "macro" })]).toThrow(/two metrics are named "f1"/);
  });
  test("indices that are no classes", () => {
    expect(() => confusionMatrix([0, 1.5], [0, 1])).toThrow(DataError);
    expect(() => confusionMatrix([0, 1.5], [0, 1])).toThrow(/example 1 is of class 1.5/);
    expect(() => confusionMatrix([0, 1], [0, Number.NaN])).toThrow(DataError);
    expect(() => confusionMatrix([0, -1], [0, 1])).toThrow(DataError);
    expect(() => confusionMatrix([0, Number.POSITIVE_INFINITY], [0, 1])).toThrow(DataError);
    expect(() => confusionMatrix(["a"] as never, ["a"] as never)).toThrow(DataError);
    expect(() => confusionMatrix([0, 2], [0, 1], 2)).toThrow(/from 0 to 1/);
    expect(() => confusionMatrix([0], [0], 1.5)).toThrow(ConfigError);
    expect(confusionMatrix([], [])).toEqual([]);
  });
  test("a matrix that is not square, or holds no counts", () => {
    expect(() => classificationReport([[1, 2]])).toThrow(ShapeError);
    expect(() => classificationReport([[0.5]])).toThrow(DataError);
  });
  test("a report without examples is 0", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const { weighted, macro } = classificationReport([
      [0, 0],
      [0, 0],
    ]);
    expect(weighted).toEqual({ precision: 0, recall: 0, f1: 0, support: 0 });
    expect(macro).toEqual(weighted);
    warn.mockRestore();
  });
});

describe("in fit", () => {
  test("counts are in the logs of training, what needs all outputs in those of validation", async () => {
    const history = await fit(new Linear(2, 2), xor({ size: 9 }), {
      epochs: 1,
      batchSize: 4,
      validation: xor(),
      metrics: ["accuracy", "f1", "auc"],
    });
    const names = ["loss", "accuracy", "f1", "val_loss", "val_accuracy", "val_f1", "val_auc", "lr"];
    expect(Object.keys(history.last)).toEqual(names);
    expect(history.last.f1).toBeGreaterThan(0);
    expect(history.best("val_auc")?.epoch).toBe(0);
  });
  const folder = temporaryFolder();
  test("counts go on in the middle of an epoch", async () => {
    const path = `${folder}/half.safetensors`;
    const options = { epochs: 1, batchSize: 3, metrics: ["f1"] as const };
    const whole = await fit(smallNet(), xor({ size: 10 }), options);
    const callbacks = [
      {
        onBatchEnd: (batch: number, _: unknown, training: { stop(why: string): void }) =>
          batch === 1 && training.stop("half"),
        onTrainEnd: (training: Parameters<typeof saveCheckpoint>[1]) =>
          saveCheckpoint(path, training),
      },
    ];
    await fit(smallNet(), xor({ size: 10 }), { ...options, callbacks });
    expect((await loadCheckpoint(path)).position.batch).toBe(2);
    expect(await fit(smallNet(), xor({ size: 10 }), { ...options, resume: path })).toEqual(whole);
  });
  test("names that do not exist or do not fit say what does", async () => {
    const failing = (metrics: never) => expect(fit(new Linear(2, 2), xor(), { metrics })).rejects;
    await failing(["acuracy"] as never).toThrow(
      /no "acuracy".*\n.*\n? *fix: did you mean "accuracy"/s,
    );
    await failing(["r2"] as never).toThrow(/r2: the objective is classification/);
    await failing([f1({ ofClass: 2 })] as never).toThrow(/no class 2 among 2/);
  });
});
