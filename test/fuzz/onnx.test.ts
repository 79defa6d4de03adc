/** Damaged nets: what loads runs or says why not. */
import { create, toBinary } from "@bufbuild/protobuf";
import { Conv2d, Flatten, Linear, ReLU, Sequential } from "../../src/nn/index.ts";
import { loadOnnx } from "../../src/onnx/index.ts";
import {
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
} from "../../src/onnx/proto/onnx_pb.ts";
import { encodeOnnx } from "../../src/onnx/save.ts";
import { zeros } from "../../src/tensor/index.ts";
import { fuzz, ofBytes } from "../support/damage.ts";

const model = new Sequential(new Conv2d(1, 2, 3), new ReLU(), new Flatten(), new Linear(8, 2));

/** A net with graphs in a node. */
function branches(): Uint8Array {
  const graph = (op: string) =>
    create(GraphProtoSchema, {
      name: op,
      node: [create(NodeProtoSchema, { opType: op, input: ["x"], output: ["y"] })],
      output: [{ name: "y" }],
    });
  const branch = (name: string, op: string) =>
    create(AttributeProtoSchema, { name, type: 5, g: graph(op) });
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ version: 18n }],
      graph: {
        name: "branches",
        input: [{ name: "x", type: { value: { case: "tensorType", value: { elemType: 1 } } } }],
        output: [{ name: "z" }],
        initializer: [{ name: "c", dataType: 9, rawData: Uint8Array.of(1) }],
        node: [
          create(NodeProtoSchema, {
            opType: "If",
            input: ["c"],
            output: ["z"],
            attribute: [branch("then_branch", "Relu"), branch("else_branch", "Neg")],
          }),
        ],
      },
    }),
  );
}

fuzz({
  what: "ONNX",
  make: async () => {
    const inputs = { x: { shape: ["batch", 1, 4, 4] } };
    const nets = [
      encodeOnnx(model, { inputs }),
      encodeOnnx(new Linear(3, 2), { inputs: { x: { shape: [1, 3] } } }),
      branches(),
    ];
    return ofBytes(nets, 400);
  },
  isSlow: true,
  read: async (bytes: Uint8Array) => {
    const net = await loadOnnx(bytes);
    const { shape } = net.inputs[0] ?? {};
    if (net.inputs.length !== 1 || shape?.length !== 4) return;
    net.run({ [net.inputs[0]!.name]: zeros([2, 1, 4, 4]) });
  },
});
