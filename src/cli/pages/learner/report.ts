import type { Split } from "../../../data/index.ts";
import { writeFileAtomic } from "../../../formats/index.ts";
import type { RunFolder } from "../../../train/index.ts";
import type { AnyLearner } from "../../run/learner-run.ts";
import type { LearnerRunConfig } from "../../run/run-config.ts";
import type { Source } from "../../sources/data-source.ts";
import { learningCurve, measureLearner } from "./data.ts";
import { learnerPage } from "./page.ts";
import { planeFigure } from "./plane.ts";

/**
 * Writes report.html into the folder of a learner's run.
 *
 * @param data all splits of the run's data, or other examples to evaluate on.
 * @returns its path.
 */
export async function writeLearnerReport(
  folder: RunFolder,
  config: LearnerRunConfig,
  learner: AnyLearner,
  data: Source | Split,
): Promise<string> {
  const [line] = await folder.readMetrics();
  const seconds = typeof line?.seconds === "number" ? line.seconds : undefined;
  const source = "train" in data ? data : undefined;
  const curves = source && learner.name !== "KMeans";
  const html = await learnerPage({
    ...{ name: folder.path, config, learner, seconds },
    results: measureLearner(learner, config, source ? source.test : (data as Split)),
    ...(source && {
      train: source.train,
      plane: await planeFigure(learner, config, source.train),
    }),
    curve: curves ? await learningCurve(learner, config, source) : undefined,
  });
  const path = `${folder.path}/report.html`;
  await writeFileAtomic(path, html);
  return path;
}
