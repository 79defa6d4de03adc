/** What the page shows of a training at one moment: numbers only, ready to be sent to it. */
import type { TaskName } from "../state/settings.ts";

/** Points per side of the grid on which the plane is coloured, and half of its side. */
export const grid = { side: 40, reach: 3 } as const;

/** Loss, and the fraction that is right where there are classes. */
export interface Score {
  readonly loss: number;
  readonly accuracy: number | null;
}

export interface Parameters {
  readonly path: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** The state of a training. */
export interface Frame {
  readonly step: number;
  readonly epoch: number;
  readonly train: Score;
  readonly test: Score;
  readonly parameters: readonly Parameters[];
  /** Each layer's outputs over the plane, `[side², units]`, the last as probabilities. */
  readonly plane: readonly Float32Array[];
  /** Steps whose batch had a loss above 0: the mistakes of a perceptron that sees one example. */
  readonly mistakes: number;
}

/** A layer in words and sizes. */
export interface LayerAbout {
  readonly kind: "dense" | "dropout" | "output";
  readonly shape: readonly number[];
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** The path of its parameters, such as "layers.0"; null if it has none. */
  readonly path: string | null;
}

export interface Points {
  readonly inputs: Float32Array;
  readonly targets: ArrayLike<number>;
}

/** What stays the same from step to step. */
export interface About {
  readonly task: TaskName;
  readonly outputs: number;
  readonly batchesPerEpoch: number;
  readonly layers: readonly LayerAbout[];
  readonly points: { readonly train: Points; readonly test: Points };
}
