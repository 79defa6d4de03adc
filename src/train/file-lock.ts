import { DataError } from "../base/index.ts";

/** Who holds a lock, as its file says. */
interface Holder {
  readonly token: string;
  readonly host: string;
  readonly pid: number;
  /** When the process began, so that a later process with its number is told from it; "" where unknown. */
  readonly began: string;
  /** When the lock was taken. */
  readonly since: string;
}

/** Gives a lock back. */
export type Release = () => Promise<void>;

/**
 * Takes a lock: a file that names its holder by host, process id and start time. A lock whose
 * process has ended, by a kill or a loss of power, is stale and is taken over.
 *
 * The file appears with its content in one step, by a hard link, so a reader never meets half of one. A
 * stale lock is replaced by the one process that first made `<path>.<token>` for the token of that
 * lock, so two that find it at once do not both get it.
 *
 * @param what what is owned, as the error names it.
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
    } catch {} // somebody has removed it, or the folder
  };
  process.on("exit", release);
  return async () => {
    process.off("exit", release);
    release();
  };
}

/** Whether `path` was not there and now is, with the content of `temporary`. */
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

/** Whether a holder may still be at work; one on another host always may. */
async function isAlive(holder: Holder, self: Holder): Promise<boolean> {
  if (holder.host !== self.host) return true;
  try {
    process.kill(holder.pid, 0); // sends nothing
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "EPERM"; // it runs, as another user
  }
  const began = await startOf(holder.pid);
  return began === "" || holder.began === "" || began === holder.began;
}

/**
 * When a process began: the boot and the clock ticks since, from Linux's /proc; "" elsewhere, where
 * a process that got the number of one that ended is taken for it.
 */
async function startOf(pid: number): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
    // the second field, the command in brackets, may hold blanks; the start is the 22nd
    const [state = "", ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // killed, and not yet asked about by its parent: it writes nothing any more
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
