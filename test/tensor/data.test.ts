import { describe, expect, test } from "vitest";
import { DataError, DTypeError, GradusError, hostArray, ShapeError } from "../../src/base/index.ts";
import { fromHost, setEngine, stack, type TensorData, tensor } from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";

/** Values that are read, whatever TypeScript thinks of them. */
const read = (values: unknown, dtype?: Parameters<typeof tensor>[1]) =>
  tensor(values as TensorData, dtype);

for (const engine of engines)
  describe(engine, () => {
    const on = (name: string, run: () => void) =>
      test(name, () => {
        setEngine(engine);
        run();
      });

    // as NumPy and PyTorch read them; 8 bits and 16 bits become int32, half precision float32
    const kinds = [
      [Int8Array.of(-128, 127), "int32", [-128, 127]],
      [Int16Array.of(-32768, 32767), "int32", [-32768, 32767]],
      [Int32Array.of(-2147483648, 2147483647), "int32", [-2147483648, 2147483647]],
      [Uint8Array.of(0, 1), "bool", [0, 1]],
      [Uint8ClampedArray.of(0, 255), "int32", [0, 255]],
      [Uint16Array.of(0, 65535), "int32", [0, 65535]],
      [Uint32Array.of(0, 2147483647), "int32", [0, 2147483647]],
      [Float32Array.of(0.5, -Infinity), "float32", [0.5, -Infinity]],
      [Float64Array.of(0.1, Number.NaN), "float64", [0.1, Number.NaN]],
      [BigInt64Array.of(-5n, 7n), "int32", [-5, 7]],
      [BigUint64Array.of(0n, 7n), "int32", [0, 7]],
    ] as const;
    on("a typed array is read by value, alone and as rows, and has its dtype", () => {
      for (const [array, dtype, values] of kinds) {
        const x = tensor(array);
        expect([x.dtype, x.toArray()]).toEqual([dtype, values]);
        const rows = tensor([array, array]);
        expect([rows.dtype, rows.toArray()]).toEqual([dtype, [values, values]]);
        expect(tensor(array, "float64").toArray()).toEqual(values);
        expect(tensor([[array]], "float64").toArray()).toEqual([[values]]);
      }
    });
    on("half precision is read where the platform has it", () => {
      const Half = (globalThis as { Float16Array?: { of(...x: number[]): Float32Array } })
        .Float16Array;
      if (!Half) return;
      expect(tensor(Half.of(0.5, 2)).toArray()).toEqual([0.5, 2]);
      expect(tensor([Half.of(0.5, 2)]).dtype).toBe("float32");
    });
    on("bytes keep their values under a dtype that holds them", () => {
      const bytes = Uint8Array.of(0, 128, 255);
      for (const dtype of ["int32", "float32", "float64"] as const)
        expect(tensor(bytes, dtype).toArray()).toEqual([0, 128, 255]);
      expect(tensor([bytes], "int32").toArray()).toEqual([[0, 128, 255]]);
      expect(tensor(Buffer.from([1, 2]), "int32").toArray()).toEqual([1, 2]);
    });
    on("rows of several kinds meet in the widest dtype, numbers being float32", () => {
      expect(tensor([Int32Array.of(1), Float64Array.of(0.1)]).dtype).toBe("float64");
      expect(tensor([Int32Array.of(1), [2]]).dtype).toBe("float32");
      expect(tensor([Uint8Array.of(1), Int8Array.of(2)]).toArray()).toEqual([[1], [2]]);
    });
    on("truth values make a bool, or what is asked for", () => {
      expect(tensor(true).dtype).toBe("bool");
      expect(tensor([[true], [false]]).toArray()).toEqual([[1], [0]]);
      expect(tensor([true, false], "float32").toArray()).toEqual([1, 0]);
      expect(tensor([0, 1, 1], "bool").toArray()).toEqual([0, 1, 1]);
    });
    on("nothing has a shape too", () => {
      expect(tensor([]).shape).toEqual([0]);
      expect(tensor([[], []]).shape).toEqual([2, 0]);
      expect(tensor([Float64Array.of()]).shape).toEqual([1, 0]);
      expect(tensor([Float64Array.of()]).dtype).toBe("float64");
      expect(tensor(-0).item()).toBe(-0);
    });
    on("a typed array is copied", () => {
      for (const [array] of kinds) {
        const copy = array.slice();
        const x = tensor(copy);
        new Uint8Array(copy.buffer).fill(1);
        expect(x.toArray()).toEqual(tensor(array).toArray());
      }
    });
  });

describe("what is no number is an error with its place", () => {
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  test.each<[string, unknown, string]>([
    ["null", [1, null], "[1] is null"],
    ["null alone", null, "the value is null"],
    ["undefined", [[1], [undefined]], "[1][0] is undefined"],
    ["nothing", undefined, "the value is undefined"],
    ["a hole", Object.assign(new Array(3), { 0: 1, 2: 2 }), "[1] is undefined"],
    ["holes alone", new Array(2), "[0] is undefined"],
    ["text", ["x"], '[0] is "x"'],
    ["text of a number", [[1, "2"]], '[0][1] is "2"'],
    ["text alone", "12", 'the value is "12"'],
    ["an object", [{}], "[0] is an object"],
    ["a date", [new Date(0)], "[0] is a Date"],
    ["a bigint", [1n], "[0] is 1n"],
    ["a function", [() => 1], "[0] is a function"],
    ["a symbol", [Symbol("s")], "[0] is Symbol(s)"],
    ["a map", new Map(), "the value is a Map"],
    ["a buffer", new ArrayBuffer(4), "the value is an ArrayBuffer"],
    ["a view of bytes", new DataView(new ArrayBuffer(4)), "the value is a DataView"],
    ["tensors", [tensor(1), tensor(2)], "[0] is a Tensor"],
    ["a tensor among numbers", [1, tensor(2)], "[1] is a Tensor"],
    ["a tensor", tensor([1]), "the value is a Tensor"],
    ["a host array", { shape: [1], data: Float32Array.of(1) }, "the value is an object"],
    ["truth among numbers", [[1, true]], "[0][1] is true, among numbers"],
    ["a number among truths", [true, 0], "[1] is 0, among booleans"],
    ["null after rows", [[1], null], "[1] is null"],
    [
      "rows of other length",
      [[1, 2], [3]],
      "rows differ: expected [2] on level 1, got 1 entries at [1]",
    ],
    ["a number among rows", [[1], 2], "rows differ: expected [1] on level 1, got 2 at [1]"],
    ["a row among numbers", [1, [2]], "rows differ"],
    ["typed rows of other length", [Int8Array.of(1), Int8Array.of(1, 2)], "rows differ"],
    ["typed rows among deeper ones", [[[1, 2]], [Int8Array.of(1)]], "rows differ"],
    ["typed rows where brackets go on", [[[1]], Int8Array.of(1)], "rows differ"],
    ["an array in itself", cyclic, "nested more than 32 deep"],
  ])("%s", (_, values, message) => {
    expect(() => read(values)).toThrow(DataError);
    expect(() => read(values)).toThrow(message);
    expect(() => read(values, "int32")).toThrow(GradusError);
  });
  test("tensors in arrays and text have their own fix", () => {
    expect(() => read([tensor(1)])).toThrow("stack or concat");
    expect(() => read(["1"])).toThrow("Number(x)");
    expect(() => read({ shape: [1], data: Float32Array.of(1) })).toThrow("fromHost");
    expect(stack([tensor(1), tensor(2)]).toArray()).toEqual([1, 2]);
  });
});

describe("what the dtype does not hold is an error with its place", () => {
  test.each<[TensorData, "int32" | "bool" | "float32" | "float64" | undefined, string]>([
    [
      [
        [1, 2],
        [0.5, 3],
      ],
      "int32",
      "[1][0] is 0.5, which int32 does not hold",
    ],
    [[1, 3e9], "int32", "[1] is 3000000000"],
    [[2147483648], "int32", "[0] is 2147483648"],
    [[-2147483649], "int32", "[0] is -2147483649"],
    [[Number.NaN], "int32", "[0] is NaN"],
    [Number.POSITIVE_INFINITY, "int32", "the value is Infinity"],
    [[0, 2], "bool", "[1] is 2, which bool does not hold"],
    [[0.5], "bool", "[0] is 0.5"],
    [[Number.NaN], "bool", "[0] is NaN"],
    [Uint8Array.of(0, 128), undefined, "[1] is 128, which bool does not hold"],
    [[Uint8Array.of(0, 1), Uint8Array.of(0, 2)], undefined, "[1][1] is 2"],
    [Int32Array.of(0, 2), "bool", "[1] is 2"],
    [Float32Array.of(1, 0.5), "int32", "[1] is 0.5"],
    [Float64Array.of(3e9), "int32", "[0] is 3000000000"],
    [Uint32Array.of(4294967295), undefined, "[0] is 4294967295"],
    [BigInt64Array.of(2n ** 53n + 1n), "float64", "[0] is 9007199254740993n, which float64"],
    [BigInt64Array.of(16777217n), "float32", "[0] is 16777217n, which float32"],
    [BigInt64Array.of(1n, 2n ** 31n), undefined, "[1] is 2147483648n, which int32"],
    [BigUint64Array.of(2n), "bool", "[0] is 2n"],
  ])("%s as %s", (values, dtype, message) => {
    expect(() => tensor(values, dtype)).toThrow(DataError);
    expect(() => tensor(values, dtype)).toThrow(message);
  });
  test("numbers round to float32, and casts cut off and saturate as they say", () => {
    expect(tensor([16777217, 1e300]).toArray()).toEqual([16777216, Number.POSITIVE_INFINITY]);
    expect(tensor([0.5, 3e9]).cast("int32").toArray()).toEqual([0, 2147483647]);
    expect(tensor(BigInt64Array.of(2n ** 53n), "float64").item()).toBe(2 ** 53);
  });
});

describe("host arrays", () => {
  const floats = Float32Array.of(1, 2);
  test.each<[string, unknown, unknown, new (...x: never[]) => GradusError, string]>([
    ["another length", [3], floats, ShapeError, "2 values do not fill shape [3]"],
    ["a negative size", [-2], floats, ShapeError, "[-2] is not a shape"],
    ["a fraction", [0.5, 4], floats, ShapeError, "[0.5, 4] is not a shape"],
    ["text as a size", ["2"], floats, ShapeError, '["2"] is not a shape'],
    ["no shape", undefined, floats, ShapeError, "the shape is undefined"],
    ["a number as shape", 2, floats, ShapeError, "the shape is 2"],
    ["a plain array", [2], [1, 2], DTypeError, "the data are an array"],
    ["no data", [2], null, DTypeError, "the data are null"],
    ["another kind", [2], Int8Array.of(1, 2), DTypeError, "the data are an Int8Array"],
    ["bytes", [1, 2], Uint8Array.of(1, 2), DataError, "[0][1] is 2, but a Uint8Array is bool"],
  ])("%s is an error, for hostArray and fromHost", (_, shape, data, kind, message) => {
    expect(() => hostArray(shape as number[], data as Float32Array)).toThrow(kind);
    expect(() => hostArray(shape as number[], data as Float32Array)).toThrow(message);
    const array = { shape, data } as unknown as Parameters<typeof fromHost>[0];
    expect(() => fromHost(array)).toThrow(kind);
    expect(() => fromHost(array)).toThrow(message);
  });
  test("a dtype that the data do not have is an error", () => {
    for (const dtype of ["float64", "int32", "bool", "uint8"])
      expect(() => fromHost({ dtype: dtype as "int32", shape: [2], data: floats })).toThrow(
        DTypeError,
      );
    expect(() => fromHost({ dtype: "float64", shape: [2], data: floats })).toThrow(
      'fromHost: the dtype is "float64", but the data are a Float32Array, which is float32.',
    );
    for (const nothing of [undefined, null, floats, [1], "x"])
      expect(() => fromHost(nothing as never)).toThrow(GradusError);
  });
  test("the shape of the tensor does not follow what is written into the array's", () => {
    const shape = [2, 1];
    const x = fromHost({ dtype: "float32", shape, data: floats });
    shape[0] = 7;
    expect(x.shape).toEqual([2, 1]);
  });
});
