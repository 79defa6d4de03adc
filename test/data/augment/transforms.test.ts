import {
  augment,
  batches,
  colorJitter,
  cutout,
  fitColorPca,
  horizontalFlip,
  makeSplit,
  mixup,
  noise,
  pcaColor,
  randomCrop,
  rotate,
  scale,
  shift,
  type Transform,
} from "gradus/data";
import { expect, test } from "vitest";
import { hostArray } from "../../../src/base/index.ts";

/** What transforms make of N copies of one image. */
async function change(
  transforms: Transform[],
  shape: [number, number, number],
  image: number[],
  count = 1,
) {
  const values = Float32Array.from(
    { length: count * image.length },
    (_, i) => image[i % image.length]!,
  );
  const targets = hostArray(
    [count],
    Int32Array.from({ length: count }, (_, n) => n % 2),
  );
  const split = makeSplit(hostArray([count, ...shape], values), targets);
  const walk = batches(split, {
    batchSize: count,
    seed: 5,
    augment: augment(transforms, { workers: 0 }),
  });
  for await (const { inputs, targets } of walk) {
    const images = Array.from({ length: count }, (_, n) => [
      ...inputs.data.slice(n * image.length, (n + 1) * image.length),
    ]);
    return { images, targets };
  }
  throw new Error("no batch");
}
const one = async (transform: Transform, shape: [number, number, number], image: number[]) =>
  (await change([transform], shape, image)).images[0]!;
const distinct = (images: number[][]) => new Set(images.map(String));

const square = [1, 2, 3, 4, 5, 6, 7, 8, 9];

test("quarter turns are exact, counterclockwise, of every channel; four give the image back", async () => {
  const turned = [3, 6, 9, 2, 5, 8, 1, 4, 7];
  const by = (degrees: number) => rotate({ degrees: [degrees, degrees] });
  expect(await one(by(90), [1, 3, 3], square)).toEqual(turned);
  expect(await one(by(-270), [1, 3, 3], square)).toEqual(turned);
  expect(await one(by(180), [1, 3, 3], square)).toEqual([...square].reverse());
  expect(await one(by(90), [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])).toEqual([2, 4, 1, 3, 6, 8, 5, 7]);
  const four = [90, 90, 90, 90].map(by);
  expect((await change(four, [1, 3, 3], square)).images[0]).toEqual(square);
});

test("a turn by 45° reads between the pixels: the corners of a unit square, by hand", async () => {
  // the right neighbor of the middle reads at (√½, √½) below and right of it
  const [y] = (await change([rotate({ degrees: [45, 45] })], [1, 3, 3], square)).images;
  const s = Math.SQRT1_2;
  const expected = (1 - s) * ((1 - s) * 5 + s * 6) + s * ((1 - s) * 8 + s * 9);
  expect(y![5]).toBeCloseTo(expected, 5);
  expect(y![4]).toBe(5);
});

test("scale and shift: half pixels are means, what comes in is the fill", async () => {
  const twice = scale({ scale: [2, 2] });
  // output x reads at 1 + (x − 1) / 2
  expect(await one(twice, [1, 1, 3], [2, 4, 8])).toEqual([3, 4, 6]);
  const right = shift({ shift: [0.25, 0.25], fill: 7 });
  expect(await one(right, [1, 1, 4], [1, 2, 3, 4])).toEqual(
    [7, 1, 2, 3].map((x) => 0.75 * x + 0.25 * 7), // a quarter of a row of height 1 comes in from above
  );
  expect(await one(shift({ shift: [0, 0] }), [1, 3, 3], square)).toEqual(square);
  expect(await one(scale({ scale: [1, 1] }), [1, 3, 3], square)).toEqual(square);
});

test("a crop of the padded image is each of the (2p + 1)² shifts, about equally often", async () => {
  const { images } = await change(
    [randomCrop({ padding: 1, fill: 9 })],
    [1, 2, 2],
    [1, 2, 3, 4],
    1800,
  );
  const expected = new Set<string>();
  const padded = [
    [9, 9, 9, 9],
    [9, 1, 2, 9],
    [9, 3, 4, 9],
    [9, 9, 9, 9],
  ];
  for (let y = 0; y < 3; y++)
    for (let x = 0; x < 3; x++)
      expected.add(String([0, 1, 2, 3].map((i) => padded[y + (i >> 1)]![x + (i & 1)])));
  expect(distinct(images)).toEqual(expected);
  for (const crop of expected) {
    const times = images.filter((image) => String(image) === crop).length;
    expect(Math.abs(times - 200)).toBeLessThan(70); // five standard deviations of √(1800 · 8/81)
  }
  const far = await change([randomCrop({ padding: 5 })], [1, 2, 2], [1, 2, 3, 4], 200);
  expect(distinct(far.images)).toContain("0,0,0,0");
});

test("flip mirrors rows, about half of the time; with probability 0 and 1 never and always", async () => {
  const { images } = await change([horizontalFlip()], [1, 2, 2], [1, 2, 3, 4], 1000);
  expect(distinct(images)).toEqual(new Set(["1,2,3,4", "2,1,4,3"]));
  expect(Math.abs(images.filter((image) => image[0] === 1).length - 500)).toBeLessThan(80);
  for (const probability of [0, 1]) {
    const sure = await change([horizontalFlip({ probability })], [1, 1, 2], [1, 2], 50);
    expect(distinct(sure.images)).toEqual(new Set([probability ? "2,1" : "1,2"]));
  }
});

test("cutout fills one square, all channels alike, cut off at the border", async () => {
  const ones = new Array(2 * 5 * 5).fill(1);
  const { images } = await change([cutout({ size: 3, fill: 0 })], [2, 5, 5], ones, 500);
  const places = distinct(images);
  expect(places.size).toBe(25); // as many as there are middles
  for (const image of images) {
    expect(image.slice(0, 25)).toEqual(image.slice(25));
    const empty = [...image.slice(0, 25).keys()].filter((p) => image[p] === 0);
    const [rows, columns] = [empty.map((p) => Math.floor(p / 5)), empty.map((p) => p % 5)];
    const sides = [rows, columns].map((list) => Math.max(...list) - Math.min(...list) + 1);
    expect(empty).toHaveLength(sides[0]! * sides[1]!);
    for (const side of sides) expect([2, 3]).toContain(side);
  }
});

test("noise has mean 0 and the standard deviation asked for, to every value anew", async () => {
  const { images } = await change([noise({ std: 0.5 })], [1, 10, 10], new Array(100).fill(3), 200);
  const values = images.flat().map((x) => x - 3);
  const mean = values.reduce((a, b) => a + b) / values.length;
  const variance = values.reduce((a, b) => a + b * b, 0) / values.length;
  expect(Math.abs(mean)).toBeLessThan(0.02); // 0.5 / √20000 · 5
  expect(Math.abs(variance - 0.25)).toBeLessThan(0.0125); // 0.25 · √(2/20000) · 5
  expect(new Set(values).size).toBeGreaterThan(19_000);
});

test("brightness, contrast and saturation, by hand", async () => {
  const near = (a: number[], b: number[]) =>
    a.forEach((x, i) => {
      expect(x).toBeCloseTo(b[i]!, 5);
    });
  const up = [0.5, 0.5] as const;
  expect(await one(colorJitter({ brightness: up }), [1, 1, 2], [0.25, 1])).toEqual([0.375, 1.5]);
  expect(await one(colorJitter({ contrast: up }), [1, 1, 2], [0, 1])).toEqual([-0.25, 1.25]);
  expect(await one(colorJitter({ saturation: up }), [1, 1, 2], [0, 1])).toEqual([0, 1]);
  const gray = 0.299;
  near(await one(colorJitter({ saturation: [-1, -1] }), [3, 1, 1], [1, 0, 0]), [gray, gray, gray]);
  near(await one(colorJitter({ saturation: up }), [3, 1, 1], [1, 0, 0]), [
    1.5 - gray / 2,
    -gray / 2,
    -gray / 2,
  ]);
});

test("principal axes of color: those of a known covariance; numbers from numpy.linalg.eigh", () => {
  // colors ±√3 e₁, ±√(3/2) e₂, 0, 0: covariance diag(1, ½, 0) in another base of orthonormal e
  const s = Math.SQRT1_2;
  const axes = [
    [s, s, 0],
    [s, -s, 0],
    [0, 0, 1],
  ];
  const colors = [1, -1].flatMap((sign) => [
    axes[0]!.map((x) => sign * Math.sqrt(3) * x),
    axes[1]!.map((x) => sign * Math.sqrt(1.5) * x),
    [0, 0, 0],
  ]);
  const planes = [0, 1, 2].flatMap((c) => colors.map((color) => 10 + color[c]!));
  const { values, vectors } = fitColorPca(hostArray([1, 3, 2, 3], Float64Array.from(planes)));
  expect(values[0]).toBeCloseTo(1, 12);
  expect(values[1]).toBeCloseTo(0.5, 12);
  expect(values[2]).toBeCloseTo(0, 12);
  vectors.flat().forEach((x, i) => {
    expect(x).toBeCloseTo(axes.flat()[i]!, 12);
  });
  // numpy 2.4: np.linalg.eigh(np.cov(np.array([[1,2,4,8],[1,3,2,5],[9,1,1,0]]), bias=True))
  const three = fitColorPca(
    hostArray([1, 3, 2, 2], Float64Array.of(1, 2, 4, 8, 1, 3, 2, 5, 9, 1, 1, 0)),
  );
  const known = [19.05626720271978, 3.138892775654985, 0.3673400216252431];
  three.values.forEach((value, i) => {
    expect(value).toBeCloseTo(known[i]!, 9);
  });
});

test("the color shift moves a whole image along the axes, with variance std² λ", async () => {
  const pca = {
    values: [4, 1, 0],
    vectors: [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ],
  };
  const { images } = await change(
    [pcaColor({ pca, std: 0.1 })],
    [3, 1, 2],
    new Array(6).fill(1),
    4000,
  );
  const moved = images.map((image) => image.map((x) => x - 1));
  const variance = (c: number) => moved.reduce((sum, image) => sum + image[2 * c]! ** 2, 0) / 4000;
  for (const [r, r2, g, g2, b, b2] of moved) expect([r2, g2, b, b2]).toEqual([r, g, 0, 0]);
  expect(Math.abs(variance(0) / 0.04 - 1)).toBeLessThan(0.12); // 5 · √(2/4000)
  expect(Math.abs(variance(1) / 0.01 - 1)).toBeLessThan(0.12);
});

test("mixup blends pairs and their targets by one λ; every example is used twice", async () => {
  const split = makeSplit(
    hostArray([4, 1], Float32Array.of(0, 1, 2, 3)),
    hostArray([4], Int32Array.of(0, 1, 2, 3)),
  );
  let lambdas = 0;
  for (let epoch = 0; epoch < 20; epoch++) {
    const mixed = augment([mixup({ alpha: 1, classes: 4 })], { workers: 0 });
    for await (const { inputs, targets } of batches(split, {
      batchSize: 4,
      epoch,
      augment: mixed,
    })) {
      expect([targets.dtype, targets.shape]).toEqual(["float32", [4, 4]]);
      for (let n = 0; n < 4; n++) {
        const row = [...targets.data.slice(4 * n, 4 * n + 4)];
        expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
        // the input is the same blend of 0, 1, 2, 3 as the target is of its classes
        expect(inputs.data[n]).toBeCloseTo(row[1]! + 2 * row[2]! + 3 * row[3]!, 5);
      }
      for (let k = 0; k < 4; k++)
        expect([0, 1, 2, 3].reduce((sum, n) => sum + targets.data[4 * n + k]!, 0)).toBeCloseTo(
          1,
          6,
        );
      lambdas += targets.data[0]!;
    }
  }
  expect(lambdas).toBeGreaterThan(2); // not always 0 …
  expect(lambdas).toBeLessThan(18.5); // … and not always 1
});

for (const alpha of [0.2, 1, 3])
  test(`mixup draws λ ~ Beta(${alpha}, ${alpha}): mean ½, variance 1 / (8α + 4)`, async () => {
    const pair = makeSplit(
      hostArray([2, 1], new Float32Array(2)),
      hostArray([2], Int32Array.of(0, 1)),
    );
    const mixed = augment([mixup({ alpha, classes: 2 })], { workers: 0 });
    const distances: number[] = [];
    for (let epoch = 0; epoch < 4000; epoch++)
      for await (const { targets } of batches(pair, { batchSize: 2, epoch, augment: mixed })) {
        const first = targets.data[0]!; // λ with a partner, else 1
        if (first < 1) distances.push(first - 0.5);
      }
    const count = distances.length;
    expect(count).toBeGreaterThan(alpha < 1 ? 1700 : 1850); // half of the pairs swap
    const mean = distances.reduce((a, b) => a + b) / count;
    const variance = distances.reduce((a, b) => a + b * b, 0) / count;
    const expected = 1 / (8 * alpha + 4);
    expect(Math.abs(mean)).toBeLessThan(5 * Math.sqrt(expected / count));
    expect(Math.abs(variance / expected - 1)).toBeLessThan(0.15);
  });
