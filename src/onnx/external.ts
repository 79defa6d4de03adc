/** Arrays that lie in files beside the net's. */
import { FormatError } from "../base/index.ts";
import { unreadable } from "../formats/files.ts";
import {
  type GraphProto,
  type ModelProto,
  type TensorProto,
  TensorProto_DataLocation,
} from "./proto/onnx_pb.ts";

/** Every tensor of a net, those in attributes and inner graphs included. */
function* tensorsOf(graph: GraphProto | undefined, level = 0): Generator<TensorProto> {
  if (!graph || level > 64) return;
  yield* graph.initializer;
  for (const { attribute } of graph.node)
    for (const { t, tensors, g, graphs } of attribute) {
      if (t) yield t;
      yield* tensors;
      for (const inner of g ? [g, ...graphs] : graphs) yield* tensorsOf(inner, level + 1);
    }
}

/**
 * Reads what lies in other files into the tensors. Each is read from its own offset, so files may be
 * larger than what can be read at once.
 *
 * @param folder where the net lies; null if it came as bytes.
 * @throws {FormatError} for a file outside the folder, and bytes that it does not have.
 */
export async function readExternal(model: ModelProto, folder: string | null): Promise<void> {
  for (const tensor of tensorsOf(model.graph)) {
    if (tensor.dataLocation !== TensorProto_DataLocation.EXTERNAL) continue;
    const notes = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
    const subject = `the tensor "${tensor.name}"`;
    if (folder === null)
      throw new FormatError({
        subject,
        problem: `lies in the file "${notes.get("location")}", and the net was given as bytes.`,
        fix: "give the path of the net, in whose folder that file is looked for.",
      });
    tensor.rawData = await readPart(
      await inside(folder, notes.get("location") ?? "", subject),
      notes,
      subject,
    );
  }
}

/** The path of a file in the folder, links followed. */
async function inside(folder: string, location: string, subject: string): Promise<string> {
  const { isAbsolute, join, relative, sep } = await import("node:path");
  const { realpath } = await import("node:fs/promises");
  const leaves = (path: string) => path === ".." || path.startsWith(`..${sep}`) || isAbsolute(path);
  const refuse = () =>
    new FormatError({
      subject,
      problem: `lies in "${location}", outside the net's folder.`,
      fix: "external data are read from the folder of the net alone; put them beside it.",
    });
  if (location === "" || location.includes("\0") || leaves(join(location))) throw refuse();
  const path = join(folder, location);
  try {
    const [root, real] = await Promise.all([realpath(folder), realpath(path)]);
    if (leaves(relative(root, real))) throw refuse();
    return real;
  } catch (thrown) {
    throw thrown instanceof FormatError ? thrown : unreadable(path, thrown);
  }
}

async function readPart(
  path: string,
  notes: ReadonlyMap<string, string>,
  subject: string,
): Promise<Uint8Array> {
  const { open } = await import("node:fs/promises");
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const offset = Number(notes.get("offset") ?? 0);
    const length = Number(notes.get("length") ?? size - offset);
    if (
      !(
        Number.isSafeInteger(offset) &&
        Number.isSafeInteger(length) &&
        offset >= 0 &&
        length >= 0 &&
        offset + length <= size
      )
    )
      throw new FormatError({
        subject,
        problem: `takes ${length} bytes from ${offset} on of "${path}", which has ${size}.`,
        fix: "the file is damaged, or belongs to another net.",
      });
    const bytes = new Uint8Array(length);
    let at = 0;
    while (at < length) {
      const { bytesRead } = await file.read(bytes, at, Math.min(length - at, 2 ** 30), offset + at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}
