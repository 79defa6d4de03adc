/** Attention and what goes with it in transformers. */
import { arange, concat, type Tensor, where } from "../../tensor/index.ts";
import type { Call, Operator, Output } from "../call.ts";
import { elementType } from "../tensor-proto.ts";
import type { Value } from "../value.ts";
import { castTo } from "./shapes.ts";

/** `[N, L, H · d]` → `[N, H, L, d]` */
function heads(x: Tensor, count: number): Tensor {
  if (x.rank === 4) return x;
  const [n, length, width] = x.shape as [number, number, number];
  return x.reshape([n, length, count, width / count]).transpose([0, 2, 1, 3]);
}

/** `[N, H, L, d]` → `[N, L, H · d]` */
const joined = (x: Tensor): Tensor => {
  const [n, h, length, d] = x.shape as [number, number, number, number];
  return x.transpose([0, 2, 1, 3]).reshape([n, length, h * d]);
};

/** Each head again and again for the queries that share it. */
function shared(x: Tensor, times: number): Tensor {
  if (times === 1) return x;
  const [n, h, length, d] = x.shape as [number, number, number, number];
  return x
    .unsqueeze(2)
    .broadcastTo([n, h, times, length, d])
    .reshape([n, h * times, length, d]);
}

/** −∞ where a query may not see a key, else 0: causal, windows, padding. Null if all see all. */
function hidden(call: Call, queries: number, keys: number, past: number): Tensor | null {
  const [left, right] = [call.int("left_window_size", -1), call.int("right_window_size", -1)];
  const isCausal = call.int("is_causal", 0) === 1;
  const lengths = call.optional(6)?.tensor.cast("int32").reshape([-1, 1, 1, 1]);
  const row = arange(queries).reshape([queries, 1]);
  const key = arange(keys).reshape([1, keys]);
  const place = lengths ? row.add(lengths.sub(queries)) : row.add(past);
  const seen = [
    ...(isCausal ? [key.lessEqual(place)] : []),
    ...(left >= 0 ? [key.greaterEqual(place.sub(left))] : []),
    ...(right >= 0 ? [key.lessEqual(place.add(right))] : []),
    ...(lengths ? [key.less(lengths)] : []),
  ];
  if (seen.length === 0) return null;
  return where(
    seen.reduce((a, b) => a.logicalAnd(b)),
    0,
    Number.NEGATIVE_INFINITY,
  );
}

/** The mask of the node as something to add, as wide as there are keys. */
function maskOf(call: Call, keys: number): Tensor | null {
  const mask = call.optional(3)?.tensor;
  if (!mask) return null;
  const bias = mask.dtype === "bool" ? where(mask, 0, Number.NEGATIVE_INFINITY) : mask;
  const missing = keys - bias.shape.at(-1)!;
  if (missing <= 0) return bias;
  return bias.pad(
    bias.shape.map((_, i): [number, number] => [0, i === bias.rank - 1 ? missing : 0]),
    Number.NEGATIVE_INFINITY,
  );
}

/** softmax of scores whose bias is −∞ somewhere, also of rows where it is everywhere: these are 0. */
function maskedSoftmax(scores: Tensor, bias: Tensor | null): Tensor {
  if (!bias) return scores.softmax();
  const open = bias.equal(Number.NEGATIVE_INFINITY).logicalNot();
  const wide = open.logicalAnd(scores.equal(scores).logicalOr(scores.isNaN()));
  const any = wide.any({ axis: -1, keepDims: true });
  const safe = where(wide, scores.add(bias), where(any, Number.NEGATIVE_INFINITY, 0));
  return where(any, safe.softmax(), 0);
}

/** softmax(soft cap(√s Q · √s Kᵀ) + bias) V, with the keys and values that were before, if given. */
function attention(call: Call): Output[] {
  const isFlat = call.x(0).rank === 3;
  const query = heads(call.t(0), call.int("q_num_heads", 1));
  const own = [1, 2].map((i) => heads(call.t(i), call.int("kv_num_heads", 1)));
  const past = [4, 5].map((i) => call.optional(i)?.tensor);
  const [key, value] = own.map((x, i) => (past[i] ? concat([past[i], x], { axis: 2 }) : x)) as [
    Tensor,
    Tensor,
  ];
  const groups = query.shape[1]! / key.shape[1]!;
  const scale = Math.sqrt(call.float("scale", 1 / Math.sqrt(query.shape[3]!)));
  const raw = query.mul(scale).matmul(shared(key, groups).transpose([0, 1, 3, 2]).mul(scale));
  const cap = call.float("softcap", 0);
  const capped = cap > 0 ? raw.div(cap).tanh().mul(cap) : raw;
  const [queries, keys] = [query.shape[2]!, key.shape[2]!];
  const biases = [maskOf(call, keys), hidden(call, queries, keys, past[0]?.shape[2] ?? 0)];
  const bias = biases.reduce((a, b) => (a && b ? a.add(b) : (a ?? b)));
  const weights = maskedSoftmax(capped, bias);
  const y = weights.matmul(shared(value, groups));
  const stages = [raw, capped, bias ? capped.add(bias) : capped, weights];
  const mode = call.int("qk_matmul_output_mode", 0);
  return [
    call.value(isFlat ? joined(y) : y),
    call.value(key, call.x(1).type),
    call.value(value, call.x(2).type),
    call.value(stages[mode] ?? raw),
  ];
}

/** Pairs of a head's elements turned by the angle of their position. */
function rotaryEmbedding(call: Call): Value {
  const x = call.t(0);
  const isFlat = x.rank === 3;
  const count = call.int("num_heads", 0);
  const all = isFlat ? heads(x, count) : x; // [N, H, L, d]
  const width = call.int("rotary_embedding_dim", 0) || all.shape[3]!;
  const ids = call.optional(3)?.tensor.cast("int32");
  const angle = (i: number) => (ids ? call.t(i).take(ids) : call.t(i)).unsqueeze(1); // [N, 1, L, width / 2]
  const [cos, sin] = [angle(1), angle(2)];
  const turned = all.slice(null, null, null, [0, width]);
  const half = width / 2;
  const isInterleaved = call.int("interleaved", 0) === 1;
  const part = (k: number) =>
    isInterleaved
      ? turned.slice(null, null, null, [k, width, 2])
      : turned.slice(null, null, null, [k * half, (k + 1) * half]);
  const [a, b] = [part(0), part(1)];
  const [real, imaginary] = [a.mul(cos).sub(b.mul(sin)), a.mul(sin).add(b.mul(cos))];
  const both = isInterleaved
    ? concat([real.unsqueeze(4), imaginary.unsqueeze(4)], { axis: 4 }).reshape(turned.shape)
    : concat([real, imaginary], { axis: 3 });
  const rest = all.slice(null, null, null, [width, all.shape[3]!]);
  const y = rest.size > 0 ? concat([both, rest], { axis: 3 }) : both;
  return call.value(isFlat ? joined(y) : y);
}

/** A memory S of keys and values that is read by queries, one step after another. */
function linearAttention(call: Call): Output[] {
  const [queryHeads, heads1] = [call.int("q_num_heads", 1), call.int("kv_num_heads", 1)];
  const query = heads(call.t(0), queryHeads);
  const [key, value] = [heads(call.t(1), heads1), heads(call.t(2), heads1)];
  const [steps, width] = query.shape.slice(2) as [number, number];
  const rule = call.text("update_rule", "gated_delta");
  const scale = call.float("scale", 0) || 1 / Math.sqrt(width);
  const perHead = (i: number) => {
    const x = call.optional(i)?.tensor;
    if (!x) return undefined;
    // one number per step for all heads, one per head, or one per element
    return x.rank === 3 && x.shape[2] === 1 ? x.unsqueeze(1) : heads(x, heads1);
  };
  const [decay, beta] = [perHead(4), perHead(5)];
  const at = (x: Tensor, t: number) => x.slice(null, null, t); // [N, H, d]
  let state =
    call.optional(3)?.tensor ?? at(key, 0).unsqueeze(3).mul(at(value, 0).unsqueeze(2)).mul(0);
  const outputs: Tensor[] = [];
  for (let t = 0; t < steps; t++) {
    const [k, v] = [at(key, t), at(value, t)];
    if (decay && rule.startsWith("gated")) state = state.mul(at(decay, t).exp().unsqueeze(3));
    const known = () => k.unsqueeze(2).matmul(state).squeeze(2);
    const change = rule.endsWith("delta") ? v.sub(known()) : v;
    const rate = rule.endsWith("delta") && beta ? change.mul(at(beta, t)) : change;
    state = state.add(k.unsqueeze(3).mul(rate.unsqueeze(2)));
    const memory = shared(state, queryHeads / heads1);
    outputs.push(at(query, t).unsqueeze(2).matmul(memory).mul(scale));
  }
  const y = outputs.length ? concat(outputs, { axis: 2 }) : query.mul(0);
  return [call.value(joined(y)), call.value(state, call.optional(3)?.type ?? call.x(0).type)];
}

/** A convolution per channel over what was before and what is now. */
function causalConv(call: Call): Output[] {
  const [x, w] = [call.t(0), call.t(1)];
  const [n, c, length] = x.shape as [number, number, number];
  const k = w.shape[2]!;
  const past = call.optional(3)?.tensor;
  const all = past
    ? concat([past, x], { axis: 2 })
    : x.pad([
        [0, 0],
        [0, 0],
        [k - 1, 0],
      ]);
  const taps = Array.from({ length: k }, (_, i) =>
    all.slice(null, null, [i, i + length]).mul(w.slice(null, null, [i, i + 1]).reshape([c, 1])),
  );
  const sum = taps.reduce((a, b) => a.add(b));
  const b = call.optional(2)?.tensor;
  const y = b ? sum.add(b.reshape([c, 1])) : sum;
  const active = ["silu", "swish"].includes(call.text("activation", "none"));
  const total = all.shape[2]!;
  const state = all.slice(null, null, [total - (k - 1), total]).reshape([n, c, k - 1]);
  return [call.value(active ? y.silu() : y), call.value(state)];
}

/** Attention whose scores and weights go through graphs of the node. */
function flexAttention(call: Call): Output[] {
  const [query, key, value] = [call.t(0), call.t(1), call.t(2)];
  const groups = query.shape[1]! / key.shape[1]!;
  const scale = call.float("scale", 0) || 1 / Math.sqrt(query.shape[3]!);
  const raw = query.matmul(shared(key, groups).transpose([0, 1, 3, 2])).mul(scale);
  const through = (name: string, x: Tensor): Tensor => {
    const graph = call.attribute(name, "graph");
    if (!graph) return x;
    return (call.around.runGraph(graph, [call.value(x)])[0] as Value).tensor;
  };
  const type = call.has("softmax_precision")
    ? elementType(call.int("softmax_precision", 1), "softmax_precision")
    : call.x(0).type;
  const scores = castTo(call.value(through("score_mod", raw)), type).tensor;
  const hasOpen = scores.equal(Number.NEGATIVE_INFINITY).all({ axis: -1, keepDims: true });
  const weights = where(hasOpen, 0, where(hasOpen, 0, scores).softmax()).cast(
    raw.dtype as "float32",
  );
  return [call.value(through("prob_mod", weights).matmul(shared(value, groups)))];
}

export const attentionOperators: readonly Operator[] = [
  { name: "Attention", run: attention },
  { name: "RotaryEmbedding", run: rotaryEmbedding },
  { name: "LinearAttention", run: linearAttention },
  { name: "CausalConvWithState", run: causalConv },
  { name: "FlexAttention", domain: "ai.onnx.preview", run: flexAttention },
];
