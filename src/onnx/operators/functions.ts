/** Elementwise functions of one tensor: arithmetic, activations, tests. */
import { bernoulli, ones, type Tensor, where, zerosLike } from "../../tensor/index.ts";
import { asFloat, type Call, type Operator } from "../call.ts";
import { toEven } from "../types.ts";
import { Value } from "../value.ts";
import { foldable, type NumberFunction, wrapped } from "./numbers.ts";

const unary = (
  name: string,
  f: (x: Tensor, call: Call) => Tensor,
  g?: NumberFunction,
): Operator => ({
  name,
  ...(g && { fold: foldable(g) }),
  run: (call) => wrapped(call.x(0).type, f(call.t(0), call)),
});

/** Floats alone are rounded. */
const rounding = (name: string, f: (x: Tensor) => Tensor, g: (x: number) => number): Operator => ({
  name,
  fold: foldable((x) => (typeof x === "number" ? g(x!) : x!)),
  run: (call) => f(call.t(0)),
});

/** Numbers of a clip: attributes before opset 11, then inputs, one or both left out. */
function clip(call: Call): Tensor {
  const x = call.t(0);
  const bound = (name: string, i: number) =>
    call.version < 11 ? call.attribute(name, "float") : call.optional(i)?.operand;
  const [low, high] = [bound("min", 1), bound("max", 2)];
  const above = low === undefined ? x : x.maximum(low);
  return high === undefined ? above : above.minimum(high);
}

const elu = (x: Tensor, alpha: number): Tensor =>
  where(x.greater(0), x, x.minimum(0).expm1().mul(alpha));
const selu = (x: Tensor, alpha: number, gamma: number): Tensor => elu(x, alpha).mul(gamma);
const hardSigmoid = (x: Tensor, alpha: number, beta: number): Tensor =>
  x.mul(alpha).add(beta).clip(0, 1);

/** x above 0, slope · x below; the slope broadcasts toward x. */
function prelu(call: Call): Tensor {
  const [x, slope] = [call.t(0), call.t(1)];
  // the first versions give one slope per channel without the axes after it
  const perChannel = call.version < 7 && slope.rank === 1 && x.rank > 2;
  const wide = perChannel ? slope.reshape([-1, ...x.shape.slice(2).map(() => 1)]) : slope;
  return where(x.less(0), x.mul(wide), x);
}

/** 1 at the first largest along the axis, else 0. */
function hardmax(call: Call): Tensor {
  return onAxis(call, (x, axis) => {
    const first = x.argmax({ axis }).unsqueeze(axis);
    const index = indices(x, axis);
    return index.equal(first).cast(x.dtype as "float32");
  });
}

/** Positions along an axis, in the shape of x. */
export function indices(x: Tensor, axis: number): Tensor {
  const shape = x.shape.map((d, i) => (i === axis ? d : 1));
  return ones(shape, { dtype: "int32" }).cumsum({ axis }).sub(1).broadcastTo(x.shape);
}

/** f along an axis; before opset 13 over all axes from it on, as one. */
function onAxis(call: Call, f: (x: Tensor, axis: number) => Tensor): Tensor {
  const x = call.t(0);
  const isFlat = call.version < 13;
  const given = call.int("axis", isFlat ? 1 : -1);
  const axis = given < 0 ? given + x.rank : given;
  if (!isFlat || axis === x.rank - 1) return f(x, axis);
  const rows = x.shape.slice(0, axis).reduce((n, d) => n * d, 1);
  return f(x.reshape([rows, -1]), 1).reshape(x.shape);
}

const gelu = (x: Tensor, call: Call): Tensor =>
  x.gelu(call.text("approximate", "none") === "tanh" ? "tanh" : "erf");

const shrink = (x: Tensor, call: Call): Tensor => {
  const [bias, lambd] = [call.float("bias", 0), call.float("lambd", 0.5)];
  const inner = where(x.greater(lambd), x.sub(bias), zerosLike(x));
  return where(x.less(-lambd), x.add(bias), inner);
};

const isInf: Operator = {
  name: "IsInf",
  run: (call) => {
    const x = call.t(0);
    const infinite = x.isFinite().logicalOr(x.isNaN()).logicalNot();
    const [low, high] = [call.int("detect_negative", 1), call.int("detect_positive", 1)];
    const sides = [...(low ? [x.less(0)] : []), ...(high ? [x.greater(0)] : [])];
    if (sides.length === 0) return infinite.logicalAnd(infinite.logicalNot());
    return infinite.logicalAnd(sides.reduce((a, b) => a.logicalOr(b)));
  },
};

const not: Operator = {
  name: "Not",
  fold: foldable((x) => !x),
  run: (call) => call.t(0).logicalNot(),
};

const identity: Operator = { name: "Identity", run: (call) => call.inputs[0] as Value };

/** In training, elements drop; else x itself. The mask is what was kept. */
const dropout: Operator = {
  name: "Dropout",
  settings: [1, 2],
  run: (call) => {
    const x = call.t(0);
    const asked =
      call.version >= 12
        ? Boolean(call.optional(2)?.read().data[0])
        : call.version < 7 && !call.int("is_test", 0);
    const ratio = call.version >= 12 ? (call.floats(1)?.[0] ?? 0.5) : call.float("ratio", 0.5);
    const all = ones(x.shape).cast("bool");
    if (!(call.around.training || asked) || ratio === 0)
      return [call.x(0), Value.ofTensor("bool", all)];
    const kept = bernoulli(1 - ratio, x.shape, { key: call.around.randomKey() });
    const y = where(kept, ratio === 1 ? zerosLike(x) : x.div(1 - ratio), zerosLike(x));
    return [y, Value.ofTensor("bool", kept)];
  },
};

export const functionOperators: readonly Operator[] = [
  unary(
    "Abs",
    (x) => x.abs(),
    (x) => (x! < 0 ? -x! : x!),
  ),
  unary(
    "Neg",
    (x) => x.neg(),
    (x) => -x!,
  ),
  unary(
    "Sign",
    (x) => x.sign(),
    (x) => (x! > 0 ? 1 : x! < 0 ? -1 : 0),
  ),
  unary("Reciprocal", (x) => asFloat(ones([], { dtype: x.dtype })).div(x)),
  unary(
    "Sqrt",
    (x) => x.sqrt(),
    (x) => Math.sqrt(x!),
  ),
  unary(
    "Exp",
    (x) => x.exp(),
    (x) => Math.exp(x!),
  ),
  unary(
    "Log",
    (x) => x.log(),
    (x) => Math.log(x!),
  ),
  unary("Sin", (x) => x.sin()),
  unary("Cos", (x) => x.cos()),
  unary("Erf", (x) => x.erf()),
  unary("Tanh", (x) => x.tanh()),
  unary("Sigmoid", (x) => x.sigmoid()),
  unary("Relu", (x) => x.relu()),
  unary("LeakyRelu", (x, call) => x.leakyRelu(call.float("alpha", 0.01))),
  unary("Elu", (x, call) => elu(x, call.float("alpha", 1))),
  unary("Celu", (x, call) => {
    const alpha = call.float("alpha", 1);
    return where(x.greater(0), x, x.minimum(0).div(alpha).expm1().mul(alpha));
  }),
  unary("Selu", (x, call) =>
    selu(x, call.float("alpha", 1.6732631921768188), call.float("gamma", 1.0507010221481323)),
  ),
  unary("Gelu", gelu),
  unary("HardSigmoid", (x, call) =>
    hardSigmoid(x, call.float("alpha", 0.2), call.float("beta", 0.5)),
  ),
  unary("HardSwish", (x) => x.mul(hardSigmoid(x, 1 / 6, 0.5))),
  unary("Mish", (x) => x.mul(x.softplus().tanh())),
  unary("Swish", (x, call) => x.mul(x.mul(call.float("alpha", 1)).sigmoid())),
  unary("Softplus", (x) => x.softplus()),
  unary("Softsign", (x) => x.div(x.abs().add(1))),
  unary("ThresholdedRelu", (x, call) => where(x.greater(call.float("alpha", 1)), x, zerosLike(x))),
  unary("Shrink", shrink),
  { name: "PRelu", run: prelu },
  { name: "Clip", settings: [1, 2], run: clip },
  { name: "Softmax", run: (call) => onAxis(call, (x, axis) => x.softmax({ axis })) },
  { name: "LogSoftmax", run: (call) => onAxis(call, (x, axis) => x.logSoftmax({ axis })) },
  { name: "Hardmax", run: hardmax },
  rounding("Floor", (x) => x.floor(), Math.floor),
  rounding("Ceil", (x) => x.ceil(), Math.ceil),
  rounding("Round", (x) => x.round(), toEven),
  { name: "IsNaN", run: (call) => call.t(0).isNaN() },
  isInf,
  not,
  identity,
  dropout,
];

/** Used by recurrent operators, under the names of their attribute `activations`. */
export const activations = { elu, selu, hardSigmoid };
