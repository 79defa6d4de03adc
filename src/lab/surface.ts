/** A loss as a function of all its parameters in one vector. */
import {
  ConfigError,
  type HostArray,
  isFloat,
  type Shape,
  ShapeError,
  show,
  treeFill,
  treeLeaves,
} from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import { evaluating, hasOwnLoss, type Module, type Parameter, trainable } from "../nn/index.ts";
import { placeholder } from "../ops/index.ts";
import {
  type Compiled,
  compile,
  concat,
  fromHost,
  hvp,
  isTensor,
  jvp,
  Tensor,
  tensor,
  type Variable,
  valueAndGrad,
  vjp,
  withTrace,
} from "../tensor/index.ts";
import type { LinearOperator } from "./lanczos.ts";
import { checkLength, type Vector } from "./vectors.ts";

/** Where a parameter lies in the vector: elements offset … offset + size − 1, row by row. */
export interface Leaf {
  readonly path: string;
  readonly shape: Shape;
  readonly offset: number;
  readonly size: number;
}

/** The examples of a loss. */
export interface LabData {
  readonly inputs: Tensor | HostArray;
  readonly targets: Tensor | HostArray;
}

/** Leaves in, scalar loss out; through the outputs of a net if there is one. */
interface Source {
  readonly paths: readonly string[];
  /** The current leaves, in their own dtypes. */
  readonly read: () => readonly Tensor[];
  readonly loss: (leaves: readonly Tensor[]) => Tensor;
  readonly net: ((leaves: readonly Tensor[]) => Tensor) | null;
  readonly outer: ((outputs: Tensor) => Tensor) | null;
  readonly write: ((leaves: readonly Tensor[]) => void) | null;
}

/**
 * The surface L: ℝⁿ → ℝ of a loss over its parameters, which lie one after another in one vector θ
 * `[n]`. Everything is computed in float64, whatever the model's dtype: curvature is a difference
 * of nearly equal gradients, and float32 would leave few digits of a small eigenvalue. Each
 * function is compiled once, at its first call, and only the dense ones form a matrix.
 *
 * @example
 * const surface = LossSurface.of((x: Tensor) => x.pow(3).sum(), tensor([1, 2]));
 * surface.value([1, 2]); // 9
 * surface.gradient([1, 2]); // [3, 12]
 * surface.hvp([1, 2], [1, 1]); // [6, 12]
 */
export class LossSurface {
  /** The number n of parameters. */
  readonly size: number;
  /** The parameters in the vector, and their positions. */
  readonly leaves: readonly Leaf[];
  readonly #source: Source;
  readonly #value: Compiled<[Tensor], Tensor>;
  readonly #gradient: Compiled<[Tensor], { value: Tensor; grad: Tensor }>;
  readonly #hvp: Compiled<[Tensor, Tensor], Tensor>;
  readonly #gaussNewton: Compiled<[Tensor, Tensor], Tensor>;

  private constructor(source: Source) {
    this.#source = source;
    let offset = 0;
    this.leaves = source.read().map(({ shape, size }, i) => {
      const leaf = { path: source.paths[i]!, shape, offset, size };
      offset += size;
      return leaf;
    });
    this.size = offset;
    if (offset === 0)
      throw new ConfigError({
        subject: "LossSurface",
        problem: "there are no parameters.",
        fix: "give a model with trainable parameters, or a tree with float tensors.",
      });
    const split = (theta: Tensor) => this.#split(theta);
    const { loss, net, outer } = source;
    this.#value = compile((theta) => loss(split(theta)));
    this.#gradient = compile((theta) => {
      const { value, grads } = valueAndGrad(loss)(split(theta));
      return { value, grad: joined(grads) };
    });
    this.#hvp = compile((theta, v) => joined(hvp(loss, split(theta), split(v))));
    this.#gaussNewton = compile((theta, v) => {
      const { value: outputs, tangent } = jvp(net!, split(theta), split(v));
      const { pullback } = vjp(net!, split(theta));
      return joined(pullback(hvp(outer!, outputs, tangent)));
    });
  }

  /**
   * The surface of a pure function of a tensor, or of a tree of tensors.
   *
   * @param f returns a scalar. @param at the surface's {@link point}; determines the shapes.
   * @throws {ConfigError} if the tree contains no tensor.
   * @example
   * const f = ({ a, b }: { a: Tensor; b: Tensor }) => a.mul(b).sum();
   * LossSurface.of(f, { a: tensor([1, 2]), b: tensor([3, 4]) }).gradient([1, 2, 3, 4]); // [3, 4, 1, 2]
   */
  static of<X>(f: (x: X) => Tensor, at: X): LossSurface {
    const found = treeLeaves(at, isTensor);
    const tensors = found.map(({ leaf }) => leaf);
    return new LossSurface({
      paths: found.map(({ path }) => path),
      read: () => tensors,
      loss: (leaves) => scalar(f(treeFill(at, isTensor, leaves) as X)),
      net: null,
      outer: null,
      write: null,
    });
  }

  /**
   * The surface of a model's loss over its trainable parameters, on fixed examples and in
   * evaluation mode. Frozen parameters, data and other state keep their current values. A model with
   * a loss of its own (`hasOwnLoss` of gradus/nn) is measured by that one, with its penalties.
   *
   * @param loss of outputs and targets, such as `crossEntropy`.
   * @param data `inputs` and `targets`, each a tensor or a host array.
   * @example
   * const model = new Linear(1, 1, { bias: false });
   * const data = { inputs: tensor([[2], [0]]), targets: tensor([[1], [1]]) };
   * const surface = LossSurface.ofModel(model, meanSquaredError, data);
   * surface.value([1]); // 1
   * surface.hessian([1]); // [[4]]
   */
  static ofModel(
    model: Module,
    loss: (outputs: Tensor, targets: Tensor) => Tensor,
    data: LabData,
  ): LossSurface {
    const parameters = Object.values(trainable(model.parameters()));
    const constants = constantsOf(model);
    const [inputs, targets] = [asFloat64(data.inputs), asFloat64(data.targets)];
    const at = (leaves: readonly Tensor[], f: () => Tensor) =>
      withParameters(parameters, leaves, constants, () => evaluating(model, f));
    const net = (leaves: readonly Tensor[]) => at(leaves, () => model.forward(inputs));
    const outer = (outputs: Tensor) => scalar(loss(outputs, targets));
    const own = hasOwnLoss(model)
      ? () => model.learn(inputs, targets, loss).losses.mean()
      : undefined;
    return new LossSurface({
      paths: Object.keys(trainable(model.parameters())),
      read: () => parameters.map((p) => p.value),
      loss: (leaves) => (own ? at(leaves, own) : outer(net(leaves))),
      net: own ? null : net,
      outer: own ? null : outer,
      write: (leaves) => {
        parameters.forEach((p, i) => {
          p.value = leaves[i]!.cast(p.dtype).evalSync();
        });
      },
    });
  }

  /** θ `[n]`: the model's current parameters, or the tree that the surface was made from. */
  point(): Float64Array {
    const theta = new Float64Array(this.size);
    this.#source.read().forEach((x, i) => {
      theta.set(x.dataSync(), this.leaves[i]!.offset);
    });
    return theta;
  }

  /** Writes θ to the model, rounded to its dtype. @throws {ConfigError} if there is no model. */
  assign(theta: Vector): void {
    if (!this.#source.write)
      throw new ConfigError({
        subject: "LossSurface.assign",
        problem: "this surface is of a function, which holds no parameters.",
        fix: "use the vector itself, or make the surface with LossSurface.ofModel.",
      });
    this.#source.write(this.#split(this.#tensor("assign", "θ", theta)));
  }

  /** The parameters by path, as float64 tensors of their shapes. */
  tensors(theta: Vector): Record<string, Tensor> {
    const parts = this.#split(this.#tensor("tensors", "θ", theta));
    return Object.fromEntries(this.leaves.map(({ path }, i) => [path, parts[i]!]));
  }

  /** L(θ) */
  value(theta: Vector): number {
    return this.#value.sync(this.#tensor("value", "θ", theta)).item();
  }

  /** ∇L(θ) `[n]` */
  gradient(theta: Vector): Float64Array {
    return this.valueAndGradient(theta).gradient;
  }

  /** L(θ) and ∇L(θ) `[n]`, from one pass. */
  valueAndGradient(theta: Vector): { value: number; gradient: Float64Array } {
    const { value, grad } = this.#gradient.sync(this.#tensor("gradient", "θ", theta));
    return { value: value.item(), gradient: numbers(grad) };
  }

  /** ∇²L(θ) v `[n]`, at a small multiple of the cost of a gradient. @see Pearlmutter 1994 */
  hvp(theta: Vector, v: Vector): Float64Array {
    return numbers(this.#hvp.sync(this.#tensor("hvp", "θ", theta), this.#tensor("hvp", "v", v)));
  }

  /**
   * The Gauss–Newton matrix times a vector, for a loss ℓ of the outputs z = f(θ) of a net:
   *
   *   G v = Jᵀ (∇²ℓ(z)) J v,   J = ∂z/∂θ,   ∇²L = G + Σᵢ ∂ℓ/∂zᵢ ∇²zᵢ
   *
   * If ℓ is convex in z, G is positive semidefinite for any net.
   *
   * @throws {ConfigError} for the surface of a function or of a model's own loss, whose outputs are
   * unknown.
   * @see Schraudolph 2002, "Fast curvature matrix-vector products for second-order gradient
   * descent"
   */
  gaussNewtonProduct(theta: Vector, v: Vector): Float64Array {
    if (!this.#source.net)
      throw new ConfigError({
        subject: "LossSurface.gaussNewtonProduct",
        problem:
          "this surface is of a function or of a model's own loss, in which net and loss are not separate.",
        fix: "make the surface with LossSurface.ofModel, of a model without a loss of its own.",
      });
    const name = "gaussNewtonProduct";
    return numbers(
      this.#gaussNewton.sync(this.#tensor(name, "θ", theta), this.#tensor(name, "v", v)),
    );
  }

  /** ∇²L(θ) as an operator, for Lanczos and Hutchinson. */
  hessianAt(theta: Vector): LinearOperator {
    const at = Float64Array.from(theta);
    return { size: this.size, apply: (v) => this.hvp(at, v) };
  }

  /** The Gauss–Newton matrix at θ as an operator. */
  gaussNewtonAt(theta: Vector): LinearOperator {
    const at = Float64Array.from(theta);
    return { size: this.size, apply: (v) => this.gaussNewtonProduct(at, v) };
  }

  /** ∇²L(θ) `[n, n]` as rows, from n Hessian-vector products: for small nets. */
  hessian(theta: Vector): Float64Array[] {
    return dense(this.hessianAt(theta));
  }

  /** The Gauss–Newton matrix at θ, `[n, n]` as rows. */
  gaussNewton(theta: Vector): Float64Array[] {
    return dense(this.gaussNewtonAt(theta));
  }

  /** The loss as a graph over placeholders for the parameters, for analysis. */
  trace(): { leaves: readonly Node[]; loss: Node } {
    const leaves = this.leaves.map(({ shape }) => placeholder(shape, "float64"));
    const loss = this.#source.loss(leaves.map((leaf) => new Tensor(leaf)));
    return { leaves, loss: loss.node };
  }

  #tensor(name: string, what: string, x: Vector): Tensor {
    checkLength(`LossSurface.${name}`, what, x, this.size);
    return tensor(x instanceof Float64Array ? x.slice() : Float64Array.from(x));
  }

  #split(theta: Tensor): Tensor[] {
    return this.leaves.map(({ shape, offset, size }) =>
      theta.slice([offset, offset + size]).reshape(shape),
    );
  }
}

/** An operator's matrix, column by column, exactly symmetric. */
export function dense({ size, apply }: LinearOperator): Float64Array[] {
  const columns = Array.from({ length: size }, (_, i) => {
    const unit = new Float64Array(size);
    unit[i] = 1;
    return apply(unit);
  });
  return columns.map((column, i) => column.map((x, j) => (x + columns[j]![i]!) / 2));
}

const joined = (tensors: readonly Tensor[]): Tensor => concat(tensors.map((x) => x.flatten()));
const numbers = (x: Tensor): Float64Array => Float64Array.from(x.dataSync());

function scalar(y: Tensor): Tensor {
  if (y.size !== 1 || !isFloat(y.dtype))
    throw new ShapeError({
      subject: "LossSurface",
      problem: `the loss is ${y.dtype}${show(y.shape)}.`,
      fix: "return a float scalar: sum or average it.",
    });
  return y.reshape([]).cast("float64");
}

/** The values, floats as float64, detached from their graph. */
function asFloat64(x: Tensor | HostArray): Tensor {
  const host = isTensor(x) ? x.toHost() : x;
  if (!isFloat(host.dtype)) return fromHost(host);
  return fromHost({ ...host, dtype: "float64", data: Float64Array.from(host.data) });
}

/** The model's state besides trainable parameters, floats as float64. */
const constantsOf = (model: Module): Map<Variable, Tensor> =>
  new Map(Object.values(model.state()).map((x) => [x, asFloat64(x.value)]));

/**
 * Runs `f` while the parameters read as float64 tensors. `Parameter.bind` would require the model's
 * own dtype; a trace of variables may return any. Writes of `f` are discarded.
 */
function withParameters<T>(
  parameters: readonly Parameter[],
  values: readonly Tensor[],
  constants: ReadonlyMap<Variable, Tensor>,
  f: () => T,
): T {
  const known = new Map<unknown, Tensor>(constants);
  for (const [i, p] of parameters.entries()) known.set(p, values[i]!);
  const read = (x: Variable): Tensor => {
    const value = known.get(x);
    if (value) return value;
    throw new ConfigError({
      subject: "LossSurface",
      problem: `the model reads a variable ${show(x.shape)} that is not in its state.`,
      fix: "keep it in a field of the model.",
    });
  };
  return withTrace({ read, write: (x, value) => void known.set(x, value) }, f);
}
