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

/** What a block counts for beside its bytes: some 0.5 KB of tables, and time to look through them. */
const overhead = 4096;
/** All that 32-bit addresses reach. */
const addressable = 2 ** 32;
/** What buffers may hold before some are moved out; grows where that proves too little. */
const firstBudget = 64 * 2 ** 20;

/**
 * One buffer. Its values lie in the module's memory (`address`), or in an array of JavaScript
 * (`host`), or nowhere while they are all zero.
 */
class Block {
  readonly dtype: DType;
  /** Elements. */
  readonly size: number;
  address = 0;
  host: TypedArray | null;
  /** Runs that read it from `host`. */
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

  /** A view that is good until the engine is used again. */
  read(): TypedArray {
    const { block } = this;
    if (block.address) return this.memory.view(block);
    block.host ??= allocate(block.dtype, block.size);
    return intact(block.host, block.size);
  }
}

/**
 * The module's memory as a cache of JavaScript's. JavaScript's collector neither sees how much a
 * buffer holds there nor says what has died before the event loop turns; so a loop that never waits
 * would fill the memory with dead buffers. Instead the memory has a budget: beyond it, the buffers
 * that were not used for longest move out to arrays, where the collector deals with them as with any
 * other. A live one comes back when it is next used, and raises the budget.
 */
export class WasmMemory {
  readonly #exports: WasmExports;
  readonly #resident = new Set<Block>();
  readonly #registry = new FinalizationRegistry<Block>((block) => this.#leave(block));
  #bytes: Uint8Array;
  #residentBytes = 0;
  #budget = firstBudget;
  #run = 0;
  /** Copies of arrays that were used for the first time: most (batches) are never used again. */
  #passing: Block[] = [];

  constructor(exports: WasmExports) {
    this.#exports = exports;
    this.#bytes = new Uint8Array(exports.memory.buffer);
  }

  /**
   * The whole memory. Growth makes a new buffer; views of the old one end where it ended, or are empty
   * where no threads share it.
   */
  get bytes(): Uint8Array {
    const { buffer } = this.#exports.memory;
    if (this.#bytes.buffer !== buffer) this.#bytes = new Uint8Array(buffer);
    return this.#bytes;
  }

  /** Bytes that buffers hold. */
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
    // What is written comes first: the same buffer may be read, too.
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

  /** Memory that the caller gives back by `release`. @throws {ConfigError} when there is no room. */
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

  /** Makes the block live in the module's memory from now on. */
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

  /** Gives the block an address for one run, or for good when it is used again and again. */
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

  /** Takes the block out of the module's memory. */
  #leave(block: Block): void {
    this.#release(block);
    this.#resident.delete(block);
    this.#residentBytes -= block.bytes + overhead;
  }

  /** Moves out blocks that this run does not use, the longest unused first, until `target` bytes are left. */
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
