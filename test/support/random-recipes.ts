import fc from "fast-check";
import { type DType, isFloat, RandomStream, sizeOf } from "../../src/base/index.ts";
import type { Recipe } from "./random-graph.ts";

/** Shapes of leaves; the last ones are longer than the largest constant of a program. */
const shapes: readonly (readonly number[])[] = [
  [],
  [1],
  [3],
  [2, 3],
  [4, 1],
  [2, 2, 3],
  [0, 2],
  [17],
  [3, 19],
  [70],
  [3, 90],
  [130],
  [66, 2],
];

/** Random recipes over leaves of these dtypes. */
export const recipes = (
  dtypes: readonly DType[],
  steps: { minLength: number; maxLength: number },
) =>
  fc
    .record({
      leaves: fc.array(
        fc.record({
          dtype: fc.constantFrom(...dtypes),
          shape: fc.constantFrom(...shapes),
          seed: fc.nat(1000),
        }),
        { minLength: 2, maxLength: 4 },
      ),
      steps: fc.array(
        fc.record({
          rule: fc.nat(10_000),
          operands: fc.tuple(fc.nat(30), fc.nat(30)),
          choice: fc.nat(11),
        }),
        steps,
      ),
    })
    .map(
      ({ leaves, steps: list }): Recipe => ({
        leaves: leaves.map(({ dtype, shape, seed }) => {
          const random = new RandomStream(seed, 1);
          const draw = () => (isFloat(dtype) ? 2 * random.uniform() - 1 : random.integer(20) - 10);
          return { dtype, shape, values: Array.from({ length: sizeOf(shape) }, draw) };
        }),
        steps: list,
      }),
    );

/** The same graphs every time; `GRADUS_FUZZ=1000` looks at that many new ones. */
export const runs = (numRuns: number) =>
  process.env.GRADUS_FUZZ ? { numRuns: Number(process.env.GRADUS_FUZZ) } : { numRuns, seed: 1 };
