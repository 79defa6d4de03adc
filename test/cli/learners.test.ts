import { readFile, writeFile } from "node:fs/promises";
import * as learn from "gradus/learn";
import { learnerNames as classNames, loadLearner, type SVC } from "gradus/learn";
import { beforeAll, describe, expect, test } from "vitest";
import { learnerNames, learners, optionsOf } from "../../src/cli/settings/learners.ts";
import { gradus, isFast, workIn, writeImages } from "./support.ts";

workIn();

/** Three classes around three centers, with a column of words that says little. */
const flowers = Array.from({ length: 120 }, (_, n) => {
  const k = n % 3;
  const [a, b] = [((n * 37) % 20) / 20, ((n * 13) % 20) / 20];
  return {
    a: [0, 4, 0][k]! + a,
    b: [0, 0, 400][k]! + 10 * b,
    soil: n % 2 ? "wet, cold" : "dry",
    k,
  };
});
const named = ["low land", "far", "high"];
const flowerTable = [
  "a,b,soil,species",
  ...flowers.map(({ a, b, soil, k }) => `${a},${b},"${soil}",${named[k]}`),
].join("\n");
/** y = 3 + 2 a − 0.01 b, exactly. */
const priceTable = [
  "a,b,price",
  ...flowers.map(({ a, b }) => `${a},${b},${3 + 2 * a - 0.01 * b}`),
].join("\n");
/** Two classes that a line parts, and two features. */
const pairTable = [
  "x,y,side",
  ...flowers.map(({ a, b, k }) => `${a},${b / 100},${k === 1 ? "right" : "left"}`),
].join("\n");

const json = async (line: string) => JSON.parse((await gradus(`${line} --json`)).out);

beforeAll(async () => {
  await writeFile("flowers.csv", flowerTable);
  await writeFile("prices.csv", priceTable);
  await writeFile("pairs.csv", pairTable);
});

describe("the list of learners", () => {
  const kebab = (name: string) =>
    name
      .replace(/([a-z])([A-Z])/g, "$1-$2")
      .replace(/([A-Z])([A-Z][a-z])/g, "$1-$2")
      .toLowerCase();
  test.each(learnerNames)("%s is its class in kebab case, and has the options of it", (name) => {
    const { className } = learners[name];
    expect(classNames).toContain(className);
    expect(name).toBe(kebab(className));
    const Learner = Reflect.get(learn, className) as new (x?: object) => { options: object };
    if (learners[name].options.includes("estimator")) {
      expect(optionsOf(name, "perceptron")).toEqual(["estimator", ...learners.perceptron.options]);
      return;
    }
    const own = Object.keys(new Learner().options);
    const listsOnly = ["classPrior", "priors"]; // a probability for each class
    expect([...optionsOf(name, undefined)].sort()).toEqual(
      own.filter((option) => !listsOnly.includes(option)).sort(),
    );
  });
  test("every learner that predicts is in it", () => {
    const predicts = classNames.filter((name) => {
      const Learner = Reflect.get(learn, name) as { prototype: object } | undefined;
      return Learner && "predict" in Learner.prototype && name !== "Pipeline";
    });
    expect(learnerNames.map((name) => learners[name].className).sort()).toEqual(predicts.sort());
  });
  test("gradus models has a line for each network and learner", async () => {
    const { out } = await gradus("models");
    const lines = out.trimEnd().split("\n");
    for (const name of ["conv", "mlp", ...learnerNames])
      expect(lines.filter((line) => line.startsWith(`${name} `))).toHaveLength(1);
    expect((await gradus("models --options")).out).toContain("model.nNeighbors");
    const { models } = await json("models");
    expect(models).toHaveLength(lines.length);
  });
});

describe.runIf(isFast)("a classifier", () => {
  beforeAll(async () => {
    await gradus("train --data flowers.csv --model svc C=10 --run svc");
    await gradus("train --data flowers.csv --model logistic-regression --run logistic");
  });
  test("is trained into a run folder, with a page", async () => {
    const { out } = await gradus("train --data flowers.csv --model gaussian-nb --run nb");
    expect(out).toContain("model  gaussian-nb, varSmoothing 1e-9");
    expect(out).toMatch(/test {3}accuracy 100\.00 %/);
    expect(out).not.toContain("landscape");
    const page = await readFile("nb/report.html", "utf8");
    for (const part of ["Confusion matrix", "ROC curve", "Precision and recall", "Calibration"])
      expect(page).toContain(part);
    expect(page).toContain("Learning curve");
    const config = JSON.parse(await readFile("nb/config.json", "utf8"));
    expect(config.model).toEqual({ name: "gaussian-nb", options: { varSmoothing: 1e-9 } });
    expect(config.data.preparation.target.classes).toEqual(["far", "high", "low land"]);
  });
  test("is the library's learner on the prepared rows", async () => {
    const stored = (await loadLearner("svc/learner.safetensors")) as SVC;
    expect(stored.options.C).toBe(10);
    expect(stored.classes).toEqual(["far", "high", "low land"]);
    const { data } = JSON.parse(await readFile("svc/config.json", "utf8"));
    const { std, mean } = data.preparation.inputs.columns[0];
    // the standardized row of a point in the middle of "far", in float64
    const b = data.preparation.inputs.columns[1];
    expect(stored.predict([[(4.5 - mean) / std, (5 - b.mean) / b.std, 0, 1]])).toEqual(["far"]);
  });
  test("a run's config.json gives the same learner again", async () => {
    await gradus("train svc/config.json --run again");
    expect(await readFile("again/learner.safetensors")).toEqual(
      await readFile("svc/learner.safetensors"),
    );
    expect(await json("evaluate again")).toEqual({ ...(await json("evaluate svc")), run: "again" });
  });
  test("config print shows all options, and can be trained", async () => {
    const { out } = await gradus("config print data=flowers.csv model=linear-svc C=2");
    expect(out).toContain("  name: linear-svc\n");
    expect(out).toContain("  loss: squared-hinge\n  C: 2\n");
    expect(out).toContain("training:\n  seed: 0\n");
    await writeFile("linear.yaml", out);
    expect((await gradus("train linear.yaml --run from-yaml")).out).toContain("C 2");
  });
  test("evaluate measures what is asked for, on other rows too", async () => {
    expect((await json("evaluate svc")).test).toEqual({ accuracy: 1, f1: 1 });
    expect((await json("evaluate svc --metrics auc,recall")).test).toEqual({ auc: 1, recall: 1 });
    const wrong = flowerTable.replaceAll("high", "far");
    await writeFile("wrong.csv", wrong);
    const { test } = await json("evaluate svc --data wrong.csv");
    expect(test.accuracy).toBeCloseTo(2 / 3, 10);
    expect((await gradus("evaluate svc --metrics r2")).error).toContain(
      '"r2" is no measure of the classes of a learner',
    );
  });
  test("predict takes raw rows with words and gaps, in any order of columns, and writes CSV", async () => {
    await writeFile("rows.csv", 'soil,b,a\ndry,5,0.5\n"wet, cold",,4\n"wet, cold",3,4.2\n');
    const { out, error } = await gradus("predict svc rows.csv");
    expect(out).toBe("source,row,prediction\nrows.csv,1,low land\nrows.csv,2,\nrows.csv,3,far\n");
    expect(error).toBe("note: 1 of 3 rows have no prediction, as `b` is missing in them\n");
    const { predictions } = await json("predict logistic rows.csv");
    const { probabilities } = predictions[0];
    expect(Object.keys(probabilities)).toEqual(["far", "high", "low land"]);
    const sum = Object.values<number>(probabilities).reduce((a, b) => a + b);
    expect(sum).toBeCloseTo(1, 12);
    expect(probabilities["low land"]).toBeGreaterThan(0.9);
  });
  test("words that training has not seen are named", async () => {
    await writeFile("sand.csv", "a,b,soil\n1,2,sand\n");
    expect((await gradus("predict svc sand.csv")).error).toContain('"sand" is not one of dry, wet');
  });
  test("coefficients stand in the page with their names and per unit", async () => {
    const page = await readFile("logistic/report.html", "utf8");
    expect(page).toContain("soil=wet, cold");
    expect(page).toContain("Per unit of the data");
    expect(await readFile("svc/report.html", "utf8")).toContain("Support vectors");
  });
  test("summary and report know it", async () => {
    const { out } = await gradus("summary svc");
    expect(out).toMatch(/^svc: the widest margin/);
    expect(out).toMatch(/option {3}C +10/);
    expect(out).toMatch(/learned {2}vectors +\[\d+, 4\] float64/);
    const before = await readFile("svc/report.html", "utf8");
    expect((await gradus("report svc")).out).toBe("svc/report.html\n");
    expect((await readFile("svc/report.html", "utf8")).length).toBe(before.length);
  });
  test("two features have a plane, the perceptron its bound", async () => {
    const { out } = await gradus("train --data pairs.csv --model perceptron --run perceptron");
    expect(out).toContain("accuracy 100.00 %");
    const page = await readFile("perceptron/report.html", "utf8");
    expect(page).toContain("Decision regions");
    expect(page).toContain("(R/γ)², the most mistakes");
  });
  test("several classes by learners of two", async () => {
    const line = "train --data flowers.csv --model one-vs-rest-classifier estimator=perceptron";
    const { out } = await gradus(`${line} --epochs 50 --run rest`);
    expect(out).toContain("accuracy 100.00 %");
    expect(
      (await gradus("train --data flowers.csv --model one-vs-one-classifier")).error,
    ).toContain("name it, such as model.estimator=perceptron");
  });
  test("images are rows of pixels, and files of them are predicted", async () => {
    await writeImages("bars", 80);
    const { out } = await gradus("train --data bars --model k-neighbors-classifier --run bars-knn");
    expect(out).toContain("accuracy 100.00 %");
    await gradus("train --data bars --model softmax-regression --run bars-softmax");
    expect(await readFile("bars-softmax/report.html", "utf8")).toContain(
      "white speaks for the class",
    );
  });
  test("groups need no labels, and are shown by class", async () => {
    await gradus("train --data flowers.csv --model k-means nClusters=3 nInit=5 --run groups");
    const { out } = await gradus("predict groups rows.csv");
    expect(out).toMatch(/rows\.csv,1,[012]\nrows\.csv,2,\nrows\.csv,3,[012]\n/);
    expect(await readFile("groups/report.html", "utf8")).toContain("Groups");
    expect((await gradus("evaluate groups")).error).toContain("groups without labels");
  });
  test("a dev run saves nothing", async () => {
    const { out } = await gradus("train --data flowers.csv --model ridge --dev-run");
    expect(out).toBe("");
    const dev = await gradus("train --data flowers.csv --model svc --dev-run");
    expect(dev.out).toContain("a dev run: all parts work, nothing is saved");
  });
});

describe.runIf(isFast)("a learner of numbers", () => {
  test("finds the line, in the units of the data", async () => {
    await gradus("train --data prices.csv --model linear-regression --run line");
    const { test } = await json("evaluate line");
    expect(test.r2).toBeCloseTo(1, 12);
    await writeFile("point.csv", "a,b\n2,100\n");
    const { predictions } = await json("predict line point.csv");
    expect(predictions[0].prediction).toBeCloseTo(6, 10); // 3 + 2·2 − 0.01·100
    const page = await readFile("line/report.html", "utf8");
    expect(page).toContain("Residuals");
    expect(page).toMatch(/<td>a<\/td><td>[\d.]+<\/td><td>2<\/td>/); // 2 per unit of a
    expect(page).toMatch(/<td>b<\/td><td>-[\d.]+<\/td><td>-0\.01<\/td>/);
  });
  test("a scaled target comes back in its own units", async () => {
    await gradus(
      "train --data prices.csv --model linear-regression data.scaleTarget=true --run scaled",
    );
    expect((await json("evaluate scaled")).test.r2).toBeCloseTo(1, 12);
    const { predictions } = await json("predict scaled point.csv");
    expect(predictions[0].prediction).toBeCloseTo(6, 10);
  });
  test("whole numbers are numbers to it", async () => {
    const counts = ["a,count", ...Array.from({ length: 40 }, (_, n) => `${n},${n % 5}`)].join("\n");
    await writeFile("counts.csv", counts);
    const { out } = await gradus(
      "train --data counts.csv --model ridge alpha=0.1,1,10 --run counts",
    );
    expect(out).toContain("target `count` (the last column): numbers");
    const { model } = JSON.parse(await readFile("counts/config.json", "utf8"));
    expect(model.options.alpha).toEqual([0.1, 1, 10]);
    await gradus("train --data counts.csv --model k-neighbors-classifier --run classes");
    expect((await json("evaluate classes")).test).toHaveProperty("accuracy");
  });
});

describe("what is wrong is said before anything is written", () => {
  const errorOf = async (line: string) => (await gradus(line)).error;
  test.each([
    ["svc gama=3", 'there is no setting "gama"', "did you mean gamma=3?"],
    ["svc alpha=3", "svc has no such option; it has model.C", ""],
    ["svc --epochs 3", "training.epochs: svc has no such option", ""],
    ["svc C=-1", '"-1" is not a number above 0', ""],
    ["svc kernel=rbff", "is not one of linear, polynomial, rbf", "did you mean kernel: rbf?"],
    ["svcc", '"svcc" is not one of', "did you mean --model svc?"],
    ["mlp C=3", "model.C: mlp has no such option; it has model.hidden", "leave it out"],
    [
      "perceptron",
      "parts two classes, and flowers.csv is [4] in 3 classes",
      "estimator=perceptron",
    ],
    ["ridge", "ridge predicts numbers", "name a classifier, such as --model logistic-regression"],
    ["svc data.augment=flip", "svc sees each example once", ""],
    ["svc --resume run", "fitted as a whole", "leave out --resume"],
    ["svc --from run", "cannot start from another run", ""],
    ["k-neighbors-classifier nNeighbors=500", "500", ""],
  ])("--model %s", async (model, problem, fix) => {
    const error = await errorOf(`train --data flowers.csv --model ${model} --run nothing`);
    expect(error).toContain(problem);
    expect(error).toContain(fix);
    await expect(readFile("nothing/config.json")).rejects.toThrow();
  });
  test("classes for numbers, and one class", async () => {
    expect(await errorOf("train --data prices.csv --model svc")).toContain(
      "svc names classes, and prices.csv has numbers to predict: `price`",
    );
    await writeFile("one.csv", `a,y\n${"1,same\n2,same\n3,same\n4,same\n".repeat(3)}`);
    expect(await errorOf("train --data one.csv --model svc")).toContain('of one class, "same"');
    expect(await errorOf("train --data flowers.csv --model svc --target speces")).toContain(
      "speces",
    );
    expect(await errorOf("train --data digits --model ridge")).toContain("it has 10 classes");
  });
  test("negative numbers for counts", async () => {
    await writeFile("negative.csv", `a,y\n${"-1,u\n2,v\n3,u\n4,v\n".repeat(3)}`);
    expect(await errorOf("train --data negative.csv --model multinomial-nb")).toMatch(/-1/);
  });
  test("commands of networks say so", async () => {
    if (!isFast) return;
    for (const line of [
      "landscape svc",
      "train --resume svc",
      "train --from svc --data flowers.csv",
    ])
      expect(await errorOf(line)).toContain("it holds a learner, svc, and this needs a network");
    expect(await errorOf("find-lr data=flowers.csv model=svc")).toContain('"svc" is a learner');
    expect(await errorOf("search data=flowers.csv model=svc --over lr=[0.1,1]")).toContain(
      '"svc" is a learner',
    );
    expect(await errorOf("summary svcc")).toContain("neither a run folder nor a model");
  });
  test("a damaged learner is refused", async () => {
    if (!isFast) return;
    await gradus("train --data flowers.csv --model gaussian-nb --run torn");
    const bytes = await readFile("torn/learner.safetensors");
    bytes[bytes.length - 9]! ^= 255;
    await writeFile("torn/learner.safetensors", bytes);
    expect((await gradus("predict torn flowers.csv")).code).toBe(1);
    await writeFile("torn/learner.safetensors", await readFile("svc/learner.safetensors"));
    expect(await errorOf("predict torn flowers.csv")).toContain(
      "it holds a SVC, and config.json says GaussianNB",
    );
  });
});
