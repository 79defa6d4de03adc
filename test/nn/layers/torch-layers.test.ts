/** Layers and losses against PyTorch; the numbers come from tools/fixtures/torch-layers.py. */
import {
  concat,
  convTranspose,
  maxPoolWithIndices,
  maxUnpool,
  ones,
  type Tensor,
  tensor,
  zeros,
} from "gradus";
import {
  BatchNorm1d,
  BatchNorm2d,
  binaryCrossEntropy,
  ConvTranspose2d,
  Embedding,
  elasticNet,
  evaluating,
  exponentialLoss,
  functional,
  GRU,
  GRUCell,
  GroupNorm,
  HardSigmoid,
  HardTanh,
  type HiddenState,
  hinge,
  klDivergence,
  LayerNorm,
  LocalResponseNorm,
  type LossOptions,
  LSTM,
  LSTMCell,
  l1,
  l2,
  lengthMask,
  MultiHeadAttention,
  multiClassHinge,
  Parameter,
  type Recurrent,
  type RecurrentCell,
  RNN,
  RNNCell,
  Sign,
  Step,
  squaredHinge,
  TransformerBlock,
} from "gradus/nn";
import {
  type Computation,
  compareWithTorch,
  type Float,
  type Inputs,
  layer,
  wave,
} from "../oracle.ts";

/** Two batches in training, one in evaluation, and the running statistics. */
const batchNorm =
  (model: BatchNorm1d | BatchNorm2d, dtype: Float): Computation =>
  ({ x, ...parameters }: Inputs) => {
    model.runningMean.value = zeros([3], { dtype });
    model.runningVariance.value = ones([3], { dtype });
    const f = functional(model);
    const batches = [x!, x!.square()].map((batch) => f(parameters, batch));
    const last = evaluating(model, () => f(parameters, x!));
    const statistics = [model.runningMean.value, model.runningVariance.value];
    return concat([...batches, last, ...statistics].map((y) => y.flatten()));
  };

type Loss = (z: Tensor, targets: Tensor, options: LossOptions) => Tensor;
/** The two reductions of a loss as cases. */
const both = (
  f: Loss,
  targets: () => Tensor,
  before = (z: Tensor) => z,
): Record<string, () => Computation> =>
  Object.fromEntries(
    (["mean", "sum"] as const).map((reduction) => [
      `${f.name}, ${reduction}`,
      () =>
        ({ z }: Inputs) =>
          f(before(z!), targets(), { reduction }),
    ]),
  );
const sides = () => wave([12], { shift: 2 }).sign();
const labels = () => tensor([3, 0, 4, 4], "int32");
const probabilities = () =>
  wave([4, 4], { shift: 1 })
    .softmax()
    .pad([
      [0, 0],
      [1, 0],
    ]);
const answers = () =>
  concat([tensor([0.3, 0.3], "float64"), wave([10], { shift: 2 }).greater(0).cast("float64")]);
/** A penalty on two parameters. */
const penalty =
  (f: (parameters: Record<string, Parameter>) => Tensor): Computation =>
  (inputs: Inputs) => {
    const parameters = Object.entries(inputs).map(([k, x]) => [k, new Parameter(x)] as const);
    return f(Object.fromEntries(parameters));
  };

const tensorsOf = (state: object): Tensor[] => Object.values(state);
/** Outputs and last states of a recurrent network; c is the LSTM's. */
const recurrent =
  <S extends HiddenState>(model: Recurrent<S>, lengths?: number[]): Computation =>
  ({ x, h, c, ...parameters }: Inputs) => {
    const initial = (c ? { h, c } : { h }) as unknown as S;
    const f = functional(model, () =>
      model.run(x!, { initial, lengths: lengths && tensor(lengths, "int32") }),
    );
    const { outputs, state } = f(parameters);
    return concat([outputs, ...tensorsOf(state)].map((y) => y.flatten()));
  };
const stacked = { layers: 2, bidirectional: true } as const;
const lengths = [4, 2, 3];
/** The state after one step. */
const cell =
  <S extends HiddenState>(model: RecurrentCell<S>): Computation =>
  ({ x, h, c, ...parameters }: Inputs) => {
    const state = (c ? { h, c } : { h }) as unknown as S;
    return concat(tensorsOf(functional(model)(parameters, x!, state)));
  };

compareWithTorch("torch-layers.json", (dtype) => ({
  convTranspose1d:
    () =>
    ({ x, w }: Inputs) =>
      convTranspose(x!, w!, { stride: 3, padding: 1, outputPadding: 2, dilation: 2 }),
  convTranspose2d:
    () =>
    ({ x, w }: Inputs) =>
      convTranspose(x!, w!, {
        stride: [2, 1],
        padding: [1, 2],
        outputPadding: [1, 0],
        groups: 2,
        dilation: [1, 2],
      }),
  convTranspose3d:
    () =>
    ({ x, w }: Inputs) =>
      convTranspose(x!, w!, { stride: 2, padding: [0, 1, 0] }),
  ConvTranspose2d: () =>
    layer(new ConvTranspose2d(4, 4, [4, 3], { stride: 2, padding: 1, groups: 2, dtype }), "x"),
  maxUnpool:
    () =>
    ({ x }: Inputs) => {
      const options = { size: [2, 3], stride: [2, 3], padding: [1, 0] };
      const { values, indices } = maxPoolWithIndices(x!, options);
      return maxUnpool(values.square(), indices, { ...options, outputSize: [5, 7] });
    },
  BatchNorm1d: () => batchNorm(new BatchNorm1d(3, { dtype }), dtype),
  BatchNorm1dSequences: () => batchNorm(new BatchNorm1d(3, { dtype }), dtype),
  BatchNorm2d: () => batchNorm(new BatchNorm2d(3, { dtype }), dtype),
  LayerNorm: () => layer(new LayerNorm([3, 2], { dtype }), "x"),
  GroupNorm: () => layer(new GroupNorm(2, 4, { dtype }), "x"),
  LocalResponseNorm: () => layer(new LocalResponseNorm({ alpha: 0.3 }), "x"),
  Embedding: () => {
    const model = new Embedding(4, 3, { dtype });
    const indices = tensor(
      [
        [3, 0],
        [3, 1],
      ],
      "int32",
    );
    return (parameters: Inputs) => functional(model)(parameters, indices);
  },
  MultiHeadAttention: () => {
    const model = new MultiHeadAttention(6, 3, { dtype });
    const mask = wave([4, 5], { shift: 1 }).greater(-0.5);
    return ({ x, y, z, ...parameters }: Inputs) =>
      functional(model)(parameters, x!, y!, z!, { mask });
  },
  MultiHeadAttentionCausal: () => layer(new MultiHeadAttention(6, 3, { causal: true, dtype }), "x"),
  TransformerBlock: () => {
    const model = new TransformerBlock(6, 3, { hidden: 8, dtype });
    const mask = lengthMask(tensor([4, 3], "int32"), 4).reshape([2, 1, 1, 4]);
    return ({ x, ...parameters }: Inputs) => functional(model)(parameters, x!, { mask });
  },
  RNN: () => recurrent(new RNN(3, 2, { dtype })),
  RNNStacked: () => recurrent(new RNN(3, 2, { ...stacked, dtype }), lengths),
  LSTM: () => recurrent(new LSTM(3, 2, { dtype })),
  LSTMStacked: () => recurrent(new LSTM(3, 2, { ...stacked, dtype }), lengths),
  GRU: () => recurrent(new GRU(3, 2, { dtype })),
  GRUStacked: () => recurrent(new GRU(3, 2, { ...stacked, dtype }), lengths),
  RNNCell: () => cell(new RNNCell(3, 2, { dtype })),
  LSTMCell: () => cell(new LSTMCell(3, 2, { dtype })),
  GRUCell: () => cell(new GRUCell(3, 2, { dtype })),
  ...both(hinge, sides),
  ...both(squaredHinge, sides),
  ...both(exponentialLoss, sides),
  ...both(multiClassHinge, labels),
  ...both(klDivergence, probabilities),
  ...both(binaryCrossEntropy, answers, (z) => z.sigmoid()),
  l1: () => penalty((p) => l1(p, 0.3)),
  l2: () => penalty((p) => l2(p, 0.3)),
  elasticNet: () => penalty((p) => elasticNet(p, { l1: 0.3, l2: 0.7 })),
  HardTanh: () => layer(new HardTanh(), "x"),
  HardSigmoid: () => layer(new HardSigmoid(), "x"),
  Sign: () => layer(new Sign(), "x"),
  Step: () => layer(new Step(), "x"),
}));
