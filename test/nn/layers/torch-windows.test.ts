/** Convolutions, poolings and activations against PyTorch; the numbers come from tools/fixtures/torch-windows.py. */
import { concat, ones, zeros } from "gradus";
import {
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  BatchNorm3d,
  Conv1d,
  Conv2d,
  Conv3d,
  ConvTranspose1d,
  ConvTranspose3d,
  ELU,
  evaluating,
  functional,
  GELU,
  GlobalAvgPool,
  GlobalMaxPool,
  LeakyReLU,
  Linear,
  LogSoftmax,
  logisticLoss,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  MaxUnpool1d,
  MaxUnpool2d,
  MaxUnpool3d,
  type Module,
  PReLU,
  Sigmoid,
  Softmax,
  Softplus,
  squaredError,
} from "gradus/nn";
import {
  type Computation,
  compareWithTorch,
  type Float,
  type Inputs,
  layer,
  wave,
} from "../oracle.ts";

type Cases = Record<string, () => Computation>;
const modes = ["zeros", "reflect", "replicate", "circular"] as const;
const pools = [
  [MaxPool1d, AvgPool1d],
  [MaxPool2d, AvgPool2d],
  [MaxPool3d, AvgPool3d],
] as const;
const unpools = [
  [MaxPool1d, MaxUnpool1d],
  [MaxPool2d, MaxUnpool2d],
  [MaxPool3d, MaxUnpool3d],
] as const;

const of = (build: () => Module) => () => layer(build(), "x");

const convolutions = (dtype: Float): Cases =>
  Object.assign(
    {},
    ...modes.map((paddingMode) => {
      const options = { paddingMode, dtype };
      const line = { ...options, stride: 2, padding: 4, dilation: 2, groups: 2 };
      const plane = { ...options, stride: [1, 2], padding: [2, 1] };
      return {
        [`Conv1d, ${paddingMode}`]: of(() => new Conv1d(4, 6, 3, line)),
        [`Conv2d, ${paddingMode}`]: of(() => new Conv2d(2, 3, [3, 2], plane)),
        [`Conv2d, same, ${paddingMode}`]: of(
          () => new Conv2d(2, 2, [3, 4], { ...options, padding: "same" }),
        ),
        [`Conv2d, valid, ${paddingMode}`]: of(
          () => new Conv2d(2, 2, 2, { ...options, padding: "valid" }),
        ),
        [`Conv3d, ${paddingMode}`]: of(
          () => new Conv3d(2, 2, [2, 3, 2], { ...options, padding: [1, 2, 1] }),
        ),
      };
    }),
  );

const poolings = (): Cases =>
  Object.assign(
    {},
    ...pools.map(([Max, Avg], i) => {
      const overlapping = { stride: 2, padding: 1 };
      return {
        [Max.name]: of(() => new Max(2)),
        [`${Max.name}, overlapping`]: of(() => new Max(3, overlapping)),
        [Avg.name]: of(() => new Avg(2)),
        [`${Avg.name}, overlapping`]: of(() => new Avg(3, overlapping)),
        [`GlobalAvgPool, ${i + 1}`]: of(() => new GlobalAvgPool()),
        [`GlobalMaxPool, ${i + 1}`]: of(() => new GlobalMaxPool()),
      };
    }),
    ...unpools.map(([Pool, Unpool]) => ({
      [Unpool.name]:
        () =>
        ({ x }: Inputs) => {
          const { values, indices } = new Pool(2).withIndices(x!);
          return new Unpool(2).forward(values.square(), indices, { outputSize: x!.shape.slice(2) });
        },
    })),
  );

/** Two batches in training, one in evaluation, and the running statistics. */
const batchNorm3d =
  (dtype: Float): Computation =>
  ({ x, y: weight, z: bias }: Record<"x" | "y" | "z", Inputs[string]>) => {
    const model = new BatchNorm3d(3, { dtype });
    model.runningMean.value = zeros([3], { dtype });
    model.runningVariance.value = ones([3], { dtype });
    const f = functional(model);
    const batches = [x, x.square()].map((batch) => f({ weight, bias }, batch));
    const last = evaluating(model, () => f({ weight, bias }, x));
    const statistics = [model.runningMean.value, model.runningVariance.value];
    return concat([...batches, last, ...statistics].map((part) => part.flatten()));
  };

const sides = () => wave([12], { shift: 2 }).sign();

compareWithTorch("torch-windows.json", (dtype) => ({
  Linear: of(() => new Linear(3, 4, { dtype })),
  "Linear, no bias": of(() => new Linear(3, 2, { bias: false, dtype })),
  ...convolutions(dtype),
  ConvTranspose1d: of(
    () =>
      new ConvTranspose1d(4, 2, 3, { stride: 2, padding: 1, outputPadding: 1, groups: 2, dtype }),
  ),
  ConvTranspose3d: of(
    () =>
      new ConvTranspose3d(2, 3, [2, 3, 2], {
        stride: [2, 1, 2],
        padding: [0, 1, 0],
        dilation: [1, 2, 1],
        dtype,
      }),
  ),
  ...poolings(),
  BatchNorm3d: () => batchNorm3d(dtype),
  PReLU: of(() => new PReLU(3, { dtype })),
  "PReLU, shared": of(() => new PReLU(1, { dtype })),
  "GELU, tanh": of(() => new GELU("tanh")),
  "LeakyReLU, 0.1": of(() => new LeakyReLU(0.1)),
  "ELU, 0.5": of(() => new ELU(0.5)),
  "Softmax, channels": of(() => new Softmax(1)),
  "LogSoftmax, channels": of(() => new LogSoftmax(1)),
  "Sigmoid, far": of(() => new Sigmoid()),
  "Softplus, far": of(() => new Softplus()),
  logisticLoss:
    () =>
    ({ x }: Inputs) =>
      logisticLoss(x!, sides()),
  "logisticLoss, sum":
    () =>
    ({ x }: Inputs) =>
      logisticLoss(x!, sides(), { reduction: "sum" }),
  squaredError:
    () =>
    ({ x, y }: Inputs) =>
      squaredError(x!, y!),
}));
