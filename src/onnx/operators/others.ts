/** Einstein sums, running products, bits, random numbers and the choice of boxes. */
import { normalizeAxis } from "../../base/index.ts";
import { einsum, normal, type RandomKey, type Tensor, uniform } from "../../tensor/index.ts";
import type { Call, Operator, Output } from "../call.ts";
import { hostOf } from "../host.ts";
import { elementType } from "../tensor-proto.ts";
import type { ElementType } from "../types.ts";
import { Value } from "../value.ts";
import { elementwise, type NumberFunction } from "./numbers.ts";
import { castTo } from "./shapes.ts";

/** Σ or Π of what comes before, and of the element itself unless exclusive. */
const running = (name: "CumSum" | "CumProd", method: "cumsum" | "cumprod"): Operator => ({
  name,
  settings: [1],
  run: (call) => {
    const x = call.t(0);
    const axis = normalizeAxis(name, Number(call.x(1).read().data[0]), x.rank);
    const [reverse, exclusive] = [call.int("reverse", 0) === 1, call.int("exclusive", 0) === 1];
    return call.value(x[method]({ axis, reverse, exclusive }));
  },
});

/** Bits of integers, on the host, in as many as they have: tensors hold no more than 32. */
const bits = (name: string, f: (call: Call) => NumberFunction): Operator => ({
  name,
  run: (call) => {
    const hosts = call.all.map((x) => x.read());
    const g = f(call) as unknown as (...x: bigint[]) => bigint;
    return Value.of(elementwise(hosts, (...x) => g(...x.map(BigInt))));
  },
});

const shift = (call: Call): NumberFunction =>
  call.text("direction", "LEFT") === "LEFT" ? (a, b) => a! << b! : (a, b) => a! >> b!;

/** The type that an attribute names, or that of an input, or float32. */
function typeOf(call: Call, like: boolean): ElementType {
  if (call.has("dtype")) return elementType(call.int("dtype", 1), 'the attribute "dtype"');
  return like ? call.x(0).type : "float32";
}

const keyOf = (call: Call): RandomKey => {
  const seed = call.attribute("seed", "float");
  return seed === undefined ? call.around.randomKey() : Math.abs(Math.trunc(seed));
};

type Draw = (shape: readonly number[], key: RandomKey, call: Call) => Tensor;
const drawn = (name: string, like: boolean, draw: Draw): Operator => ({
  name,
  run: (call) => {
    const shape = like ? call.x(0).shape : call.must(call.ints("shape"));
    return castTo(Value.ofTensor("float32", draw(shape, keyOf(call), call)), typeOf(call, like));
  },
});
const drawNormal: Draw = (shape, key, call) =>
  normal(shape, { key }).mul(call.float("scale", 1)).add(call.float("mean", 0));
const drawUniform: Draw = (shape, key, call) => {
  const [low, high] = [call.float("low", 0), call.float("high", 1)];
  return uniform(shape, { key })
    .mul(high - low)
    .add(low);
};

function bernoulliOp(call: Call): Output {
  const p = call.t(0);
  const y = uniform(p.shape, { key: keyOf(call) }).less(p);
  return castTo(Value.ofTensor("bool", y), typeOf(call, true));
}

function multinomial(call: Call): Output {
  const logits = call.t(0);
  const count = call.int("sample_size", 1);
  const [n, c] = logits.shape as [number, number];
  // the largest of logits with Gumbel noise is a draw from softmax
  const noise = uniform([n, count, c], { key: keyOf(call) })
    .clip(1e-20, 1)
    .log()
    .neg()
    .log()
    .neg();
  const y = logits.unsqueeze(1).add(noise).argmax({ axis: 2 });
  return castTo(
    Value.ofTensor("int32", y),
    elementType(call.int("dtype", 6), 'the attribute "dtype"'),
  );
}

interface Box {
  readonly y1: number;
  readonly x1: number;
  readonly y2: number;
  readonly x2: number;
}

/** Corners in order, from corners in any order or from centre and size. */
function boxOf(v: readonly number[], isCentred: boolean): Box {
  const [a, b, c, d] = v as [number, number, number, number];
  if (isCentred) return { y1: b - d / 2, x1: a - c / 2, y2: b + d / 2, x2: a + c / 2 };
  return { y1: Math.min(a, c), x1: Math.min(b, d), y2: Math.max(a, c), x2: Math.max(b, d) };
}

/** The share of two boxes that they have in common. */
function overlap(a: Box, b: Box): number {
  const height = Math.max(0, Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1));
  const width = Math.max(0, Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1));
  const area = ({ y1, x1, y2, x2 }: Box) => (y2 - y1) * (x2 - x1);
  const union = area(a) + area(b) - height * width;
  return union > 0 ? (height * width) / union : 0;
}

/** Boxes by falling score, without those that overlap one that was taken; the values must be known. */
function nonMaxSuppression(call: Call): Value {
  const [n, count] = call.x(0).shape as [number, number];
  const classes = call.x(1).shape[1]!;
  const boxes = call.must(call.floats(0));
  const scores = call.must(call.floats(1));
  const most = call.number(2) ?? 0;
  const [limit, least] = [
    call.floats(3)?.[0] ?? 0,
    call.floats(4)?.[0] ?? Number.NEGATIVE_INFINITY,
  ];
  const isCentred = call.int("center_point_box", 0) === 1;
  const chosen: number[] = [];
  for (let batch = 0; batch < n; batch++)
    for (let c = 0; c < classes; c++) {
      const score = (i: number) => scores[(batch * classes + c) * count + i]!;
      const box = (i: number) =>
        boxOf(boxes.slice((batch * count + i) * 4, (batch * count + i + 1) * 4), isCentred);
      const order = Array.from({ length: count }, (_, i) => i)
        .filter((i) => score(i) > least)
        .sort((i, j) => score(j) - score(i));
      const taken: number[] = [];
      for (const i of order) {
        if (taken.length >= most) break;
        if (taken.every((j) => overlap(box(i), box(j)) <= limit)) taken.push(i);
      }
      for (const i of taken) chosen.push(batch, c, i);
    }
  return Value.of(hostOf("int64", [chosen.length / 3, 3], (i) => BigInt(chosen[i]!)));
}

export const otherOperators: readonly Operator[] = [
  running("CumSum", "cumsum"),
  running("CumProd", "cumprod"),
  {
    name: "Einsum",
    run: (call) =>
      einsum(
        call.text("equation", ""),
        call.all.map((x) => x.tensor),
      ),
  },
  bits("BitShift", shift),
  bits("BitwiseAnd", () => (a, b) => a! & b!),
  bits("BitwiseOr", () => (a, b) => a! | b!),
  bits("BitwiseXor", () => (a, b) => a! ^ b!),
  bits("BitwiseNot", () => (a) => ~a!),
  drawn("RandomNormal", false, drawNormal),
  drawn("RandomNormalLike", true, drawNormal),
  drawn("RandomUniform", false, drawUniform),
  drawn("RandomUniformLike", true, drawUniform),
  { name: "Bernoulli", run: bernoulliOp },
  { name: "Multinomial", run: multinomial },
  { name: "NonMaxSuppression", settings: [2, 3, 4], run: nonMaxSuppression },
];
