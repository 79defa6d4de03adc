import {
  ConfigError,
  checkOptions,
  checkSeed,
  NumericError,
  RandomStream,
} from "../../base/index.ts";
import type { Mode } from "../history.ts";
import type { Json } from "../run-folder.ts";
import { headOf, SearchTable } from "./search-table.ts";
import { gridPoint, gridSize, type Point, type Space, samplePoint } from "./space.ts";
import type { Trial, TrialInfo } from "./trial.ts";

/** The value of an objective: a number, or a promise of one. */
export type SearchObjective<S extends Space> = (
  parameters: Point<S>,
  info: TrialInfo,
) => number | Promise<number>;

/** How {@link search} chooses points, and where it stores results. */
export interface SearchOptions {
  /**
   * `"random"` (default) draws `trials` points; `"grid"` takes all; `"halving"` draws `trials` points and
   * gives more budget to the better ones.
   */
  readonly method?: "random" | "grid" | "halving" | undefined;
  /** Number of sampled points. Default 20. */
  readonly trials?: number | undefined;
  /** Default 0. */
  readonly seed?: number | undefined;
  /** Whether to minimize or maximize the objective. Default "min". */
  readonly mode?: Mode | undefined;
  /**
   * For halving: the budget of the first round and the maximum, and the factor between rounds
   * (default 3).
   */
  readonly budget?:
    | { readonly min: number; readonly max: number; readonly factor?: number | undefined }
    | undefined;
  /** A file of JSON lines with the results so far; a search that finds one resumes it. */
  readonly table?: string | undefined;
  /**
   * Everything else that the objective depends on, such as the data, the model and the epochs: a
   * table with another context is refused, because its values do not apply.
   */
  readonly context?: Json | undefined;
}

/** All trials of a {@link search}, and the best. */
export interface SearchResult<S extends Space> {
  /** In the order in which they were made. */
  readonly trials: readonly Trial<S>[];
  /** The best trial with the largest budget; undefined if none has a value. */
  readonly best: Trial<S> | undefined;
}

/**
 * Each point has its own random stream, so that it does not depend on how many points came before.
 */
const searchStream = 0x5e00_0000;

/**
 * Looks for the hyper-parameters of the smallest (or largest) objective, such as the validation
 * loss.
 *
 * Random search spends its trials on the dimensions that matter without knowing which they are.
 * Successive halving gives all points a small budget, keeps the better 1/factor with `factor` times
 * the budget, and so on to the largest: the budgets of all rounds are about the same.
 *
 * The result is a function of space, seed and objective. With a `table`, a search that was
 * interrupted, even by a kill, resumes where it stopped, and the finished table has the same bytes.
 * The table is replaced atomically after each trial, and one search at a time may use it. A
 * NumericError (see `TerminateOnNaN`) is a trial without value; other errors end the search.
 *
 * @throws {ConfigError} for invalid options, or a table of another search: of another space,
 * method, seed, mode or context. @throws {DataError} if another process is searching with the
 * table.
 * @throws {FormatError} if the file is not a table.
 * @see Bergstra & Bengio 2012, "Random search for hyper-parameter optimization"; Jamieson &
 *   Talwalkar 2016, "Non-stochastic best arm identification and hyperparameter optimization",
 *   figure 3
 * @example
 * const space = { lr: logUniform(1e-3, 1), hidden: choice([4, 8]) };
 * const { best } = await search(
 *   space,
 *   async ({ lr, hidden }, { budget }) => {
 *     const model = new Sequential(new Linear(2, hidden), new Tanh(), new Linear(hidden, 2));
 *     const history = await fit(model, xor(), { epochs: budget, lr, validation: xor() });
 *     return history.last.val_loss!;
 *   },
 *   { method: "halving", trials: 4, budget: { min: 1, max: 2, factor: 2 } },
 * );
 * best.budget; // 2
 */
export async function search<S extends Space>(
  space: S,
  objective: SearchObjective<S>,
  options: SearchOptions = {},
): Promise<SearchResult<S>> {
  checkOptions("search", options, {
    method: true,
    trials: "number",
    seed: "number",
    mode: true,
    budget: true,
    table: true,
    context: true,
  });
  const {
    method = "random",
    trials = 20,
    seed = 0,
    mode = "min",
    budget,
    table,
    context,
  } = options;
  checkSeed("search", seed);
  const count = method === "grid" ? gridSize(space) : checkTrials(trials);
  const rounds = roundsOf(method, count, budget);
  const head = headOf(space, {
    method,
    seed,
    mode,
    trials: method === "halving" ? count : null,
    rounds,
    context,
  });
  const rows = new SearchTable<S>(table, head);
  await rows.open();
  try {
    const last = await runRounds(rows, { space, objective, method, count, rounds, seed, mode });
    return { trials: rows.trials, best: ranked(last, mode).find(({ value }) => value !== null) };
  } finally {
    await rows.close();
  }
}

interface Rounds<S extends Space> {
  readonly space: S;
  readonly objective: SearchObjective<S>;
  readonly method: string;
  readonly count: number;
  readonly rounds: readonly Round[];
  readonly seed: number;
  readonly mode: Mode;
}

/** Runs the trials that the table does not have yet. @returns the trials of the last round. */
async function runRounds<S extends Space>(
  rows: SearchTable<S>,
  { space, objective, method, count, rounds, seed, mode }: Rounds<S>,
): Promise<Trial<S>[]> {
  const point = (trial: number): Point<S> => {
    const random = new RandomStream(seed, searchStream + trial);
    return (method === "grid" ? gridPoint(space, trial) : samplePoint(space, random)) as Point<S>;
  };
  let alive = Array.from({ length: count }, (_, trial) => trial);
  let last: Trial<S>[] = [];
  for (const { size, budget } of rounds) {
    alive =
      size < alive.length
        ? ranked(last, mode)
            .slice(0, size)
            .map(({ trial }) => trial)
        : alive;
    last = [];
    for (const trial of alive.sort((a, b) => a - b)) {
      const known = rows.find(trial, budget);
      const run = async () => ({
        ...{ trial, budget, parameters: point(trial) },
        value: await outcomeOf(() =>
          objective(point(trial), { trial, budget: budget ?? Infinity }),
        ),
      });
      last.push(known ?? (await rows.add(await run())));
    }
  }
  return last;
}

/** A round: the number of points and their budget. */
interface Round {
  readonly size: number;
  readonly budget: number | null;
}

/** sizes n, ⌊n/η⌋, ⌊n/η²⌋, … with budgets r, ηr, η²r, … up to the largest. */
function roundsOf(method: string, size: number, budget: SearchOptions["budget"]): Round[] {
  if (method !== "halving") return [{ size, budget: null }];
  const { min, max, factor = 3 } = budget ?? { min: 0, max: 0 };
  if (!(min > 0 && max >= min && factor > 1))
    throw new ConfigError({
      subject: "search",
      problem: budget ? `the budgets are ${min} … ${max} by ${factor}.` : "halving needs budgets.",
      fix: "give the epochs of the first and the last round, such as budget: { min: 3, max: 27 }.",
    });
  const rounds: Round[] = [];
  for (let b = min; b <= max && size >= 1; b *= factor) {
    rounds.push({ size, budget: b });
    size = Math.floor(size / factor);
  }
  return rounds;
}

function checkTrials(trials: number): number {
  if (Number.isSafeInteger(trials) && trials > 0) return trials;
  throw new ConfigError({
    subject: "search",
    problem: `trials is ${trials}, not a whole number of 1 or more.`,
    fix: "give the number of points to try, such as trials: 20.",
  });
}

async function outcomeOf(objective: () => number | Promise<number>): Promise<number | null> {
  try {
    const value = await objective();
    return Number.isFinite(value) ? value : null;
  } catch (error) {
    if (error instanceof NumericError) return null;
    throw error;
  }
}

/** The best first; trials without value last; ties by number. */
function ranked<S extends Space>(trials: readonly Trial<S>[], mode: Mode): Trial<S>[] {
  const sign = mode === "min" ? 1 : -1;
  const key = ({ value }: Trial<S>) => (value === null ? Infinity : sign * value);
  return [...trials].sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    return x === y ? a.trial - b.trial : x < y ? -1 : 1;
  });
}
