/** Sums over a choice and the zeros around it, as the gradient of max-pooling has them. */
import { fromHost, hvp, maxPool, realizeSync, setEngine, type Tensor, tensor } from "gradus";
import { describe, expect, test } from "vitest";
import { sizeOf } from "../../../src/base/index.ts";
import { simplify } from "../../../src/compiler/simplify.ts";
import { collect, type Node } from "../../../src/graph/index.ts";
import * as op from "../../../src/ops/index.ts";
import { evaluate } from "../../../src/runtime/reference.ts";
import { expectClose } from "../../support/compare.ts";
import { engines } from "../../support/engines.ts";

const typed = { float32: Float32Array, float64: Float64Array, int32: Int32Array };

/** Small whole numbers, so that many tie, and a few others. */
function leaf(
  shape: readonly number[],
  dtype: keyof typeof typed = "float32",
  odd: readonly number[] = [],
) {
  const values = Array.from({ length: sizeOf(shape) }, (_, i) => ((i * 7 + (i >> 2)) % 5) - 2);
  odd.forEach((value, i) => {
    values[(i * 17 + 5) % values.length] = value;
  });
  return fromHost({ data: typed[dtype].from(values), shape, dtype }).node;
}

const geometry = (...size: number[]) => ({ size, stride: size, dilation: size.map(() => 1) });

/** The gradient of max-pooling over `size`, for gradients g of the maxima. */
function spread(x: Node, g: Node, geo: ReturnType<typeof geometry>): Node {
  const y = op.maxPool(x, geo);
  return y.op.vjp(y, g)[0]!;
}
const NaNs = [Number.NaN, 1, Number.NaN];
const walls = [Number.POSITIVE_INFINITY, 3, Number.NaN, 0, Number.POSITIVE_INFINITY];
const planes = (dtype: keyof typeof typed = "float32") =>
  spread(leaf([2, 3, 4, 6], dtype), leaf([2, 3, 2, 3], dtype), geometry(2, 2));
const line = () => spread(leaf([3, 8]), leaf([3, 4]), geometry(2));

/** where(index = place, value, 0) over the places 0 … n − 1 of a new last axis. */
function choice(index: Node, n: number, value: Node, places = op.iota([n], 0)): Node {
  const shape = [...index.shape, n];
  const last = [index.shape.length];
  const lead = [...index.shape.keys()];
  const here = op.equal(
    op.broadcastInto(places, shape, lead),
    op.broadcastInto(index, shape, last),
  );
  return op.where(
    here,
    value.shape.length < shape.length ? op.broadcastInto(value, shape, last) : value,
    0,
  );
}
const best = (n: number) => op.argmax(leaf([4, 3, n]), [2]);

/** Sums that need not look at the zeros. */
const chosen: Record<string, () => Node> = {
  "planes and images, in float32": () => op.sum(planes(), [0, 2, 3]),
  "in float64": () => op.sum(planes("float64"), [0, 2, 3]),
  "in int32": () => op.sum(planes("int32"), [0, 2, 3]),
  "every plane by itself": () => op.sum(planes(), [2, 3]),
  "all there is": () => op.sum(planes(), [0, 1, 2, 3]),
  "of a line": () => op.sum(line(), [1]),
  "of windows of three by two": () =>
    op.sum(spread(leaf([1, 2, 6, 4]), leaf([1, 2, 2, 2]), geometry(3, 2)), [0, 2, 3]),
  "of windows as large as the plane": () =>
    op.sum(spread(leaf([3, 2, 2]), leaf([3, 1, 1]), geometry(2, 2)), [1, 2]),
  "where maxima are not numbers": () =>
    op.sum(
      spread(leaf([2, 3, 4, 6], "float32", NaNs), leaf([2, 3, 2, 3]), geometry(2, 2)),
      [0, 2, 3],
    ),
  "of what is not finite": () =>
    op.sum(
      spread(leaf([2, 3, 4, 6]), leaf([2, 3, 2, 3], "float32", walls), geometry(2, 2)),
      [2, 3],
    ),
  "as a group of channels": () => op.sum(op.reshape(planes(), [2, 1, 3, 4, 6]), [0, 3, 4]),
  "as a group of channels, over the groups": () =>
    op.sum(op.reshape(planes(), [2, 1, 3, 4, 6]), [0, 1, 3, 4]),
  "with planes as lines": () => op.sum(op.reshape(planes(), [2, 3, 24]), [0, 2]),
  "with axes in another order": () =>
    op.sum(op.permute(op.reshape(planes(), [2, 1, 3, 4, 6]), [3, 2, 4, 0, 1]), [0, 2]),
  "over a line of places": () => op.sum(choice(best(5), 5, leaf([4, 3])), [2]),
  "of one value": () => op.sum(choice(best(5), 5, op.constant(3, [4, 3, 5], "float32")), [0, 2]),
  "with places to spare": () => op.sum(choice(best(5), 8, leaf([4, 3])), [1, 2]),
};

const plain: Record<string, () => Node> = {
  "rows of a plane": () => op.sum(planes(), [2]),
  "images and channels": () => op.sum(planes(), [0, 1]),
  "half of a line": () => op.sum(op.reshape(line(), [3, 2, 4]), [1]),
  "parts of windows": () => op.sum(op.reshape(line(), [3, 4, 2]), [1]),
  "a maximum": () => op.max(planes(), [0, 2, 3]),
  "an index that knows no bounds": () =>
    op.sum(choice(leaf([4, 3], "int32"), 5, leaf([4, 3])), [2]),
  "an index beyond the places": () => op.sum(choice(best(5), 4, leaf([4, 3])), [2]),
  "places from 1": () =>
    op.sum(
      choice(
        best(5),
        5,
        leaf([4, 3]),
        op.slice(op.iota([6], 0), { start: [1], size: [5], step: [1] }),
      ),
      [2],
    ),
  "every other place": () =>
    op.sum(
      choice(
        best(5),
        5,
        leaf([4, 3]),
        op.slice(op.iota([10], 0), { start: [0], size: [5], step: [2] }),
      ),
      [2],
    ),
  "places from the end": () =>
    op.sum(choice(best(5), 5, leaf([4, 3]), op.flip(op.iota([5], 0), [0])), [2]),
  "values that differ from place to place": () => op.sum(choice(best(5), 5, leaf([4, 3, 5])), [2]),
  "values repeated, but not from place to place": () =>
    op.sum(choice(best(5), 5, op.broadcastInto(leaf([3, 5]), [4, 3, 5], [0])), [2]),
  "an index that differs from place to place": () => {
    const each = op.argmax(leaf([4, 5, 3]), [2]);
    const here = op.equal(each, op.iota([4, 5], 1));
    return op.sum(op.where(here, op.broadcastInto(leaf([4]), [4, 5], [1]), 0), [1]);
  },
  "another rest": () => {
    const zeros = choice(best(5), 5, leaf([4, 3]));
    return op.sum(op.where(zeros.inputs[0]!, zeros.inputs[1]!, 1), [2]);
  },
  "another comparison": () => {
    const zeros = choice(best(5), 5, leaf([4, 3]));
    const [places, index] = zeros.inputs[0]!.inputs as [Node, Node];
    return op.sum(op.where(op.less(places, index), zeros.inputs[1]!, 0), [2]);
  },
};

const isGiven = (x: Node) => x.storage !== null;
const names = (y: Node) => collect([y], isGiven).map((x) => x.op.name);
const simple = (y: Node) => simplify(collect([y], isGiven).filter(isGiven), [y])[0]!;
const expectedOf = (y: Node) => evaluate([y], (x) => x.storage!.read())[0]!;
const bounds = { float32: 1e-6, float64: 1e-14, int32: 0, bool: 0 };

describe("a sum over all places of a choice is what was chosen:", () => {
  test.each(Object.keys(chosen))("%s", (name) => {
    const y = simple(chosen[name]!());
    expect(names(y)).not.toContain("where");
    expect(names(y)).not.toContain("argmax");
    expectClose(name, expectedOf(y), expectedOf(chosen[name]!()), 1e-14);
  });
});

describe("but not the sum of", () => {
  test.each(Object.keys(plain))("%s", (name) => {
    const y = simple(plain[name]!());
    expect(names(y)).toContain("where");
    expectClose(name, expectedOf(y), expectedOf(plain[name]!()), 1e-14);
  });

  test("windows that overlap, or leave some of the plane out", () => {
    const apart = { size: [2], stride: [1], dilation: [1] };
    const overlapping = spread(leaf([3, 8]), leaf([3, 7]), apart);
    const short = spread(leaf([3, 9]), leaf([3, 4]), geometry(2));
    for (const g of [overlapping, short])
      expect(names(simple(op.sum(g, [1])))).toContain("scatterAdd");
  });
});

describe.each(engines)("%s", (engine) => {
  test.each(Object.entries({ ...chosen, ...plain }))("the sum of %s", (_, make) => {
    setEngine(engine);
    const y = make();
    const expected = expectedOf(y);
    realizeSync([y]);
    expectClose("sum", y.storage!.read(), expected, bounds[y.dtype]);
  });

  test("derivatives of the sum", () => {
    setEngine(engine);
    const x = tensor(
      Array.from({ length: 96 }, (_, i) => Math.sin(3 * i)),
      "float64",
    );
    const images = x.reshape([2, 3, 4, 4]).evalSync();
    const loss = (bias: Tensor) =>
      maxPool(images.add(bias.reshape([3, 1, 1])), { size: 2 })
        .tanh()
        .square()
        .sum();
    const bias = tensor([0.1, -0.2, 0.3], "float64").evalSync();
    const along = tensor([1, 2, -1], "float64").evalSync();
    const y = hvp(loss, bias, along);
    const expected = expectedOf(y.node);
    expectClose("hvp", y.dataSync(), expected, 1e-13);
  });
});
