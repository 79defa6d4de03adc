import { ConfigError, ShapeError, type Tensor, tensor, Variable, zeros } from "gradus";
import {
  Dropout,
  evaluating,
  Linear,
  Module,
  Parameter,
  ReLU,
  Sequential,
  trainable,
} from "gradus/nn";
import { describe, expect, test } from "vitest";

/** The error that `f` throws. */
const failure = (f: () => unknown): Error => {
  try {
    f();
  } catch (error) {
    return error as Error;
  }
  throw new Error("it did not fail");
};
/** Its message without folders and line numbers, so that it reads the same everywhere. */
const message = (f: () => unknown) =>
  failure(f).message.replaceAll(/(\/[^\s/:]+)+\/(test\/[^:\s]+):\d+/g, "$2:·");

const mlp = () => new Sequential(new Linear(4, 3), new ReLU(), new Linear(3, 2));

class Tied extends Module {
  readonly encoder = new Linear(4, 2, { bias: false });
  readonly decoder = { weight: this.encoder.weight }; // not a module: not walked
  readonly heads = [new Linear(4, 1), this.encoder];
  readonly mean = new Variable(zeros([4]));
  readonly drop = new Dropout(0.5);
  forward(x: Tensor): Tensor {
    return this.drop.forward(x).sub(this.mean.value).matmul(this.encoder.weight.value.transpose());
  }
}

describe("paths", () => {
  test("fields and positions, in their order", () => {
    expect(Object.keys(mlp().parameters())).toEqual([
      "layers.0.weight",
      "layers.0.bias",
      "layers.2.weight",
      "layers.2.bias",
    ]);
  });
  test("a shared parameter appears once; variables and generators belong to the state", () => {
    const model = new Tied();
    expect(Object.keys(model.parameters())).toEqual([
      "encoder.weight",
      "heads.0.weight",
      "heads.0.bias",
    ]);
    expect(Object.keys(model.state())).toEqual([
      "encoder.weight",
      "heads.0.weight",
      "heads.0.bias",
      "mean",
      "drop.random.state",
    ]);
    expect(Object.keys(model.modules())).toEqual(["", "encoder", "heads.0", "drop"]);
  });
});

describe("modes", () => {
  test("train and eval reach every module", () => {
    const model = new Tied().eval();
    expect(model.training || model.drop.training || model.encoder.training).toBe(false);
    expect(model.train().drop.training).toBe(true);
  });
  test("evaluating puts every module back as it was", () => {
    const model = new Tied();
    model.encoder.eval();
    expect(evaluating(model, () => model.drop.training)).toBe(false);
    expect([model.training, model.encoder.training, model.drop.training]).toEqual([
      true,
      false,
      true,
    ]);
    expect(() =>
      evaluating(model, () => {
        throw new Error("stop");
      }),
    ).toThrow("stop");
    expect(model.training).toBe(true);
  });
});

describe("freeze", () => {
  const frozen = (model: Module) =>
    Object.entries(model.parameters()).flatMap(([path, p]) => (p.trainable ? [] : [path]));
  test("everything, by pattern, by the path of a module, and back", () => {
    expect(frozen(mlp().freeze())).toHaveLength(4);
    expect(frozen(mlp().freeze("*.weight"))).toEqual(["layers.0.weight", "layers.2.weight"]);
    expect(frozen(mlp().freeze("layers.0"))).toEqual(["layers.0.weight", "layers.0.bias"]);
    const model = mlp().freeze().unfreeze("layers.2.*");
    expect(frozen(model)).toEqual(["layers.0.weight", "layers.0.bias"]);
    expect(Object.keys(trainable(model.parameters()))).toEqual([
      "layers.2.weight",
      "layers.2.bias",
    ]);
  });
  test("the dot of a pattern is a dot", () => {
    expect(() => mlp().freeze("layersX0*")).toThrow(ConfigError);
  });
  test("what matches nothing is an error with the nearest path", () => {
    expect(message(() => mlp().freeze("layer.0"))).toMatchInlineSnapshot(`
      "freeze: no parameter of Sequential matches "layer.0".
        in test/nn/module.test.ts:·
        fix: did you mean "layers.0"?"
    `);
  });
});

describe("errors in forward", () => {
  test("name the layer's path, its sizes and the line that built it", () => {
    const model = mlp();
    const f = () => model.forward(zeros([32, 5]));
    expect(message(f)).toMatchInlineSnapshot(`
      "Linear: takes […, 4], got [32, 5] (4 ≠ 5).
        in layers.0 (Linear 4 → 3), built at test/nn/module.test.ts:·
        fix: give this layer 5 inputs, or flatten or transpose what comes in."
    `);
    const error = failure(f) as ShapeError;
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.where).toMatch(/^layers\.0 \(Linear 4 → 3\), built at .*module\.test\.ts:\d+/);
    expect((error.cause as ShapeError).problem).toBe(error.problem);
  });
  test("also within modules of the user's, with the line that failed", () => {
    class Block extends Module {
      readonly inner = mlp();
      forward(x: Tensor): Tensor {
        return this.inner.forward(x).add(zeros([3]));
      }
    }
    class Net extends Module {
      readonly block = new Block();
      forward(x: Tensor): Tensor {
        return this.block.forward(x);
      }
    }
    expect(message(() => new Net().forward(zeros([1, 4])))).toMatch(
      /in block \(Block\), built at .*module\.test\.ts:·, called at .*module\.test\.ts:·/,
    );
    expect(message(() => new Net().forward(zeros([1, 3])))).toMatch(/in block\.inner\.layers\.0 /);
  });
  test("leave other errors alone", () => {
    class Broken extends Module {
      forward(): Tensor {
        throw new RangeError("mine");
      }
    }
    const error = failure(() => new Sequential(new Broken()).forward(zeros([1])));
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toBe("mine");
  });
  test("a class that calls super.forward counts as one layer", () => {
    class Doubled extends Linear {
      override forward(x: Tensor): Tensor {
        return super.forward(x).mul(2);
      }
    }
    const model = new Doubled(1, 1, { bias: false });
    model.weight.value = tensor([[3]]);
    expect(model.forward(tensor([[1]])).item()).toBe(6);
    expect(message(() => model.forward(zeros([1, 2])))).toMatch(/in Doubled|in Linear/);
  });
});

test("a parameter refuses to be written while it is being differentiated", () => {
  const p = new Parameter(tensor([1, 2]));
  const undo = p.bind(tensor([3, 4]));
  expect(p.value.toArray()).toEqual([3, 4]);
  expect(() => {
    p.value = tensor([5, 6]);
  }).toThrow(ConfigError);
  undo();
  expect(p.value.toArray()).toEqual([1, 2]);
  expect(() => p.bind(zeros([3]))).toThrow(ShapeError);
});
