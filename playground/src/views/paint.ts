/** Colors of values and classes on canvases, for both themes. */
type Rgb = readonly [number, number, number];

/** Classes 0 to 4: told apart with deficient color vision, too (Okabe & Ito, adapted). */
export const classColors: readonly Rgb[] = [
  [232, 134, 46],
  [50, 115, 201],
  [38, 150, 105],
  [176, 82, 160],
  [196, 62, 62],
];

export const cssOf = (color: Rgb): string => `rgb(${color.join(" ")})`;

/** The color of the class of an example, or of its height between −1 and 1. */
export function colorOf(task: string, target: number): string {
  if (task !== "regression") return cssOf(classColors[target % classColors.length]!);
  return cssOf(
    mix(paper(), target < 0 ? classColors[0]! : classColors[1]!, Math.min(1, Math.abs(target))),
  );
}

/** The background that colors fade into. */
export const paper = (): Rgb =>
  getComputedStyle(document.documentElement).getPropertyValue("--canvas").trim() === "dark"
    ? [30, 33, 39]
    : [255, 255, 255];

const mix = (from: Rgb, to: Rgb, share: number): Rgb => [
  from[0] + (to[0] - from[0]) * share,
  from[1] + (to[1] - from[1]) * share,
  from[2] + (to[2] - from[2]) * share,
];

/** A picture of one unit's outputs: orange below 0, blue above, relative to the largest. */
export function signedImage(
  values: ArrayLike<number>,
  stride: number,
  at: number,
  side: number,
): ImageData {
  let largest = 1e-12;
  for (let i = 0; i < side * side; i++) {
    const size = Math.abs(values[i * stride + at]!);
    if (size > largest && size < Infinity) largest = size;
  }
  const back = paper();
  return imageOf(side, (i) => {
    const x = values[i * stride + at]! / largest;
    return mix(back, x < 0 ? classColors[0]! : classColors[1]!, Math.min(1, Math.abs(x) || 0));
  });
}

/** The net's answer over the plane. `sharp` shows decisions instead of probabilities. */
export function answerImage(
  task: string,
  values: Float32Array,
  side: number,
  sharp: boolean,
): ImageData {
  if (task === "regression" || task === "reconstruction")
    return signedImage(values, values.length / side ** 2, 0, side);
  const back = paper();
  const classes = values.length / side ** 2;
  if (classes === 1)
    return imageOf(side, (i) => {
      const p = sharp ? Number(values[i]! > 0.5) : values[i]!;
      const sure = Math.abs(2 * p - 1) || 0;
      return mix(back, classColors[p > 0.5 ? 1 : 0]!, 0.15 + 0.6 * sure);
    });
  return imageOf(side, (i) => {
    let best = 0;
    for (let k = 1; k < classes; k++)
      if (values[i * classes + k]! > values[i * classes + best]!) best = k;
    const p = sharp ? 1 : values[i * classes + best]!;
    return mix(
      back,
      classColors[best]!,
      0.75 * Math.max(0.15, (p - 1 / classes) / (1 - 1 / classes)) || 0,
    );
  });
}

function imageOf(side: number, color: (i: number) => Rgb): ImageData {
  const image = new ImageData(side, side);
  for (let i = 0; i < side * side; i++) {
    const [r, g, b] = color(i);
    image.data.set([r, g, b, 255], 4 * i);
  }
  return image;
}

let scratch: HTMLCanvasElement | undefined;

/** Draws an image over all of a canvas, smoothly enlarged. */
export function drawImage(canvas: HTMLCanvasElement, image: ImageData): CanvasRenderingContext2D {
  const context = canvas.getContext("2d")!;
  if (canvas.width === image.width) context.putImageData(image, 0, 0);
  else {
    scratch ??= document.createElement("canvas");
    [scratch.width, scratch.height] = [image.width, image.height];
    scratch.getContext("2d")!.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = true;
    context.drawImage(scratch, 0, 0, canvas.width, canvas.height);
  }
  return context;
}
