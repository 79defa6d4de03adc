/** Integers that stand for floats: x ≈ scale · (q − zero point). */
import { normalizeAxis } from "../../base/index.ts";
import { type Tensor, where } from "../../tensor/index.ts";
import type { Call, Operator, Output } from "../call.ts";
import { elementType } from "../tensor-proto.ts";
import { type ElementType, infoOf } from "../types.ts";
import { convolved, perChannel } from "./convolutions.ts";
import { saturated } from "./numbers.ts";
import { castTo } from "./shapes.ts";

/** Scales or zero points as they meet x: one, one per place of an axis, or one per block of it. */
function spread(call: Call, p: Tensor, x: Tensor): Tensor {
  if (p.size === 1) return p.reshape([]);
  const axis = normalizeAxis(call.node.operator, call.int("axis", 1), x.rank);
  if (p.rank === 1) return p.reshape([p.size, ...x.shape.slice(axis + 1).map(() => 1)]);
  const block = call.int("block_size", 0) || Math.ceil(x.shape[axis]! / p.shape[axis]!);
  const wide = p
    .unsqueeze(axis + 1)
    .broadcastTo([...p.shape.slice(0, axis + 1), block, ...p.shape.slice(axis + 1)]);
  const all = wide.reshape(p.shape.map((d, i) => (i === axis ? d * block : d)));
  return all.slice(...x.shape.map((n, i) => (i === axis ? ([0, n] as const) : null)));
}

/** Rounded to whole steps and limited to the type; derivatives pass through where nothing was limited. */
function quantize(call: Call): Output {
  const x = call.t(0);
  const zero = call.optional(2);
  const named = call.int("output_dtype", 0);
  const type: ElementType =
    zero?.type ?? (named ? elementType(named, 'the attribute "output_dtype"') : "uint8");
  const scale = spread(call, call.t(1), x);
  const wide = x.dtype === "int32" ? x.cast("float32") : x;
  return call.value(quantized(wide, scale, zero && spread(call, zero.tensor, x), type), type);
}

function quantized(x: Tensor, scale: Tensor, zero: Tensor | undefined, type: ElementType): Tensor {
  const steps = x.div(scale).round();
  // limited before the cast: int32 holds what any narrower type may be
  const limited = steps.clip(-(2 ** 30), 2 ** 30).cast("int32");
  return saturated(type, zero ? limited.add(zero) : limited);
}

function dequantize(call: Call): Output {
  const x = call.t(0);
  const zero = call.optional(2)?.tensor;
  const named = call.int("output_dtype", 0);
  const type = named ? elementType(named, 'the attribute "output_dtype"') : call.x(1).type;
  const scale = spread(call, call.t(1), x);
  const whole = zero ? x.sub(spread(call, zero, x)) : x;
  return castTo(call.value(whole.cast(scale.dtype).mul(scale), call.x(1).type), type);
}

/** uint8 of floats by their own range, which 0 belongs to. */
function dynamicQuantize(call: Call): Output[] {
  const x = call.t(0);
  const [low, high] = [x.min().minimum(0), x.max().maximum(0)];
  const range = high.sub(low).div(255);
  const scale = where(range.equal(0), 1, range);
  const zero = low.neg().div(scale).clip(0, 255).round().cast("int32");
  return [
    call.value(quantized(x, scale, zero, "uint8"), "uint8"),
    call.value(scale),
    call.value(zero, "uint8"),
  ];
}

/** A zero point per row of a, or per column of b, as it meets the matrix. */
const meeting = (zero: Tensor | undefined, x: Tensor, isRow: boolean): Tensor => {
  if (!zero) return x;
  const isVector = zero.rank === 1 && zero.size > 1;
  return x.sub(
    isVector && isRow ? zero.reshape([zero.size, 1]) : zero.size === 1 ? zero.reshape([]) : zero,
  );
};

/** float64 holds sums of products of bytes exactly. */
const product = (a: Tensor, b: Tensor): Tensor => a.cast("float64").matmul(b.cast("float64"));

function matMulInteger(call: Call): Output {
  const a = meeting(call.optional(2)?.tensor, call.t(0), true);
  const b = meeting(call.optional(3)?.tensor, call.t(1), false);
  return call.value(product(a, b).cast("int32"), "int32");
}

const rowScale = (s: Tensor): Tensor =>
  s.size === 1 ? s.reshape([]) : s.rank === 1 ? s.reshape([s.size, 1]) : s;
const columnScale = (s: Tensor): Tensor => (s.size === 1 ? s.reshape([]) : s);

function qLinearMatMul(call: Call): Output {
  const y = product(meeting(call.t(2), call.t(0), true), meeting(call.t(5), call.t(3), false));
  const real = y.mul(rowScale(call.t(1))).mul(columnScale(call.t(4)));
  const { type } = call.x(7);
  return call.value(quantized(real, rowScale(call.t(6)), rowScale(call.t(7)), type), type);
}

function convInteger(call: Call): Output {
  const zero = call.optional(2)?.tensor;
  const x = zero ? call.t(0).sub(zero.reshape([])) : call.t(0); // padding is the zero point, which is 0 now
  const w = call.t(1);
  const shift = call.optional(3)?.tensor;
  const kernel = shift
    ? w.sub(
        shift.size === 1
          ? shift.reshape([])
          : shift.reshape([-1, ...w.shape.slice(1).map(() => 1)]),
      )
    : w;
  return call.value(
    convolved(call, x.cast("float64"), kernel.cast("float64")).cast("int32"),
    "int32",
  );
}

function qLinearConv(call: Call): Output {
  const [x, w] = [call.t(0).sub(call.t(2).reshape([])), call.t(3)];
  const perOutput = (p: Tensor) =>
    p.size === 1 ? p.reshape([]) : p.reshape([-1, ...w.shape.slice(1).map(() => 1)]);
  const sums = convolved(call, x.cast("float64"), w.sub(perOutput(call.t(5))).cast("float64"));
  const b = call.optional(8)?.tensor;
  const all = b ? sums.add(perChannel(b.cast("float64"), sums.rank)) : sums;
  const real = all.mul(call.t(1).reshape([])).mul(perChannel(call.t(4), sums.rank));
  const { type } = call.x(7);
  return call.value(quantized(real, call.t(6).reshape([]), call.t(7).reshape([]), type), type);
}

/** The bytes of each element as another type of as many. */
function bitCast(call: Call): Output {
  const x = call.x(0).read();
  const to = elementType(call.int("to", 0), 'the attribute "to"');
  const bytes = x.data as Uint8Array;
  if (infoOf(x.type).bits !== infoOf(to).bits || x.type === "float16" || to === "float16")
    throw call.error(
      `takes ${x.type} for ${to}.`,
      "only types of as many bits, 8, 32 or 64, are taken for each other.",
    );
  const Kind = infoOf(to).make(0).constructor as new (buffer: ArrayBufferLike) => Uint8Array;
  const data = new Kind(bytes.slice().buffer);
  return call.constant({ type: to, shape: x.shape, data });
}

export const quantizedOperators: readonly Operator[] = [
  { name: "QuantizeLinear", settings: [1, 2], run: quantize },
  { name: "DequantizeLinear", settings: [1, 2], run: dequantize },
  { name: "DynamicQuantizeLinear", run: dynamicQuantize },
  { name: "MatMulInteger", run: matMulInteger },
  { name: "QLinearMatMul", settings: [1, 2, 4, 5, 6, 7], run: qLinearMatMul },
  { name: "ConvInteger", run: convInteger },
  { name: "QLinearConv", settings: [1, 2, 4, 5, 6, 7], run: qLinearConv },
  { name: "BitCast", run: bitCast },
];
