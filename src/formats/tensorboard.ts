/** TensorBoard's event files: TFRecord records, each a protocol buffer `Event`. */
import { crc32c } from "./crc.ts";

/** Named numbers of one step. A `/` in a name makes a group: `loss/train`. */
export interface ScalarEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  readonly scalars: Readonly<Record<string, number>>;
}

/** Field numbers of `Event` and of what it holds. @see tensorflow/core/util/event.proto, framework/summary.proto */
const event = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 } as const;
const summaryValue = 1;
const value = { tag: 1, simpleValue: 2 } as const;
/** Wire types of protocol buffers. */
const [varintType, doubleType, bytesType, floatType] = [0, 1, 2, 5] as const;

const utf8 = new TextEncoder();

/** The record that begins every event file. */
export const encodeEventHeader = (wallTime: number): Uint8Array =>
  record(
    concat(
      double(event.wallTime, wallTime),
      bytes(event.fileVersion, utf8.encode("brain.Event:2")),
    ),
  );

/**
 * One step's numbers as a record to append to an event file.
 *
 * @example
 * encodeScalars({ wallTime: 0, step: 3, scalars: { "loss/train": 0.5 } }).length; // 48
 */
export function encodeScalars({ wallTime, step, scalars }: ScalarEvent): Uint8Array {
  const values = Object.entries(scalars).map(([tag, x]) =>
    bytes(summaryValue, concat(bytes(value.tag, utf8.encode(tag)), float(value.simpleValue, x))),
  );
  return record(
    concat(
      double(event.wallTime, wallTime),
      key(event.step, varintType),
      varint(step),
      bytes(event.summary, concat(...values)),
    ),
  );
}

/**
 * Length, its checksum, the data, their checksum; all little-endian. @see
 * tensorflow/core/lib/io/record_writer.h
 */
function record(data: Uint8Array): Uint8Array {
  const framed = new Uint8Array(data.length + 16);
  const view = new DataView(framed.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(framed.subarray(0, 8)), true);
  framed.set(data, 12);
  view.setUint32(12 + data.length, masked(data), true);
  return framed;
}

/**
 * A masked checksum, rotated and offset, so that a checksum of data that contain checksums stays
 * reliable.
 */
function masked(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const key = (field: number, type: number): Uint8Array => varint((field << 3) | type);

/** Seven bits a byte, the lowest first; a set top bit says that more follow. */
function varint(x: number): Uint8Array {
  const out: number[] = [];
  let rest = x;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  return Uint8Array.from([...out, rest]);
}

const bytes = (field: number, data: Uint8Array): Uint8Array =>
  concat(key(field, bytesType), varint(data.length), data);

function double(field: number, x: number): Uint8Array {
  const data = new Uint8Array(8);
  new DataView(data.buffer).setFloat64(0, x, true);
  return concat(key(field, doubleType), data);
}

function float(field: number, x: number): Uint8Array {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setFloat32(0, x, true);
  return concat(key(field, floatType), data);
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
