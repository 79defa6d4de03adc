import {
  allocate,
  byteSize,
  type DType,
  dtypeOf,
  intact,
  invariant,
  type Storage,
  type TypedArray,
  viewOf,
} from "../base/index.ts";
import { outOfMemory } from "./failure.ts";
import type { Slot } from "./program.ts";
import type { WasmExports } from "./wasm-module.ts";

/**
 * The cost of a block in addition to its bytes: some 0.5 KB of bookkeeping, and time to search it.
 */
const overhead = 4096;
/** The limit of 32-bit addresses. */
const addressable = 2 ** 32;
/**
 * The initial budget for buffers, beyond which some are moved out; it grows when it proves too
 * small.
 */
const firstBudget = 64 * 2 ** 20;

/**
 * One buffer. Its values lie in the module's memory (`address`), in a JavaScript array (`host`), or
 * nowhere while they are all zero.
 */
class Block {
  readonly dtype: DType;
  /** Elements. */
  readonly size: number;
  address = 0;
  host: TypedArray | null;
  /** The number of runs that read it from `host`. */
  uses = 0;
  /** The last run that used it. */
  run = 0;
  /** Whether it was moved out to make room. */
  evicted = false;

  constructor(dtype: DType, size: number, host: TypedArray | null) {
    this.dtype = dtype;
    this.size = size;
    this.host = host;
  }

  get bytes(): number {
    return this.size * byteSize(this.dtype);
  }
}

/** A buffer as the rest of the library holds it. */
export class WasmStorage implements Storage {
  readonly memory: WasmMemory;
  readonly block: Block;

  constructor(memory: WasmMemory, block: Block) {
    this.memory = memory;
    this.block = block;
  }

  get dtype(): DType {
    return this.block.dtype;
  }
  get size(): number {
    return this.block.size;
  }

  /** A view that is valid until the engine is used again. */
  read(): TypedArray {
    const { block } = this;
    if (block.address) return this.memory.view(block);
    block.host ??= allocate(block.dtype, block.size);
    return intact(block.host, block.size);
  }
}

/**
 * The module's memory as a cache of JavaScript's. JavaScript's collector does not see the size of a
 * buffer there, and reports dead ones only when the event loop turns, so a loop that never waits
 * would fill the memory with dead buffers. The memory therefore has a budget: beyond it, the least
 * recently used buffers move out to arrays, where the collector handles them. A live one moves back
 * when it is next used, and raises the budget.
 */
export class WasmMemory {
  readonly #exports: WasmExports;
  readonly #resident = new Set<Block>();
  readonly #registry = new FinalizationRegistry<Block>((block) => this.#leave(block));
  #bytes: Uint8Array;
  #residentBytes = 0;
  #budget = firstBudget;
  #run = 0;
  /** Copies of arrays used for the first time; most of them (batches) are never used again. */
  #passing: Block[] = [];

  constructor(exports: WasmExports) {
    this.#exports = exports;
    this.#bytes = new Uint8Array(exports.memory.buffer);
  }

  /**
   * The entire memory. Growing it creates a new buffer; views of the old one keep their old length,
   * or become empty if the memory is not shared.
   */
  get bytes(): Uint8Array {
    const { buffer } = this.#exports.memory;
    if (this.#bytes.buffer !== buffer) this.#bytes = new Uint8Array(buffer);
    return this.#bytes;
  }

  /** Bytes held by buffers. */
  get residentBytes(): number {
    return this.#residentBytes;
  }

  owns(storage: Storage): storage is WasmStorage {
    return storage instanceof WasmStorage && storage.memory === this;
  }

  /** The values of a block that has an address. */
  view({ dtype, address, size }: Block): TypedArray {
    return viewOf(dtype, this.bytes.buffer, address, size);
  }

  /** A new buffer of zeros. */
  allocate(dtype: DType, size: number): WasmStorage {
    return new WasmStorage(this, new Block(dtype, size, null));
  }

  /** A buffer of these values; keeps the array. */
  upload(array: TypedArray): WasmStorage {
    const dtype = dtypeOf(array);
    invariant(dtype !== undefined, `a ${array.constructor.name} cannot be uploaded`);
    return new WasmStorage(this, new Block(dtype, array.length, array));
  }

  /** The addresses of a run's buffers. Call `end` after the run. */
  begin(slots: readonly Slot[], buffers: readonly Storage[]): number[] {
    this.#run++;
    const storages = buffers.map((buffer, i) => {
      invariant(this.owns(buffer), () => `slot ${i} belongs to another engine`);
      buffer.block.run = this.#run;
      return buffer;
    });
    // Outputs come first, because the same buffer may be read as well.
    storages.forEach((storage, i) => {
      if (slots[i]!.role === "output") this.#relocate(storage);
    });
    for (const storage of storages) this.#lend(storage);
    return storages.map(({ block }) => block.address);
  }

  end(): void {
    for (const block of this.#passing) this.#release(block);
    this.#passing = [];
    if (this.#residentBytes > this.#budget) this.#evict((this.#budget * 3) / 4);
  }

  /** Memory that the caller gives back by `release`. @throws {ConfigError} when memory is out. */
  reserve(bytes: number): number {
    const attempt = () => (bytes < addressable ? this.#exports.allocate(bytes) >>> 0 : 0);
    let address = attempt();
    if (address === 0) {
      this.#evict(0);
      address = attempt();
    }
    if (address === 0)
      throw outOfMemory(
        "wasm",
        `${mebibytes(bytes)} are wanted, where ${mebibytes(this.bytes.length)} are in use ` +
          `(${mebibytes(this.#residentBytes)} by this run's tensors) and ${mebibytes(addressable)} can be addressed.`,
      );
    return address;
  }

  /** From now on the block lives in the module's memory. */
  #relocate(storage: WasmStorage): void {
    const { block } = storage;
    if (block.address) return;
    this.#copyIn(block);
    block.host = null;
    this.#registry.register(storage, block, block);
    this.#resident.add(block);
    this.#residentBytes += block.bytes + overhead;
    if (block.evicted) this.#budget += block.bytes + overhead;
    block.evicted = false;
  }

  /** Gives the block an address for one run, or permanently if it is used repeatedly. */
  #lend(storage: WasmStorage): void {
    const { block } = storage;
    if (block.address) return;
    if (block.uses++ > 0 || !block.host) this.#relocate(storage);
    else {
      this.#copyIn(block);
      this.#passing.push(block);
    }
  }

  #copyIn(block: Block): void {
    const { bytes } = block;
    const host = block.host && intact(block.host, block.size);
    const address = this.reserve(bytes);
    if (host) this.bytes.set(bytesOf(host), address);
    else this.bytes.fill(0, address, address + bytes);
    block.address = address;
  }

  #release(block: Block): void {
    this.#exports.release(block.address);
    block.address = 0;
  }

  /** Moves the block out of the module's memory. */
  #leave(block: Block): void {
    this.#release(block);
    this.#resident.delete(block);
    this.#residentBytes -= block.bytes + overhead;
  }

  /**
   * Moves out blocks that this run does not use, the least recently used first, until `target`
   * bytes are left.
   */
  #evict(target: number): void {
    const idle = [...this.#resident].filter((block) => block.run !== this.#run);
    idle.sort((a, b) => a.run - b.run);
    for (const block of idle) {
      if (this.#residentBytes <= target) return;
      block.host = this.view(block).slice();
      block.evicted = true;
      // The registry would keep the array of a dead block alive.
      this.#registry.unregister(block);
      this.#leave(block);
    }
  }
}

const bytesOf = (array: TypedArray): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
