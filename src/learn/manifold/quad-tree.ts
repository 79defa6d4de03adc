/** Sums over all pairs of points in the plane by a Barnes-Hut quadtree. */

/**
 * The most points in a leaf, unless they coincide: one walk through the tree serves all of them.
 */
const bucket = 8;
/** Coordinates are quantized to 2¹⁶ steps, so that both fit in one 32-bit Morton code. */
const levels = 16;

/**
 * A quadtree of points in the plane. Nodes are in preorder, so that a node is skipped by going to
 * `next`, and exist only where points separate.
 *
 * @see Barnes & Hut 1986, "A hierarchical O(N log N) force-calculation algorithm"; Barnes 1990 for
 * walks that serve several points
 */
export class QuadTree {
  /** Points in Morton order: their indices and positions. */
  readonly #order: Int32Array;
  readonly #codes: Uint32Array;
  readonly #x: Float64Array;
  readonly #y: Float64Array;
  readonly #spare: { order: Int32Array; codes: Uint32Array };
  #nodes = 0;
  /**
   * Of each node: its points first … last, the node after its subtree (0: a leaf), the mean of its
   * points, its width².
   */
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  readonly #next: Int32Array;
  readonly #meanX: Float64Array;
  readonly #meanY: Float64Array;
  readonly #square: Float64Array;
  readonly #isLeaf: Uint8Array;
  /** The sources acting on the points of a leaf: positions and masses. */
  readonly #near: { x: Float64Array; y: Float64Array; mass: Float64Array };

  readonly #dimensions: number;

  /** @param dimensions of points, 2 or 1; those of a line have height 0. */
  constructor(points: number, dimensions: number) {
    this.#dimensions = dimensions;
    this.#order = new Int32Array(points);
    this.#codes = new Uint32Array(points);
    this.#spare = { order: new Int32Array(points), codes: new Uint32Array(points) };
    [this.#x, this.#y] = [new Float64Array(points), new Float64Array(points)];
    // a node has at least two children
    const most = 2 * points;
    [this.#first, this.#last, this.#next] = [0, 0, 0].map(() => new Int32Array(most)) as [
      Int32Array,
      Int32Array,
      Int32Array,
    ];
    this.#meanX = new Float64Array(most);
    this.#meanY = new Float64Array(most);
    this.#square = new Float64Array(most);
    this.#isLeaf = new Uint8Array(most);
    this.#near = {
      x: new Float64Array(most),
      y: new Float64Array(most),
      mass: new Float64Array(most),
    };
  }

  /** Sorts points `[N, dimensions]` into a new tree. */
  build(points: Float64Array): void {
    const span = this.#encode(points);
    sortByCode(this.#codes, this.#order, this.#spare);
    for (let at = 0; at < this.#order.length; at++) {
      const i = this.#dimensions * this.#order[at]!;
      this.#x[at] = points[i]!;
      this.#y[at] = this.#dimensions === 2 ? points[i + 1]! : 0;
    }
    this.#nodes = 0;
    this.#grow(0, this.#order.length, levels, span);
  }

  /** Writes the Morton codes, and returns the width of the square that contains all points. */
  #encode(points: Float64Array): number {
    const stride = this.#dimensions;
    const [left, right] = rangeOf(points, 0, points.length, stride);
    const [low, high] = stride === 2 ? rangeOf(points, 1, points.length, 2) : [0, 0];
    const span = Math.max(right - left, high - low);
    const steps = span > 0 ? (2 ** levels - 1) / span : 0;
    for (let i = 0; i < this.#order.length; i++) {
      const y = stride === 2 ? points[2 * i + 1]! : 0;
      const column = spread((points[stride * i]! - left) * steps);
      this.#codes[i] = column | (spread((y - low) * steps) << 1);
      this.#order[i] = i;
    }
    return span;
  }

  /** Appends the subtree of the points first … last, whose codes agree above `level`. */
  #grow(first: number, last: number, level: number, width: number): void {
    const codes = this.#codes;
    const different = (codes[first]! ^ codes[last - 1]!) >>> 0;
    while (level > 0 && different >>> (2 * (level - 1)) === 0) {
      level--;
      width /= 2;
    }
    const node = this.#nodes++;
    this.#first[node] = first;
    this.#last[node] = last;
    this.#square[node] = width * width;
    let [x, y] = [0, 0];
    for (let at = first; at < last; at++) {
      x += this.#x[at]!;
      y += this.#y[at]!;
    }
    this.#meanX[node] = x / (last - first);
    this.#meanY[node] = y / (last - first);
    const isLeaf = last - first <= bucket || level === 0;
    this.#isLeaf[node] = Number(isLeaf);
    if (!isLeaf) {
      const shift = 2 * (level - 1);
      for (let from = first; from < last; ) {
        const quadrant = codes[from]! >>> shift;
        let to = from + 1;
        while (to < last && codes[to]! >>> shift === quadrant) to++;
        this.#grow(from, to, level - 1, width / 2);
        from = to;
      }
    }
    this.#next[node] = this.#nodes;
  }

  /**
   * Adds the repulsion of each point to `forces`, and returns the normalizer of all pairs,
   *
   *   fᵢ = Σⱼ (yᵢ − yⱼ) / (1 + ‖yᵢ − yⱼ‖²)²,   Z = Σ_{i≠j} 1 / (1 + ‖yᵢ − yⱼ‖²)
   *
   * A node that is narrower than θ times its distance to the points of a leaf acts as one point.
   */
  repel(theta: number, forces: Float64Array): number {
    let z = 0;
    for (let node = 0; node < this.#nodes; node++)
      if (this.#isLeaf[node]) {
        const count = this.#gather(node, theta * theta);
        z += this.#act(this.#first[node]!, this.#last[node]!, count, forces);
      }
    return z - this.#order.length; // without each point's own 1
  }

  /** Collects the sources acting on a leaf: single points nearby, whole nodes farther off. */
  #gather(leaf: number, thetaSquared: number): number {
    const { x, y, mass } = this.#near;
    const [left, right] = rangeOf(this.#x, this.#first[leaf]!, this.#last[leaf]!);
    const [low, high] = rangeOf(this.#y, this.#first[leaf]!, this.#last[leaf]!);
    let count = 0;
    for (let node = 0; node < this.#nodes; ) {
      const [cx, cy] = [this.#meanX[node]!, this.#meanY[node]!];
      const dx = cx < left ? left - cx : cx > right ? cx - right : 0;
      const dy = cy < low ? low - cy : cy > high ? cy - high : 0;
      if (this.#square[node]! < thetaSquared * (dx * dx + dy * dy)) {
        x[count] = cx;
        y[count] = cy;
        mass[count++] = this.#last[node]! - this.#first[node]!;
        node = this.#next[node]!;
        continue;
      }
      if (this.#isLeaf[node])
        for (let at = this.#first[node]!; at < this.#last[node]!; at++) {
          x[count] = this.#x[at]!;
          y[count] = this.#y[at]!;
          mass[count++] = 1;
        }
      node++;
    }
    return count;
  }

  #act(first: number, last: number, count: number, forces: Float64Array): number {
    const { x, y, mass } = this.#near;
    let z = 0;
    for (let at = first; at < last; at++) {
      const [px, py] = [this.#x[at]!, this.#y[at]!];
      let [fx, fy] = [0, 0];
      for (let n = 0; n < count; n++) {
        const dx = px - x[n]!;
        const dy = py - y[n]!;
        const q = 1 / (1 + dx * dx + dy * dy);
        const share = mass[n]! * q;
        z += share;
        fx += share * q * dx;
        fy += share * q * dy;
      }
      const i = this.#dimensions * this.#order[at]!;
      forces[i]! += fx;
      if (this.#dimensions === 2) forces[i + 1]! += fy;
    }
    return z;
  }
}

function rangeOf(values: Float64Array, first: number, last: number, stride = 1): [number, number] {
  let [least, most] = [values[first]!, values[first]!];
  for (let at = first + stride; at < last; at += stride) {
    least = Math.min(least, values[at]!);
    most = Math.max(most, values[at]!);
  }
  return [least, most];
}

/** The lower 16 bits of a number, interleaved with zeros. */
function spread(step: number): number {
  let bits = step & 0xffff;
  bits = (bits | (bits << 8)) & 0x00ff00ff;
  bits = (bits | (bits << 4)) & 0x0f0f0f0f;
  bits = (bits | (bits << 2)) & 0x33333333;
  return (bits | (bits << 1)) & 0x55555555;
}

/** Sorts codes ascending and the order with them, by 8 bits at a time; equal codes keep their order. */
function sortByCode(
  codes: Uint32Array,
  order: Int32Array,
  spare: { order: Int32Array; codes: Uint32Array },
): void {
  let from = { codes, order };
  let to = spare;
  const counts = new Int32Array(257);
  for (let shift = 0; shift < 32; shift += 8) {
    counts.fill(0);
    for (let at = 0; at < codes.length; at++) counts[((from.codes[at]! >>> shift) & 255) + 1]!++;
    for (let digit = 0; digit < 256; digit++) counts[digit + 1]! += counts[digit]!;
    for (let at = 0; at < codes.length; at++) {
      const place = counts[(from.codes[at]! >>> shift) & 255]!++;
      to.codes[place] = from.codes[at]!;
      to.order[place] = from.order[at]!;
    }
    [from, to] = [to, from];
  }
}
