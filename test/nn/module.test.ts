import { inspect } from "node:util";
import { ConfigError, ones, ShapeError, type Tensor, tensor, Variable, zeros } from "gradus";
import {
  Dropout,
  evaluating,
  Linear,
  Module,
  Parameter,
  ReLU,
  replaceHead,
  Sequential,
  trainable,
  valueAndGrad,
} from "gradus/nn";
import { describe, expect, test } from "vitest";
import { ownParameters } from "../../src/nn/module.ts";

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
  readonly decoder = { weight: this.encoder.weight }; // shared: known by its first path
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

describe("modules in containers", () => {
  class Net extends Module {
    readonly heads = {
      a: new Linear(2, 1),
      deep: [[new Linear(2, 1)], { drop: new Dropout(0.5) }],
    };
    readonly byName = new Map<string | number | object, unknown>([
      ["x", new Linear(2, 1)],
      [7, { scale: new Parameter(tensor([1])) }],
      [{}, new Linear(2, 1)],
    ]);
    readonly text = { note: "no module", sizes: [1, 2], when: new Date(0), set: new Set([1]) };
    forward(x: Tensor): Tensor {
      return this.heads.a.forward(x);
    }
  }
  test("records, Maps and arrays nested in each other are walked", () => {
    const model = new Net();
    expect(Object.keys(model.modules())).toEqual([
      "",
      "heads.a",
      "heads.deep.0.0",
      "heads.deep.1.drop",
      "byName.x",
      "byName.2",
    ]);
    expect(Object.keys(model.parameters())).toEqual([
      "heads.a.weight",
      "heads.a.bias",
      "heads.deep.0.0.weight",
      "heads.deep.0.0.bias",
      "byName.x.weight",
      "byName.x.bias",
      "byName.7.scale",
      "byName.2.weight",
      "byName.2.bias",
    ]);
    expect(Object.values(model.eval().modules()).every((m) => !m.training)).toBe(true);
    expect(ownParameters(model)).toEqual([model.parameters()["byName.7.scale"]]);
    const { grads } = valueAndGrad(model, (x: Tensor) => model.forward(x).sum())(ones([1, 2]));
    expect(grads["heads.a.weight"]!.toArray()).toEqual([[1, 1]]);
  });
  test("replaceHead reaches into records and Maps", () => {
    const model = new Net();
    expect(replaceHead(model, 5)).toBe("byName.2");
    expect(model.parameters()["byName.2.weight"]!.shape).toEqual([5, 2]);
  });
  test("a record that leads back to the model ends", () => {
    class Loop extends Net {
      readonly up = { self: this as Module };
    }
    expect(Object.keys(new Loop().parameters())).toHaveLength(9);
  });
  test("a Set of modules, and keys that make one path of two parts, are errors", () => {
    class Sets extends Net {
      readonly layers = { all: new Set([new Linear(1, 1)]) };
    }
    expect(message(() => new Sets().parameters())).toMatchInlineSnapshot(`
      "Sets: "layers.all" is a Set with a module or parameter in it (Linear 1 → 1), which has no path there.
        in test/nn/module.test.ts:·
        fix: keep it in an array, a plain object or a Map."
    `);
    class Dots extends Net {
      readonly both = { "a.b": new ReLU(), a: { b: new ReLU() } };
    }
    expect(message(() => new Dots().modules())).toMatchInlineSnapshot(`
      "Dots: two parts have the path "both.a.b".
        in test/nn/module.test.ts:·
        fix: give keys that differ as text, and have no dots in them."
    `);
  });
});

describe("what hides from its model", () => {
  const outside = new Linear(2, 2);
  const cases: Record<string, new () => Module> = {
    "a private field": class extends Module {
      readonly #layer = new Linear(2, 2);
      forward(x: Tensor): Tensor {
        return this.#layer.forward(x);
      }
    },
    "a parameter in a private field": class extends Module {
      readonly #w = new Parameter(ones([2, 2]));
      forward(x: Tensor): Tensor {
        return x.matmul(this.#w.value);
      }
    },
    "a closure": class extends Module {
      forward(x: Tensor): Tensor {
        return outside.forward(x);
      }
    },
    "an object of another class": class extends Module {
      readonly block = new (class {
        readonly layer = new Linear(2, 2);
      })();
      forward(x: Tensor): Tensor {
        return this.block.layer.forward(x);
      }
    },
    "made in forward": class extends Module {
      forward(x: Tensor): Tensor {
        return new Linear(2, 2).forward(x);
      }
    },
    "random numbers in a WeakMap": class extends Module {
      readonly hidden = new WeakMap([[this as Module, new Dropout(0.5)]]);
      forward(x: Tensor): Tensor {
        return this.hidden.get(this)!.forward(x);
      }
    },
  };
  for (const [name, Model] of Object.entries(cases))
    test(`${name} is an error when the model is used, alone or inside another`, () => {
      const fix = /which is not among its parts.*\n(.*\n)*.*fix: keep it in a field/;
      expect(() => new Model().forward(ones([1, 2]))).toThrow(fix);
      expect(() => new Sequential(new Model()).forward(ones([1, 2]))).toThrow(fix);
    });
  test("what is frozen and in evaluation mode may hide; so may layers without state", () => {
    class Student extends Module {
      readonly #teacher = new Linear(2, 2).freeze().eval();
      forward(x: Tensor): Tensor {
        return new ReLU().forward(this.#teacher.forward(x));
      }
    }
    expect(new Student().forward(ones([1, 2])).shape).toEqual([1, 2]);
  });
  test("a layer that comes in later is one of the model's", () => {
    const model = mlp();
    model.forward(ones([1, 4]));
    replaceHead(model, 9);
    expect(model.forward(ones([1, 4])).shape).toEqual([1, 9]);
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
        in layers.0 (Linear 4 → 3), built at test/nn/module.test.ts:·, called at test/nn/module.test.ts:·
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

describe("a model as text", () => {
  test("has a line for each module, set in below the one that holds it", () => {
    class Net extends Module {
      readonly body = new Sequential(new Linear(2, 3), new Dropout(0.5));
      readonly heads = new Map([["a", new Linear(3, 1)]]);
      forward(x: Tensor): Tensor {
        return this.heads.get("a")!.forward(this.body.forward(x));
      }
    }
    const text = [
      "Net",
      "  body: Sequential",
      "    layers.0: Linear 2 → 3",
      "    layers.1: Dropout 0.5",
      "  heads.a: Linear 3 → 1",
    ].join("\n");
    expect(String(new Net())).toBe(text);
    expect(inspect(new Net())).toBe(text);
    expect(String(new Linear(2, 3))).toBe("Linear 2 → 3");
  });
  test("errors name the model by its kind alone", () => {
    const model = new Sequential(new Linear(2, 3));
    expect(message(() => model.freeze("nothing"))).toContain("no parameter of Sequential matches");
    expect(message(() => model.forward(zeros([1, 5])))).toContain("in layers.0 (Linear 2 → 3)");
  });
});
