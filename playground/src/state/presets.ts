/** Nets of the courses, as addresses. */
export interface Preset {
  readonly name: string;
  readonly about: string;
  readonly hash: string;
}

export const presets: readonly Preset[] = [
  {
    name: "XOR, one neuron",
    about: "No line separates XOR: one neuron stays at two or three of four.",
    hash: "#v=1&data=xor&noise=0&size=4&rule=sgd&lr=0.5&batch=4&net=none",
  },
  {
    name: "XOR, a hidden layer",
    about: "Four hidden units are enough.",
    hash: "#v=1&data=xor&noise=0&size=4&lr=0.05&batch=4&net=4.tanh",
  },
  {
    name: "Perceptron",
    about: "Learns from mistakes alone; on separable data their number is bounded.",
    hash: "#v=1&data=blobs&noise=0.1&seed=3&loss=perceptron&rule=sgd&lr=0.1&batch=1&size=200&net=none",
  },
  {
    name: "Two moons",
    about: "Two layers of 16, as in every tutorial.",
    hash: "#v=1&net=16.tanh,16.tanh",
  },
  {
    name: "Spiral",
    about: "The hardest of the toy sets.",
    hash: "#v=1&data=spiral&noise=0.05&size=600&lr=0.01&net=16.tanh,16.tanh",
  },
  {
    name: "Spiral with ReLU",
    about: "The same net of straight pieces.",
    hash: "#v=1&data=spiral&noise=0.05&size=600&lr=0.01&init=heUniform&net=16.relu,16.relu",
  },
  {
    name: "Five blobs",
    about: "Softmax over five classes, without any hidden layer.",
    hash: "#v=1&data=blobs&classes=5&noise=0.1&seed=4&net=none",
  },
  {
    name: "Waves",
    about: "Regression: a surface of hills and valleys.",
    hash: "#v=1&data=waves&noise=0.05&size=800&loss=squares&lr=0.01&net=16.tanh,16.tanh",
  },
];
