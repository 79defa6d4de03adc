import type { FileHandle } from "node:fs/promises";

type Disk = typeof import("node:fs/promises");

/** Which of the calls that change the disk fails, counted from 1; 0 for none. */
export const plan = { fails: 0, calls: 0, code: "ENOSPC" };

function step(what: string): void {
  if (++plan.calls !== plan.fails) return;
  throw Object.assign(new Error(`${plan.code}: ${what}`), { code: plan.code });
}

/** node:fs/promises, every change of which may fail: half of a content is written before it does. */
export function failingDisk(disk: Disk): Disk {
  const wrapped: Partial<Disk> = {
    async open(path, flags, mode) {
      if (flags === undefined || flags === "r") return disk.open(path, flags, mode);
      step(`open ${path}`);
      return failingFile(await disk.open(path, flags, mode));
    },
    async writeFile(path, content, options) {
      try {
        step(`write ${path}`);
      } catch (thrown) {
        await disk.writeFile(path, halfOf(content), options);
        throw thrown;
      }
      return disk.writeFile(path, content, options);
    },
    async appendFile(path, content, options) {
      step(`append ${path}`);
      return disk.appendFile(path, content, options);
    },
    async rename(from, to) {
      step(`rename ${from}`);
      return disk.rename(from, to);
    },
    async link(from, to) {
      step(`link ${from}`);
      return disk.link(from, to);
    },
    mkdir: (async (path: string, options: object) => {
      step(`mkdir ${path}`);
      return disk.mkdir(path, options);
    }) as Disk["mkdir"],
  };
  return { ...disk, ...wrapped };
}

function failingFile(file: FileHandle): FileHandle {
  const { writeFile, sync, close } = file;
  file.writeFile = async (content) => {
    try {
      step("write");
    } catch (thrown) {
      await writeFile.call(file, halfOf(content));
      throw thrown;
    }
    return writeFile.call(file, content);
  };
  file.sync = async () => {
    step("fsync");
    return sync.call(file);
  };
  file.close = async () => {
    await close.call(file); // the handle is gone, whatever is told
    step("close");
  };
  return file;
}

const halfOf = (content: unknown): Uint8Array => {
  const bytes = typeof content === "string" ? Buffer.from(content) : (content as Uint8Array);
  return bytes.subarray(0, bytes.length >> 1);
};
