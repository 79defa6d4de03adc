import type { HostArray } from "../../base/index.ts";
import { writeFileAtomic, writeSafetensors } from "../../formats/index.ts";

/**
 * Tensors in their order, in files of at most `most` bytes of values unless one alone has more, and
 * the index of Hugging Face beside them.
 */
export async function writeShards(
  path: string,
  tensors: ReadonlyMap<string, HostArray>,
  metadata: Readonly<Record<string, string>>,
  most: number,
): Promise<void> {
  const { basename } = await import("node:path");
  const shards: Map<string, HostArray>[] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const [name, array] of tensors) {
    size += array.data.byteLength;
    if (size > most) {
      shards.push(new Map());
      size = array.data.byteLength;
    }
    shards.at(-1)!.set(name, array);
  }
  const stem = path.replace(/\.safetensors$/, "");
  const digits = (n: number) => String(n).padStart(5, "0");
  const map: [string, string][] = [];
  for (const [i, shard] of shards.entries()) {
    const file = `${stem}-${digits(i + 1)}-of-${digits(shards.length)}.safetensors`;
    await writeSafetensors(file, shard, metadata);
    for (const name of shard.keys()) map.push([name, basename(file)]);
  }
  const bytes = [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  const index = { metadata: { total_size: bytes }, weight_map: Object.fromEntries(map) };
  await writeFileAtomic(`${stem}.safetensors.index.json`, `${JSON.stringify(index, null, 2)}\n`);
}
