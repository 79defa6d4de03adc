import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Dropout, Linear, type Module, ReLU, Sequential, seeded } from "gradus/nn";
import { afterAll } from "vitest";

/** A folder that is removed after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "gradus-train-"));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A small perceptron with a random layer, the same each time. */
export const smallNet = (inputs = 2, outputs = 2): Sequential =>
  seeded(
    3,
    () =>
      new Sequential(new Linear(inputs, 16), new ReLU(), new Dropout(0.2), new Linear(16, outputs)),
  );

/** All of a model's state, as plain numbers to compare bit by bit. */
export const stateOf = (model: Module): Record<string, number[]> =>
  Object.fromEntries(
    Object.entries(model.state()).map(([path, x]) => [path, [...x.value.dataSync()]]),
  );
