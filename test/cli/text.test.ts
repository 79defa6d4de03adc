import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { gradus, isFast, workIn } from "./support.ts";

workIn();

/** Lines whose next character always follows from the two before it. */
const line = "abcd efgh\n";
const rule: Readonly<Record<string, string>> = Object.fromEntries(
  [...line].map((character, k) => [character, line[(k + 1) % line.length]!]),
);
const write = () => writeFile("rows.txt", line.repeat(300));
const trained = async (run: string): Promise<void> => {
  await write();
  const { code, error } = await gradus(`train --data rows.txt --epochs 3 --run ${run}`);
  expect([code, error]).toEqual([0, ""]);
};

test.skipIf(!isFast)("a text file trains a model of the next character, end to end", async () => {
  await write();
  const { code, out, error } = await gradus("train --data rows.txt --epochs 3 --run r");
  expect([code, error]).toEqual([0, ""]);
  // 3000 characters: 20 % of the lines for test, a tenth of the others for validation
  expect(out).toContain(
    "rows.txt: 2160 to train, 240 to validate, 600 to test; [16] in 10 classes",
  );
  expect(out).toContain("3000 characters, 10 different; the next one is predicted from the 16");
  expect(out).toContain("model  char-mlp");
  expect(out).toMatch(/test {3}accuracy 100.00 %/);
  const page = await readFile("r/report.html", "utf8");
  expect(page).toContain("Confusion matrix");
  expect((await gradus("evaluate r")).out).toMatch(/accuracy: 1.0000 - examples: 600/);
  expect((await gradus("report r")).out).toBe("r/report.html\n");
  expect((await gradus("summary r")).out).toContain("Embedding");
});

test.skipIf(!isFast)("predict: the next character, and how the text goes on", async () => {
  await trained("p");
  await writeFile("prompt.txt", "abcd efgh\nab");
  const ranked = (await gradus("predict p prompt.txt")).out.split("\n");
  expect(ranked[0]).toMatch(/^c +9\d\.\d\d %/);
  expect(ranked.some((row) => row.startsWith('"\\n"'))).toBe(true);
  const json = JSON.parse((await gradus("predict p prompt.txt --json --length 8")).out);
  expect(json.predictions[0]).toMatchObject({ prediction: "c", continuation: "cd efgh\n" });
  expect(json.predictions[0].probabilities["\n"]).toBeLessThan(0.01);
  expect((await gradus("predict p prompt.txt --length 22")).out).toBe("cd efgh\nabcd efgh\nabcd\n");
  // a prompt shorter than what the network sees
  await writeFile("short.txt", "a");
  expect((await gradus("predict p short.txt")).out).toMatch(/^b /);
  for (const [from, to] of Object.entries(rule)) {
    await writeFile("at.txt", line.repeat(2) + line.slice(0, line.indexOf(from) + 1));
    const { out } = await gradus("predict p at.txt --csv");
    const rows = out.trim().split("\n");
    expect(rows.slice(rows.findIndex((row) => row.startsWith("at.txt"))).join("\n")).toContain(
      `at.txt,${to === "\n" ? '"\n"' : to},`,
    );
  }
});

test.skipIf(!isFast)("a run of a text goes on, and is measured on another text", async () => {
  await trained("g");
  const more = await gradus("train --resume g --epochs 4");
  expect([more.code, more.error]).toEqual([0, ""]);
  await writeFile("other.txt", "efgh abcd\n".repeat(50));
  const other = await gradus("evaluate g --data other.txt");
  expect(other.out).toMatch(/^other.txt: loss: .* examples: 100/);
  await writeFile("strange.txt", "abcz\n".repeat(50));
  expect((await gradus("evaluate g --data strange.txt")).error).toMatch(
    /strange.txt: the character "z" is not among the 10/,
  );
  expect((await gradus("predict g strange.txt")).error).toContain('the character "z"');
  const again = await gradus("train --from g --data other.txt --dev-run");
  expect([again.code, again.error]).toEqual([0, ""]);
});

test("a .txt file is a text, unless its lines are rows of a table or data.format says so", async () => {
  await writeFile(
    "poem.txt",
    "Roses are red,\nviolets are blue.\nSugar is sweet, is it,\n".repeat(20),
  );
  await writeFile("cells.txt", `a,b\n${"1,yes\n2,no\n".repeat(20)}`);
  const model = async (words: string) => {
    const { out, error } = await gradus(`config print ${words}`);
    return /name: (.*)/.exec(out)?.[1] ?? error;
  };
  expect(await model("data=poem.txt")).toBe("char-mlp");
  expect(await model("data=cells.txt")).toBe("mlp");
  expect(await model("data=cells.txt data.format=text")).toBe("char-mlp");
  expect(await model("data=poem.txt data.format=table")).toMatch(/line \d+ has \d cells/);
  expect(await model("data=poem.txt data.format=txt")).toMatch(
    /data.format: there is no format "txt" among set, idx, cifar, images, sound, table, text.\n.*did you mean text/,
  );
  expect(await model("data=poem.txt data.format=idx")).toMatch(
    /"idx" is a folder or archive of IDX files, and poem.txt is none/,
  );
});

test("what is not for texts is refused, and so are texts that cannot be cut", async () => {
  await write();
  const failing = async (words: string, problem: RegExp) =>
    expect((await gradus(`train --data ${words}`)).error).toMatch(problem);
  await failing(
    "rows.txt --model mlp",
    /--model: "mlp" takes numbers, and rows.txt is read as text/,
  );
  await failing(
    "moons --model char-mlp",
    /"char-mlp" takes the characters of a text, and moons is none/,
  );
  await failing(
    "rows.txt --classes a,b",
    /data.classes: rows.txt is a text .*, which it is not for/,
  );
  await failing("rows.txt --augment noise", /data.augment: rows.txt is a text/);
  await failing("moons data.context=4", /data.context: it is for a text .*; moons is a set/);
  await failing("rows.txt data.context=0", /data.context: "0" is not a whole number of 1 or more/);
  await failing("rows.txt data.maxDecodedBytes=100", /bytes of all contexts: 192000 is above/);
  await writeFile("one.txt", "no end of a line");
  await failing("one.txt", /one.txt: the text has too few lines/);
  await writeFile("two.txt", "one\ntwo\n");
  await failing("two.txt", /too few lines/);
  await writeFile("empty.txt", "");
  await failing("empty.txt", /empty/);
  await gradus("train --data moons --epochs 1 --run m");
  expect((await gradus("predict m rows.txt --length 3")).error).toMatch(
    /--length: it goes on with texts, and m was trained on none/,
  );
});
