import { grad, setEngine, type Tensor, tensor } from "gradus";
import { beforeAll, describe, expect, test } from "vitest";
import { RandomStream } from "../../src/base/index.ts";
import { engines } from "../support/engines.ts";

type Float = "float32" | "float64";

/** x = m · 2^e with integers m and e ≥ −1074. */
function partsOf(x: number): [m: bigint, e: number] {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, Math.abs(x));
  const word = bits.getBigUint64(0);
  const exponent = Number(word >> 52n);
  const m = (word & ((1n << 52n) - 1n)) | (exponent > 0 ? 1n << 52n : 0n);
  return [x < 0 ? -m : m, Math.max(1, exponent) - 1075];
}

/** The remainder and ⌊a/b⌋ of finite a and b ≠ 0, in exact integers. */
function exact(a: number, b: number): { rest: number; quotient: bigint } {
  const [[ma, ea], [mb, eb]] = [partsOf(a), partsOf(b)];
  const unit = Math.min(ea, eb);
  const [x, y] = [ma << BigInt(ea - unit), mb << BigInt(eb - unit)];
  const fraction = x % y;
  const other = fraction !== 0n && fraction < 0n !== y < 0n;
  const toNumber = (n: bigint) => {
    // n · 2^unit: fraction's bits fit, and so do those of a sum that rounds
    let [value, power] = [Number(n), unit];
    for (; power < -1000; power += 500) value *= 2 ** -500;
    return value * 2 ** power;
  };
  const c = toNumber(fraction);
  return { rest: other ? c + b : c, quotient: x / y - (other ? 1n : 0n) };
}

const random = new RandomStream(11);
const rounded: Record<Float, (x: number) => number> = { float32: Math.fround, float64: (x) => x };
/** Numbers of every size, each sign, beside those that are close to whole multiples. */
function pairs(dtype: Float): [number, number][] {
  const reach = dtype === "float32" ? 120 : 1000;
  const draw = (scale: number) =>
    rounded[dtype](
      (random.uniform() < 0.5 ? -1 : 1) * (1 + random.uniform()) * 2 ** Math.trunc(scale),
    );
  const wide = () => draw((2 * random.uniform() - 1) * reach);
  const result: [number, number][] = [];
  for (let i = 0; i < 300; i++) {
    result.push([wide(), wide()]);
    const b = draw((2 * random.uniform() - 1) * 30);
    result.push([draw(40 * random.uniform()), b]);
    const n = Math.round(2 ** (24 * random.uniform()));
    const multiple = rounded[dtype](b * n);
    const unit = Math.abs(multiple) * (dtype === "float32" ? 2 ** -23 : 2 ** -52);
    result.push(
      [multiple, b],
      [rounded[dtype](multiple + unit), b],
      [rounded[dtype](multiple - unit), b],
    );
  }
  const tiny = dtype === "float32" ? 2 ** -149 : 2 ** -1074;
  const huge = dtype === "float32" ? 3e38 : 1.7e308;
  const edges = [tiny, 3 * tiny, 1000 * tiny, 1, 7, 0.1, 1e9, huge].map(rounded[dtype]);
  for (const a of edges) for (const b of edges) result.push([a, b], [-a, b], [a, -b]);
  return result;
}

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));
    for (const dtype of ["float32", "float64"] as const)
      test(`${dtype}: mod and floorDiv are those of exact integers`, () => {
        const all = pairs(dtype);
        const a = tensor(
          all.map(([a]) => a),
          dtype,
        );
        const b = tensor(
          all.map(([, b]) => b),
          dtype,
        );
        const rest = a.mod(b).dataSync();
        const quotient = a.floorDiv(b).dataSync();
        all.forEach(([x, y], i) => {
          const want = exact(x, y);
          expect([x, y, rest[i]! + 0]).toEqual([x, y, rounded[dtype](want.rest) + 0]);
          if (want.quotient < 2n ** 52n && want.quotient > -(2n ** 52n))
            expect([x, y, quotient[i]! + 0]).toEqual([
              x,
              y,
              rounded[dtype](Number(want.quotient)) + 0,
            ]);
        });
      });
    test("the result of one element does not depend on its neighbours", () => {
      const a = tensor([1e17, 1, 5, -5, 1e300, Number.NaN], "float64");
      const one = [...a.dataSync()].map((x) => tensor(x, "float64").mod(3).item());
      expect(a.mod(3).toArray()).toEqual(one);
    });
    test("int32 has the same rule; by 0 it is the number itself", () => {
      const a = tensor([7, -7, 7, -7, 5, -2147483648], "int32");
      expect(a.mod(tensor([3, 3, -3, -3, 0, -1], "int32")).toArray()).toEqual([1, 2, -2, -1, 5, 0]);
    });
    test("derivatives are 1 and −⌊a/b⌋, and again by the product rule", () => {
      const a = tensor([7, -7], "float64");
      const b = tensor([3, 3], "float64");
      expect(grad((a: Tensor) => a.mod(b).sum())(a).toArray()).toEqual([1, 1]);
      const inB = grad((b: Tensor) => a.mod(b).square().sum());
      // d/db m² = −2 m ⌊a/b⌋, and again 2 ⌊a/b⌋²
      expect(inB(b).toArray()).toEqual([2 * 1 * -2, 2 * 2 * 3]);
      expect(grad((b: Tensor) => inB(b).sum())(b).toArray()).toEqual([8, 18]);
    });
  });
