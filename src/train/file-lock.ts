import { DataError } from "../base/index.ts";

/** The holder of a lock, as recorded in its file. */
interface Holder {
  readonly token: string;
  readonly host: string;
  readonly pid: number;
  /**
   * When the process started, to distinguish it from a later process with the same id; "" if
   * unknown.
   */
  readonly began: string;
  /** When the lock was taken. */
  readonly since: string;
}

/** Releases a lock. */
export type Release = () => Promise<void>;

/**
 * Takes a lock: a file that names its holder by host, process id and start time. The lock of a
 * process that has ended, by a kill or a power loss, is stale and is taken over.
 *
 * The file appears atomically with its content, by a hard link, so a reader never sees a partial
 * one. A stale lock is replaced by the process that first creates `<path>.<token>` for the token of
 * that lock, so two processes that find it at once do not both get it.
 *
 * @param what the name of the locked resource in errors.
 * @throws {DataError} if another process holds the lock, or the file cannot be written.
 */
export async function acquireLock(path: string, what: string): Promise<Release> {
  const self = await holderHere();
  const temporary = `${path}.${self.token}.tmp`;
  const { rename, rm, writeFile } = await import("node:fs/promises");
  await writeFile(temporary, JSON.stringify(self), { flag: "wx" }).catch(async (thrown) => {
    await rm(temporary, { force: true }).catch(() => {}); // a full disk leaves an empty file
    throw unwritable(path, thrown);
  });
  try {
    for (;;) {
      if (await isMade(temporary, path)) break;
      const holder = await readHolder(path);
      if (holder === "gone") continue;
      if (holder === "unreadable" || (await isAlive(holder, self)))
        throw inUse(what, path, holder === "unreadable" ? undefined : holder, self);
      const turn = `${path}.${holder.token}`;
      if (!(await isMade(temporary, turn))) throw inUse(what, path, undefined, self);
      try {
        const now = await readHolder(path);
        if (typeof now !== "object" || now.token !== holder.token) continue;
        await rename(temporary, path);
        break;
      } finally {
        await rm(turn, { force: true });
      }
    }
  } finally {
    await rm(temporary, { force: true });
  }
  return releaseOf(path, self);
}

/** Removes the file once, at the latest when the process exits. */
async function releaseOf(path: string, self: Holder): Promise<Release> {
  const fs = await import("node:fs");
  let held = true;
  const release = () => {
    if (!held) return;
    held = false;
    try {
      if ((JSON.parse(fs.readFileSync(path, "utf8")) as Holder).token === self.token)
        fs.rmSync(path);
    } catch {} // somebody else has removed it, or the folder
  };
  process.on("exit", release);
  return async () => {
    process.off("exit", release);
    release();
  };
}

/** Creates `path` with the content of `temporary`; false if it exists already. */
async function isMade(temporary: string, path: string): Promise<boolean> {
  const { constants, copyFile, link } = await import("node:fs/promises");
  const failed = (thrown: NodeJS.ErrnoException): false => {
    if (thrown.code === "EEXIST") return false;
    throw unwritable(path, thrown);
  };
  const made = () => true;
  return link(temporary, path).then(made, (thrown: NodeJS.ErrnoException) => {
    if (thrown.code === "EEXIST") return false;
    // a file system without hard links, such as exFAT
    return copyFile(temporary, path, constants.COPYFILE_EXCL).then(made, failed);
  });
}

async function readHolder(path: string): Promise<Holder | "gone" | "unreadable"> {
  const { readFile } = await import("node:fs/promises");
  try {
    const holder = JSON.parse(await readFile(path, "utf8")) as Holder;
    return Number.isSafeInteger(holder?.pid) && typeof holder.token === "string"
      ? holder
      : "unreadable";
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "ENOENT" ? "gone" : "unreadable";
  }
}

async function holderHere(): Promise<Holder> {
  const { hostname } = await import("node:os");
  const { pid } = process;
  return {
    ...{ token: crypto.randomUUID(), host: hostname(), pid },
    ...{ began: await startOf(pid), since: new Date().toISOString() },
  };
}

/** Whether a holder may still be running; on another host it always may. */
async function isAlive(holder: Holder, self: Holder): Promise<boolean> {
  if (holder.host !== self.host) return true;
  try {
    process.kill(holder.pid, 0); // signal 0 only checks existence
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "EPERM"; // it runs, as another user
  }
  const began = await startOf(holder.pid);
  return began === "" || holder.began === "" || began === holder.began;
}

/**
 * When a process started: boot id and clock ticks since boot, from Linux's /proc; "" elsewhere,
 * where a new process with a reused id counts as the old one.
 */
async function startOf(pid: number): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
    // the second field, the command in parentheses, may contain spaces; the start time is field 22
    const [state = "", ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // a zombie: killed, but not yet reaped by its parent; it writes nothing any more
    return "ZX".includes(state) ? "ended" : `${boot.trim()} ${fields[18]}`;
  } catch {
    return "";
  }
}

function inUse(what: string, path: string, holder: Holder | undefined, self: Holder): DataError {
  const there = holder && holder.host !== self.host;
  const process =
    holder && (holder.pid === self.pid && !there ? "this process" : `process ${holder.pid}`);
  return new DataError({
    subject: what,
    problem: holder
      ? `${process}${there ? ` on ${holder.host}` : ""} has been writing there since ${holder.since}.`
      : "another process is writing there.",
    fix: `wait for it or stop it, or use another name; if it is gone, remove ${path}.`,
  });
}

const unwritable = (path: string, thrown: unknown): DataError =>
  new DataError({
    subject: path,
    problem: `the lock cannot be written (${thrown instanceof Error ? thrown.message : thrown}).`,
    fix: "choose a place where you may write.",
  });
