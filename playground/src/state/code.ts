/** A training as a program for Node, with the same data, first weights and steps. */
import {
  type ActivationName,
  constantsOf,
  type InitName,
  isTruthTable,
  outputsOf,
  type Settings,
  taskOf,
} from "./settings.ts";

/** Lines of the program, and the names that it imports from each module. */
interface Program {
  readonly lines: string[];
  readonly names: Record<"gradus" | "gradus/data" | "gradus/nn" | "gradus/optim", Set<string>>;
}

/**
 * The program. On the WebAssembly engine without relaxed SIMD its losses are those of the page, bit
 * for bit.
 */
export function codeOf(settings: Settings, epochs: number): string {
  const program: Program = {
    lines: [],
    names: {
      gradus: new Set(["compile", "fromHost"]),
      "gradus/data": new Set(["batches"]),
      "gradus/nn": new Set(["Sequential", "seeded", "valueAndGrad"]),
      "gradus/optim": new Set(["Optimizer"]),
    },
  };
  writeData(settings, program);
  writeNet(settings, program);
  writeLoss(settings, program);
  writeLoop(settings, epochs, program);
  const imports = Object.entries(program.names).map(
    ([from, names]) => `import { ${[...names].sort().join(", ")} } from "${from}";`,
  );
  return [
    "// The same bits as in the page: GRADUS_ENGINE=wasm GRADUS_ISA=simd128 node net.mjs",
    ...imports,
    "",
    ...program.lines,
    "",
  ].join("\n");
}

function writeData(settings: Settings, { lines, names }: Program): void {
  const { data, size, noise, seed, split, classes } = settings;
  const use = (...given: string[]) => given.forEach((name) => void names["gradus/data"].add(name));
  const options = { size, noise, seed };
  if (data === "waves" || data === "slope") writeSurface(settings, { lines, names });
  else if (data === "blobs") lines.push(call("blobs", { ...options, noise: 10 * noise, classes }));
  else if (data === "spiral")
    lines.push(call("spirals", { ...options, noise: noise / 5, classes }));
  else lines.push(call(data, options));
  const name = data === "spiral" ? "spirals" : data;
  if (data !== "waves" && data !== "slope") use(name);
  use("fitStandardization", "standardize");
  const isTable = isTruthTable(settings);
  if (!isTable) use("splitDataset");
  lines.push(
    isTable
      ? "const part = all;"
      : `const [part] = splitDataset(all, ${1 - split / 100}, ${seed});`,
    "const train = standardize(part, fitStandardization(part.inputs));",
  );
  if (taskOf(settings) === "reconstruction")
    lines.push("const examples = { ...train, targets: train.inputs };");
  else lines.push("const examples = train;");
}

const call = (name: string, options: object): string => `const all = ${name}(${literal(options)});`;
const literal = (options: object): string =>
  `{ ${Object.entries(options)
    .map(([key, value]) => `${key}: ${value}`)
    .join(", ")} }`;

/** Points that are uniform in a square, with a height. */
function writeSurface({ data, size, noise, seed }: Settings, { lines, names }: Program): void {
  for (const name of ["hostArray", "randomKey", "uniform"]) names.gradus.add(name);
  names["gradus/data"].add("makeSplit");
  const height = data === "waves" ? "Math.sin(3 * x) * Math.cos(2 * y)" : "(x + y) / 2";
  lines.push(
    `const drawn = uniform([${size}, 3], { key: randomKey(${seed}) }).dataSync();`,
    `const inputs = new Float32Array(${2 * size});`,
    `const targets = new Float32Array(${size});`,
    `for (let i = 0; i < ${size}; i++) {`,
    "  const [x, y] = [2 * drawn[3 * i] - 1, 2 * drawn[3 * i + 1] - 1];",
    "  inputs.set([x, y], 2 * i);",
    `  targets[i] = ${height} + ${noise} * (2 * drawn[3 * i + 2] - 1);`,
    "}",
    `const all = makeSplit(hostArray([${size}, 2], inputs), hostArray([${size}], targets));`,
  );
}

const classesOf: Readonly<Record<ActivationName, string>> = {
  ...{ relu: "ReLU()", tanh: "Tanh()", sigmoid: "Sigmoid()", leakyRelu: "LeakyReLU(0.1)" },
  ...{ elu: "ELU()", silu: "SiLU()", identity: "Identity()" },
};
const initializerOf = (init: InitName): string => {
  if (init === "small") return "init.normal(0, 0.01)";
  return init === "large" ? "init.normal(0, 3)" : `init.${init}`;
};

function writeNet(settings: Settings, { lines, names }: Program): void {
  const first = `{ init: ${initializerOf(settings.init)} }`;
  const layers: string[] = [];
  const add = (text: string) => {
    names["gradus/nn"].add(/^\w+/.exec(text)![0]);
    layers.push(`    new ${text},`);
  };
  names["gradus/nn"].add("init");
  let inputs = 2;
  const dense = (units: number) => {
    add(`Linear(${inputs}, ${units}, ${first})`);
    inputs = units;
  };
  for (const layer of settings.layers) {
    if (layer.kind === "dropout") add(`Dropout(${layer.percent / 100})`);
    else {
      dense(layer.units);
      add(classesOf[layer.activation]);
    }
  }
  dense(outputsOf(settings));
  lines.push(
    `const model = seeded(${settings.seed}, () =>`,
    "  new Sequential(",
    ...layers,
    "  ),",
    ");",
  );
}

function writeLoss(settings: Settings, { lines, names }: Program): void {
  const use = (from: "gradus" | "gradus/nn", name: string) => void names[from].add(name);
  const [text, ...used] = lossText(settings);
  for (const name of used) use(name === "oneHot" ? "gradus" : "gradus/nn", name);
  const terms = (["l1", "l2"] as const).filter((name) => settings[name] > 0);
  for (const name of terms) use("gradus/nn", name);
  const penalty = terms.map((name) => `.add(${name}(model.parameters(), ${settings[name]}))`);
  lines.push(`const loss = (z, t) => ${text};`);
  lines.push(
    `const gradients = valueAndGrad(model, (x, t) => loss(model.forward(x), t)${penalty.join("")});`,
  );
}

/** The loss as in `engine/net.ts`, and the names that it uses. */
function lossText(settings: Settings): readonly [text: string, ...names: string[]] {
  const { loss } = settings;
  const task = taskOf(settings);
  const flat = "z.reshape([-1])";
  const [bits, signs] = [`t.cast("float32")`, `t.cast("float32").mul(2).sub(1)`];
  if (task === "binary") {
    if (loss === "squares")
      return [`meanSquaredError(${flat}.sigmoid(), ${bits})`, "meanSquaredError"];
    if (loss === "hinge") return [`hinge(${flat}, ${signs})`, "hinge"];
    if (loss === "perceptron") return [`${signs}.mul(${flat}).neg().relu().mean()`];
    return [`binaryCrossEntropyWithLogits(${flat}, ${bits})`, "binaryCrossEntropyWithLogits"];
  }
  if (task === "classes") {
    if (loss === "squares")
      return [
        `meanSquaredError(z.softmax(), oneHot(t, ${outputsOf(settings)}))`,
        ...["meanSquaredError", "oneHot"],
      ];
    const name = loss === "hinge" ? "multiClassHinge" : "crossEntropy";
    return [`${name}(z, t)`, name];
  }
  const measure = loss === "huber" ? "huber" : "meanSquaredError";
  if (task === "regression") return [`${measure}(${flat}, t)`, measure];
  return [`${measure}(z, t.reshape(z.shape))`, measure];
}

function writeLoop(settings: Settings, epochs: number, { lines, names }: Program): void {
  const { rule, lr, batch, seed } = settings;
  names["gradus/optim"].add(rule);
  const constants = constantsOf[rule].map((name) => `${name}: ${settings[name]}`).join(", ");
  lines.push(
    `const optimizer = new Optimizer(model, ${rule}(${constants && `{ ${constants} }`}), { lr: ${lr} });`,
    "const step = compile((x, t) => {",
    "  const { value, grads } = gradients(x, t);",
    "  optimizer.update(grads);",
    "  return value;",
    "});",
    "",
    "const losses = [];",
    `for (let epoch = 0; epoch < ${epochs}; epoch++)`,
    `  for (const { inputs, targets } of batches(examples, { batchSize: ${batch}, shuffle: true, seed: ${seed}, epoch }))`,
    "    losses.push((await step(fromHost(inputs), fromHost(targets))).item());",
    'console.log("steps", losses.length, "loss", losses.at(-1));',
  );
}
