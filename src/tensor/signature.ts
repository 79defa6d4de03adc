import { ConfigError, childrenOf, sameShape } from "../base/index.ts";
import { backend } from "./engine.ts";
import { isTensor, type Tensor } from "./tensor.ts";
import { isTracing } from "./variable.ts";

/** Numbers become scalar inputs, so that a learning-rate schedule never compiles again. */
export type Leaf = Tensor | number;
export const isLeaf = (x: unknown): x is Leaf => typeof x === "number" || isTensor(x);

/** The key of a call's program, and its inputs. */
export interface Signature {
  readonly key: string;
  readonly leaves: readonly Leaf[];
  /** True if a surrounding trace or transform needs to see the operations of the function. */
  readonly inner: boolean;
}

/** A single walk over the arguments: this is on the hot path of every step. */
export function signatureOf(args: readonly unknown[]): Signature {
  const leaves: Leaf[] = [];
  let key = backend().name;
  let inner = isTracing();
  let depth = 0;
  const walk = (x: unknown): void => {
    if (isTensor(x)) {
      leaves.push(x);
      key += `;${x.dtype}[${x.shape}]`;
      inner ||= x.node.watched;
    } else if (typeof x === "number") {
      leaves.push(x);
      key += ";n";
    } else if (typeof x === "object" && x !== null) {
      const fields = childrenOf(x, "an argument", depth++);
      key += Array.isArray(x) ? "(" : "{";
      if (Array.isArray(x)) for (const item of x) walk(item);
      else
        for (const name of Object.keys(fields)) {
          key += `${JSON.stringify(name)}:`;
          walk(fields[name]);
        }
      key += Array.isArray(x) ? ")" : "}";
      depth--;
    } else if (typeof x === "function" || typeof x === "symbol")
      throw new ConfigError({
        subject: "compile",
        problem: `an argument is a ${typeof x}, which cannot be part of a signature.`,
        fix: "let the function close over it, and compile once for each.",
      });
    else key += `;${JSON.stringify(x)}`;
  };
  walk(args);
  return { key, leaves, inner };
}

/** A call whose arguments were only tensors and numbers. */
export interface Known<T> {
  /** Its program. */
  readonly trace: T;
  /** Shapes and dtypes only: the tensors themselves may have been collected. */
  readonly leaves: readonly (Pick<Tensor, "dtype" | "shape"> | null)[];
  readonly engine: unknown;
}

export const knownOf = <T>(trace: T, leaves: readonly Leaf[]): Known<T> => ({
  trace,
  leaves: leaves.map((x) => (isTensor(x) ? { dtype: x.dtype, shape: x.shape } : null)),
  engine: backend(),
});

/** Whether arguments have the signature of that call; faster than computing their signature. */
export function looksLike(
  { leaves, engine }: Known<unknown>,
  args: readonly unknown[],
): args is readonly Leaf[] {
  if (args.length !== leaves.length || engine !== backend() || isTracing()) return false;
  for (let i = 0; i < args.length; i++) {
    const x = args[i];
    const known = leaves[i];
    if (!known) {
      if (typeof x !== "number") return false;
    } else if (!isTensor(x) || x.dtype !== known.dtype || !sameShape(x.shape, known.shape)) {
      return false;
    } else if (x.node.watched) return false;
  }
  return true;
}
