/** C = A B for square matrices, against the BLAS of numpy and the measured peak of the machine. */
const sizes = [128, 256, 512, 1024, 2048];

export default /** @satisfies {import("../lib/task.mjs").Workload} */ ({
  title: "Matrix product, 128 … 2048, float32 and float64",
  peers: ["numpy"],
  target: 0.95,
  tasks: /** @type {const} */ (["float32", "float64"]).flatMap((dtype) =>
    sizes.map((size) => ({
      workload: "W8",
      name: `${size} ${dtype}`,
      kind: /** @type {const} */ ("gemm"),
      size,
      dtype,
    })),
  ),
});
