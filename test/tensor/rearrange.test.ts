import { describe, expect, test } from "vitest";
import { ConfigError, DataError, DTypeError, ShapeError } from "../../src/base/index.ts";
import {
  arange,
  batchToSpace,
  compile,
  concat,
  cummax,
  cummin,
  depthToSpace,
  einsum,
  gatherElements,
  gatherNd,
  nonzero,
  ones,
  repeat,
  roll,
  scatterElements,
  scatterNd,
  searchSorted,
  segmentSum,
  setEngine,
  spaceToBatch,
  spaceToDepth,
  split,
  type Tensor,
  tensor,
  tile,
  topK,
  tril,
  triu,
  unique,
  unstack,
  zeros,
} from "../../src/tensor/index.ts";
import { checkComposition } from "../support/composition.ts";
import { engines } from "../support/engines.ts";

const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
const i32 = (x: Parameters<typeof tensor>[0]) => tensor(x, "int32");
const grid = () => arange(6).reshape([2, 3]); // [[0, 1, 2], [3, 4, 5]]

/** Expressions and what NumPy or PyTorch give for them. */
const values: Record<string, readonly [() => Tensor, unknown]> = {
  tile: [
    () => tile(grid(), [2, 1]),
    [
      [0, 1, 2],
      [3, 4, 5],
      [0, 1, 2],
      [3, 4, 5],
    ],
  ],
  "tile, more counts than axes": [
    () => tile(i32([1, 2]), [2, 2]),
    [
      [1, 2, 1, 2],
      [1, 2, 1, 2],
    ],
  ],
  "tile, fewer counts than axes": [
    () => tile(i32([[1], [2]]), 2),
    [
      [1, 1],
      [2, 2],
    ],
  ],
  "tile to nothing": [() => tile(grid(), [0, 2]), []],
  "repeat by one number, flattened": [
    () =>
      repeat(
        i32([
          [1, 2],
          [3, 4],
        ]),
        2,
      ),
    [1, 1, 2, 2, 3, 3, 4, 4],
  ],
  "repeat by a list": [
    () => repeat(grid(), [1, 0, 2], { axis: 1 }),
    [
      [0, 2, 2],
      [3, 5, 5],
    ],
  ],
  "repeat none": [() => repeat(grid(), [0, 0], 0), []],
  "roll of all elements": [
    () => roll(grid(), 2),
    [
      [4, 5, 0],
      [1, 2, 3],
    ],
  ],
  "roll by more than there are": [
    () => roll(grid(), [-4, 1], { axis: [1, 0] }),
    [
      [4, 5, 3],
      [1, 2, 0],
    ],
  ],
  triu: [
    () => triu(grid(), 1),
    [
      [0, 1, 2],
      [0, 0, 5],
    ],
  ],
  tril: [
    () => tril(grid().cast("bool")),
    [
      [0, 0, 0],
      [1, 1, 0],
    ],
  ],
  "triu far below": [
    () => triu(grid(), -9),
    [
      [0, 1, 2],
      [3, 4, 5],
    ],
  ],
  "tril far above keeps NaN out": [
    () =>
      tril(
        tensor([
          [1, nan],
          [2, inf],
        ]),
      ),
    [
      [1, 0],
      [2, inf],
    ],
  ],
  "depthToSpace, DCR": [
    () => depthToSpace(arange(8).reshape([1, 8, 1, 1]), 2),
    [
      [
        [
          [0, 2],
          [4, 6],
        ],
        [
          [1, 3],
          [5, 7],
        ],
      ],
    ],
  ],
  "depthToSpace, CRD": [
    () => depthToSpace(arange(8).reshape([1, 8, 1, 1]), 2, { order: "CRD" }),
    [
      [
        [
          [0, 1],
          [2, 3],
        ],
        [
          [4, 5],
          [6, 7],
        ],
      ],
    ],
  ],
  "spaceToDepth undoes both": [
    () => {
      const x = arange(48).reshape([1, 12, 2, 2]);
      const orders = ["DCR", "CRD"] as const;
      const back = orders.map((order) => spaceToDepth(depthToSpace(x, 2, { order }), 2, { order }));
      return concat(back.map((y) => y.equal(x).all().reshape([1])));
    },
    [1, 1],
  ],
  "spaceToBatch with padding": [
    () => spaceToBatch(i32([[[1, 2, 3]]]), [2], [[1, 0]]),
    [[[0, 2]], [[1, 3]]],
  ],
  "batchToSpace with crops": [
    () => batchToSpace(i32([[[0, 2]], [[1, 3]]]), [2], [[1, 0]]),
    [[[1, 2, 3]]],
  ],
  cumprod: [() => i32([2, 0, 3, 4]).cumprod(), [2, 0, 0, 0]],
  "cumprod, exclusive": [() => i32([2, 3, 4]).cumprod({ exclusive: true }), [1, 2, 6]],
  "cumprod, reverse and exclusive": [
    () =>
      i32([
        [2, 3, 4],
        [5, 6, 7],
      ]).cumprod({ reverse: true, exclusive: true }),
    [
      [12, 4, 1],
      [42, 7, 1],
    ],
  ],
  "cumprod wraps in int32": [() => i32([65536, 65536, 5]).cumprod(), [65536, 0, 0]],
  "cumsum, exclusive": [
    () => grid().cumsum({ axis: 0, exclusive: true }),
    [
      [0, 0, 0],
      [0, 1, 2],
    ],
  ],
  "cumsum, reverse and exclusive": [
    () => grid().cumsum({ reverse: true, exclusive: true }),
    [
      [3, 2, 0],
      [9, 5, 0],
    ],
  ],
  "cumsum of nothing": [() => zeros([2, 0]).cumsum({ exclusive: true }), [[], []]],
  "cummax keeps NaN from the first on": [
    () => cummax(tensor([1, nan, 2, nan])).values,
    [1, nan, nan, nan],
  ],
  "cummax's indices, the last of equal ones": [
    () => cummax(tensor([2, 1, 2, 0])).indices,
    [0, 0, 2, 2],
  ],
  "cummin in reverse": [() => cummin(i32([3, 1, 2, 2]), { reverse: true }).indices, [1, 1, 2, 3]],
  "topK of the smallest along an axis": [
    () => topK(grid(), 1, { axis: 0, smallest: true }).values,
    [[0, 1, 2]],
  ],
  "topK takes NaN last": [() => topK(tensor([nan, 1, inf]), 3).indices, [2, 1, 0]],
  "searchSorted on the left": [
    () => searchSorted(tensor([-inf, 1, 1, 2, nan]), tensor([-inf, 1, 1.5, inf, nan])),
    [0, 1, 3, 4, 4],
  ],
  "searchSorted on the right": [
    () =>
      searchSorted(tensor([-inf, 1, 1, 2, nan]), tensor([-inf, 1, 1.5, inf, nan]), {
        side: "right",
      }),
    [1, 3, 3, 4, 5],
  ],
  "searchSorted in rows": [
    () =>
      searchSorted(
        i32([
          [1, 2, 3],
          [4, 5, 6],
        ]),
        i32([
          [2, 9],
          [2, 9],
        ]),
      ),
    [
      [1, 3],
      [0, 3],
    ],
  ],
  "searchSorted in nothing": [() => searchSorted(zeros([0]), tensor([[1, 2]])), [[0, 0]]],
  "gatherNd of slices": [
    () => gatherNd(grid(), i32([[1], [0]])),
    [
      [3, 4, 5],
      [0, 1, 2],
    ],
  ],
  "gatherNd with batch axes": [
    () => gatherNd(arange(8).reshape([2, 2, 2]), i32([[[1]], [[0]]]), { batchDims: 1 }),
    [[[2, 3]], [[4, 5]]],
  ],
  "gatherNd of the whole": [
    () => gatherNd(grid(), zeros([1, 0], { dtype: "int32" })),
    [
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ],
  ],
  "gatherElements before the end": [() => gatherElements(grid(), i32([[1, 0]]), 0), [[3, 1]]],
  "scatterNd adds": [
    () => scatterNd(i32([1, 2, 3]), i32([[0], [0], [2]]), i32([10, 20, 30]), { reduction: "add" }),
    [31, 2, 33],
  ],
  "scatterNd takes the largest": [
    () =>
      scatterNd(tensor([5, 2, 3]), i32([[0], [2], [2], [1]]), tensor([4, 9, 7, nan]), {
        reduction: "max",
      }),
    [5, nan, 9],
  ],
  "scatterNd takes the smallest": [
    () => scatterNd(i32([5, 2, 3]), i32([[0], [2], [0]]), i32([4, 9, -7]), { reduction: "min" }),
    [-7, 2, 3],
  ],
  "scatterNd sets slices": [
    () =>
      scatterNd(
        zeros([3, 2]),
        i32([[2], [0], [2]]),
        tensor([
          [1, 2],
          [3, 4],
          [5, nan],
        ]),
      ),
    [
      [3, 4],
      [0, 0],
      [5, nan],
    ],
  ],
  "scatterNd sets bool": [
    () => scatterNd(tensor([true, true]), i32([[1]]), tensor([false])),
    [1, 0],
  ],
  "scatterNd of nothing": [
    () => scatterNd(tensor([1, 2]), zeros([0, 1], { dtype: "int32" }), zeros([0])),
    [1, 2],
  ],
  "scatterElements sets the last": [
    () =>
      scatterElements(
        zeros([2, 3]),
        i32([
          [1, 0],
          [1, 1],
        ]),
        tensor([
          [1, 2],
          [3, 4],
        ]),
        { axis: 1 },
      ),
    [
      [2, 1, 0],
      [0, 4, 0],
    ],
  ],
  "scatterElements multiplies": [
    () =>
      scatterElements(ones([3]).mul(2), i32([0, 0, 2]), tensor([3, 4, 5]), { reduction: "mul" }),
    [24, 2, 10],
  ],
  segmentSum: [
    () => segmentSum(grid(), i32([2, 2]), 3),
    [
      [0, 0, 0],
      [0, 0, 0],
      [3, 5, 7],
    ],
  ],
  "einsum, a trace": [() => einsum("ii", [arange(9).reshape([3, 3])]), 12],
  "einsum, a diagonal": [() => einsum("ii->i", [arange(9).reshape([3, 3])]), [0, 4, 8]],
  "einsum, transposed": [
    () => einsum("ba", [grid()]),
    [
      [0, 3],
      [1, 4],
      [2, 5],
    ],
  ],
  "einsum, three operands": [
    () => einsum("ij,jk,k->i", [grid(), grid().transpose(), i32([1, 10])]),
    [5 + 140, 14 + 500],
  ],
  "einsum, batched with an ellipsis": [
    () =>
      einsum("...ij,jk->...ik", [
        arange(8).reshape([2, 2, 2]),
        i32([
          [0, 1],
          [1, 0],
        ]),
      ]),
    [
      [
        [1, 0],
        [3, 2],
      ],
      [
        [5, 4],
        [7, 6],
      ],
    ],
  ],
  "einsum, an ellipsis that broadcasts": [
    () => einsum("...i,...i", [grid(), i32([[1, 1, 1]])]),
    [3, 12],
  ],
  "einsum over nothing": [
    () => einsum("ij,jk->ik", [zeros([2, 0]), zeros([0, 3])]),
    [
      [0, 0, 0],
      [0, 0, 0],
    ],
  ],
};

describe.each(engines)("%s", (engine) => {
  test.each(Object.entries(values))("%s", (_, [f, expected]) => {
    setEngine(engine);
    expect(f().toArray()).toEqual(expected);
    expect(compile(f).sync().toArray()).toEqual(expected);
  });

  test("split and unstack", () => {
    setEngine(engine);
    expect(split(grid(), [2, 0, 1], 1).map((part) => part.shape)).toEqual([
      [2, 2],
      [2, 0],
      [2, 1],
    ]);
    expect(unstack(grid(), -1).map((part) => part.toArray())).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
  });

  test("what depends on values is found at once, and refused in a compiled function", () => {
    setEngine(engine);
    expect(
      nonzero(
        tensor([
          [nan, 0],
          [0, -1],
        ]),
      ).toArray(),
    ).toEqual([
      [0, 0],
      [1, 1],
    ]);
    expect(nonzero(tensor(3)).shape).toEqual([1, 0]);
    const found = unique(tensor([2, nan, 1, 2, nan]));
    expect(found.values.toArray()).toEqual([1, 2, nan]);
    expect(found.indices.toArray()).toEqual([2, 0, 1]);
    expect(found.counts.toArray()).toEqual([1, 2, 2]);
    const columns = unique(
      i32([
        [1, 0, 1],
        [2, 5, 2],
      ]),
      1,
    );
    expect(columns.values.toArray()).toEqual([
      [0, 1],
      [5, 2],
    ]);
    expect(columns.inverse.toArray()).toEqual([1, 0, 1]);
    expect(() => compile((x: Tensor) => nonzero(x)).sync(tensor([1]))).toThrow("depends on values");
    expect(() => compile((x: Tensor) => unique(x).values).sync(tensor([1]))).toThrow(ConfigError);
  });

  test("indices outside are errors", () => {
    setEngine(engine);
    expect(() => gatherNd(grid(), i32([[0, 3]])).toArray()).toThrow(DataError);
    expect(() => gatherNd(grid(), i32([[0, 3]])).toArray()).toThrow("an index of 0…2");
    expect(() => scatterNd(grid(), i32([[-1, 0]]), i32([1])).toArray()).toThrow("a value is -1");
    expect(() => scatterElements(grid(), i32([[2, 0]]), i32([[1, 1]])).toArray()).toThrow(
      DataError,
    );
    expect(() => segmentSum(grid(), i32([0, 3]), 3).toArray()).toThrow(DataError);
  });
});

const x = { shape: [3, 4] };
const at = (shape: number[], size: number) => ({
  shape,
  dtype: "int32" as const,
  range: [0, size] as const,
});
const derivatives: Record<string, Parameters<typeof checkComposition>> = {
  tile: ["tile", (a) => tile(a, [2, 3]), [x]],
  repeat: ["repeat", (a) => repeat(a, [1, 0, 2], { axis: 0 }), [x]],
  roll: ["roll", (a) => roll(a, [1, 3], { axis: [0, 1] }), [x]],
  triu: ["triu", (a) => triu(a, 1), [x]],
  cumprod: ["cumprod", (a) => a.cumprod({ exclusive: true }), [{ shape: [2, 5] }]],
  "cumprod with zeros": ["cumprod", (a) => tril(a).cumprod(), [x]],
  cummax: ["cummax", (a) => cummax(a, 0).values, [x]],
  topK: ["topK", (a) => topK(a, 2, { smallest: true }).values, [x]],
  einsum: [
    "einsum",
    (a, b) => einsum("bij,bjk->ki", [a, b]),
    [{ shape: [2, 3, 4] }, { shape: [2, 4, 2] }],
  ],
  gatherNd: ["gatherNd", (a, i) => gatherNd(a, i), [x, at([5, 1], 3)]],
  scatterNd: ["scatterNd", (a, i, u) => scatterNd(a, i, u), [x, at([5, 1], 3), { shape: [5, 4] }]],
  ...Object.fromEntries(
    (["set", "add", "mul", "max", "min"] as const).map((reduction) => [
      `scatterElements, ${reduction}`,
      [
        reduction,
        (a: Tensor, i: Tensor, u: Tensor) => scatterElements(a, i, u, { reduction }),
        [x, at([5, 2], 3), { shape: [5, 2] }],
      ],
    ]),
  ),
};

describe("both modes, to second order, on every engine", () => {
  test.each(Object.entries(derivatives))("%s", (_, args) => checkComposition(...args));
});

describe("what means nothing is an error that says what would", () => {
  const cases: Record<string, readonly [() => unknown, new (...x: never[]) => Error, string]> = {
    tile: [() => tile(grid(), -1), ConfigError, "a count is -1"],
    repeat: [() => repeat(grid(), [1], 0), ShapeError, "1 counts for axis 0 of [2, 3]"],
    split: [() => split(grid(), 2, 1), ShapeError, "does not divide into 2 equal pieces"],
    "split sizes": [() => split(grid(), [1, 1], 1), ShapeError, "add up to 3"],
    unstack: [() => unstack(tensor(1)), ShapeError, "axis 0"],
    roll: [() => roll(grid(), [1, 2]), ConfigError, "for 1 axes"],
    triu: [() => triu(tensor([1])), ShapeError, "is no matrix"],
    depthToSpace: [() => depthToSpace(zeros([1, 3, 2, 2]), 2), ShapeError, "3 channels"],
    spaceToDepth: [() => spaceToDepth(zeros([1, 3, 3, 2]), 2), ShapeError, "3 × 2"],
    spaceToBatch: [() => spaceToBatch(zeros([1, 1, 3]), [2]), ShapeError, "multiples of the block"],
    batchToSpace: [() => batchToSpace(zeros([3, 1, 3]), [2]), ShapeError, "multiple of 2"],
    gatherNd: [() => gatherNd(grid(), i32([[0, 0, 0]])), ShapeError, "[1, 3] for [2, 3]"],
    "float indices": [() => gatherNd(grid(), tensor([[0]])), DTypeError, 'cast("int32")'],
    scatterNd: [() => scatterNd(grid(), i32([[0]]), i32([1])), ShapeError, "here [1, 3]"],
    reduction: [
      () => scatterNd(grid(), i32([[0]]), i32([[1, 2, 3]]), { reduction: "sum" as never }),
      ConfigError,
      'unknown reduction "sum"',
    ],
    scatterElements: [() => scatterElements(grid(), i32([[0]]), i32([1])), ShapeError, "differ"],
    searchSorted: [() => searchSorted(grid(), i32([1])), ShapeError, "[1] for rows [2, 3]"],
    "einsum, terms": [() => einsum("ij,jk", [grid()]), ShapeError, "2 terms for 1 operands"],
    "einsum, rank": [() => einsum("ijk", [grid()]), ShapeError, "does not name 2 axes"],
    "einsum, sizes": [() => einsum("ij,ij", [grid(), zeros([2, 2])]), ShapeError, '"j" is 3 and 2'],
    "einsum, result": [() => einsum("ij->ik", [grid()]), ShapeError, '"k"'],
    "einsum, a name": [() => einsum("i1->i", [grid()]), ShapeError, '"1" names no axis'],
  };
  test.each(Object.entries(cases))("%s", (_, [f, kind, text]) => {
    expect(f).toThrow(kind);
    expect(f).toThrow(text);
  });
});
