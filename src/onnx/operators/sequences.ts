/** Sequences and optionals, which hold values and compute nothing. */
import { normalizeAxis } from "../../base/index.ts";
import type { Call, Operator } from "../call.ts";
import { type Item, Sequence, Value } from "../value.ts";
import { concatenate, parts } from "./movement.ts";

/** A position counted from the front. */
function place(call: Call, i: number, length: number, absent: number): number {
  const given = call.number(i) ?? absent;
  const at = given < 0 ? given + length : given;
  if (at < 0 || at > length) throw call.error(`has position ${given} in a sequence of ${length}.`);
  return at;
}

function insert(call: Call): Sequence {
  const { items } = call.sequence(0);
  const at = place(call, 2, items.length, items.length);
  return new Sequence([...items.slice(0, at), call.inputs[1]!, ...items.slice(at)]);
}

function erase(call: Call): Sequence {
  const { items } = call.sequence(0);
  const at = place(call, 1, items.length, items.length - 1);
  return new Sequence(items.filter((_, i) => i !== at));
}

function at(call: Call): Item {
  const { items } = call.sequence(0);
  const item = items[place(call, 1, items.length, 0)];
  if (item === undefined) throw call.error(`takes item ${call.number(1)} of ${items.length}.`);
  return item;
}

const length = (call: Call): Value =>
  Value.of({
    type: "int64",
    shape: [],
    data: BigInt64Array.of(BigInt(call.sequence(0).items.length)),
  });

const squeezed = (x: Value, axis: number): Value => {
  const shape = x.shape.filter((_, i) => i !== axis);
  return x.host ? Value.of({ ...x.host, shape }) : Value.ofTensor(x.type, x.tensor.reshape(shape));
};
const unsqueezed = (x: Value, axis: number): Value => {
  const shape = [...x.shape.slice(0, axis), 1, ...x.shape.slice(axis)];
  return x.host ? Value.of({ ...x.host, shape }) : Value.ofTensor(x.type, x.tensor.reshape(shape));
};

function splitToSequence(call: Call): Sequence {
  const x = call.x(0);
  const axis = normalizeAxis("SplitToSequence", call.int("axis", 0), x.rank);
  const n = x.shape[axis]!;
  const given = call.optional(1) ? call.must(call.numbers(1)) : undefined;
  const isScalar = given && call.x(1).rank === 0;
  const step = isScalar ? given[0]! : 1;
  const sizes =
    given && !isScalar
      ? given
      : Array.from({ length: Math.ceil(n / step) }, (_, i) => Math.min(step, n - i * step));
  const cut = parts(x, axis, sizes);
  const dropsAxis = !given && call.int("keepdims", 1) === 0;
  return new Sequence(dropsAxis ? cut.map((part) => squeezed(part, axis)) : cut);
}

function concatFromSequence(call: Call): Value {
  const items = call.sequence(0).items as Value[];
  const isNew = call.int("new_axis", 0) === 1;
  const rank = items[0]!.rank + Number(isNew);
  const axis = normalizeAxis("ConcatFromSequence", call.int("axis", 0), rank);
  return concatenate(isNew ? items.map((x) => unsqueezed(x, axis)) : items, axis);
}

const hasElement = (call: Call): Value =>
  Value.of({
    type: "bool",
    shape: [],
    data: Uint8Array.of(Number((call.inputs[0] ?? null) !== null)),
  });

function getElement(call: Call): Item {
  const item = call.inputs[0] ?? null;
  if (item === null) throw call.error("takes the value of an optional that has none.");
  return item;
}

export const sequenceOperators: readonly Operator[] = [
  { name: "SequenceConstruct", run: (call) => new Sequence(call.inputs as Item[]) },
  { name: "SequenceEmpty", run: () => new Sequence([]) },
  { name: "SequenceInsert", settings: [2], run: insert },
  { name: "SequenceErase", settings: [1], run: erase },
  { name: "SequenceAt", settings: [1], run: at },
  { name: "SequenceLength", run: length },
  { name: "SplitToSequence", settings: [1], run: splitToSequence },
  { name: "ConcatFromSequence", run: concatFromSequence },
  { name: "Optional", run: (call) => call.inputs[0] ?? null },
  { name: "OptionalHasElement", run: hasElement },
  { name: "OptionalGetElement", run: getElement },
];
