/** Evaluates nets for the page. */
import { compile, fromHost, hostArray, type Tensor, Variable } from "gradus";
import type { Split } from "gradus/data";
import { evaluating, type Module, summary } from "gradus/nn";
import { outputsOf, type TaskName, taskOf } from "../state/settings.ts";
import { firstOf } from "./data.ts";
import { lossOf } from "./net.ts";
import type { Session } from "./session.ts";
import { type About, type Frame, grid, type LayerAbout, type Points, type Score } from "./view.ts";

/** Evaluates a session: compiled once, then called for every frame. */
export class Viewer {
  readonly #session: Session;
  readonly #score: Record<"train" | "test", () => Score>;
  readonly #plane: () => Float32Array[];
  #mistakes = { step: 0, count: 0 };

  constructor(session: Session) {
    this.#session = session;
    const { train, test } = session.examples;
    this.#score = { train: scoreOf(session, train), test: scoreOf(session, test) };
    this.#plane = planeOf(session);
  }

  frame(): Frame {
    const { step, epoch, net } = this.#session;
    return {
      ...{ step, epoch, mistakes: this.#count() },
      train: this.#score.train(),
      test: this.#score.test(),
      parameters: Object.entries(net.model.parameters()).map(([path, { shape, value }]) => ({
        ...{ path, shape: [...shape], values: Float32Array.from(value.dataSync()) },
      })),
      plane: this.#plane(),
    };
  }

  about(): About {
    const { settings, batchesPerEpoch, examples } = this.#session;
    const points = ({ inputs, targets }: Split): Points => ({
      inputs: Float32Array.from(inputs.data),
      targets: Float32Array.from(targets.data),
    });
    return {
      ...{ task: taskOf(settings), outputs: outputsOf(settings), batchesPerEpoch },
      layers: layersOf(this.#session),
      points: { train: points(examples.train), test: points(examples.test) },
    };
  }

  /** Mistakes so far, counted on from the last frame. */
  #count(): number {
    const { losses, step } = this.#session;
    if (step < this.#mistakes.step) this.#mistakes = { step: 0, count: 0 };
    for (let i = this.#mistakes.step; i < step; i++) if (losses[i]! > 0) this.#mistakes.count++;
    this.#mistakes.step = step;
    return this.#mistakes.count;
  }
}

/** At most this many examples are evaluated for a frame. */
const mostEvaluated = 2000;

function scoreOf({ settings, net }: Session, all: Split): () => Score {
  const split = firstOf(all, mostEvaluated);
  const [inputs, targets] = [fromHost(split.inputs), fromHost(split.targets)].map(
    (x) => new Variable(x),
  ) as [Variable, Variable];
  const loss = lossOf(settings);
  const task = taskOf(settings);
  const evaluate = compile(() =>
    evaluating(net.model, () => {
      const outputs = net.model.forward(inputs.value);
      return { loss: loss(outputs, targets.value), right: rightOf(task, outputs, targets.value) };
    }),
  );
  return () => {
    const { loss, right } = evaluate.sync();
    return { loss: loss.item(), accuracy: right?.item() ?? null };
  };
}

function rightOf(task: TaskName, outputs: Tensor, targets: Tensor): Tensor | null {
  if (task === "binary") {
    const named = outputs.reshape([-1]).greater(0).cast("int32");
    return named.equal(targets).cast("float32").mean();
  }
  if (task === "classes") return outputs.argmax(-1).equal(targets).cast("float32").mean();
  return null;
}

/** The outputs of every layer on a grid over the plane, row by row from the upper left. */
function planeOf({ net, settings }: Session): () => Float32Array[] {
  const points = new Float32Array(2 * grid.side ** 2);
  for (let row = 0; row < grid.side; row++)
    for (let column = 0; column < grid.side; column++) {
      const at = (i: number) => grid.reach * ((2 * (i + 0.5)) / grid.side - 1);
      points.set([at(column), -at(row)], 2 * (row * grid.side + column));
    }
  const inputs = new Variable(fromHost(hostArray([grid.side ** 2, 2], points)));
  const task = taskOf(settings);
  const evaluate = compile(() =>
    evaluating(net.model, () => {
      const outputs: Tensor[] = [];
      let x: Tensor = inputs.value;
      for (const { modules } of net.layers) {
        x = modules.reduce((y: Tensor, module: Module) => module.forward(y), x);
        outputs.push(x);
      }
      const last = outputs.pop()!;
      return [...outputs, shownAs(task, last)];
    }),
  );
  return () => evaluate.sync().map((x) => Float32Array.from(x.dataSync()));
}

/** Probabilities where there are classes. */
function shownAs(task: TaskName, outputs: Tensor): Tensor {
  if (task === "binary") return outputs.sigmoid();
  return task === "classes" ? outputs.softmax() : outputs;
}

function layersOf({ net }: Session): LayerAbout[] {
  const { rows } = summary(net.model, [2]);
  let at = 0;
  return net.layers.map(({ spec, modules }) => {
    const own = rows.slice(at, at + modules.length);
    at += modules.length;
    const sum = (of: "parameters" | "connections") => own.reduce((all, row) => all + row[of], 0);
    return {
      kind: spec.kind,
      shape: own.at(-1)!.outputShape,
      parameters: sum("parameters"),
      multiplyAdds: sum("connections"),
      path: own.find(({ parameters }) => parameters > 0)?.path ?? null,
    };
  });
}
