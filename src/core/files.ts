import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import {
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ioError, PrefkitError } from "./errors.ts";

/** A file being written. Nothing is durable before `close`. */
export interface FileWriter {
  write(bytes: Uint8Array | string): Promise<void>;
  /** Flushes to the disk (fsync) and closes. */
  close(): Promise<void>;
  /** Closes without promising anything; the caller removes the file. */
  abort(): Promise<void>;
}

/** A file being read at will. */
export interface FileReader {
  readonly bytes: number;
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/**
 * The port to the disk. Everything that prefkit writes goes through it, so that tests can make each call fail once.
 * Errors are `io` with the path and what to do.
 */
export interface Files {
  create(path: string): Promise<FileWriter>;
  open(path: string): Promise<FileReader>;
  readAll(path: string): Promise<Uint8Array>;
  /** Appends one durable line (fsync); the file is created when absent. */
  appendLine(path: string, line: string): Promise<void>;
  /** Creates a file with this text unless it exists; false when it does. */
  createExclusive(path: string, text: string): Promise<boolean>;
  /** Replaces the target atomically and makes the new name durable. */
  rename(from: string, to: string): Promise<void>;
  makeDirectory(path: string): Promise<void>;
  /** Names in a directory, sorted; null when it does not exist. */
  list(path: string): Promise<string[] | null>;
  exists(path: string): Promise<boolean>;
  /** Removes a file or a whole directory; absent is fine. */
  remove(path: string): Promise<void>;
}

async function guarded<T>(action: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw ioError(action, path, error);
  }
}

/** Makes a rename or a new name survive a power cut. Not every platform lets a directory be synced; then it is left. */
async function syncDirectory(path: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, constants.O_RDONLY);
    await handle.sync();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "EISDIR" && code !== "EPERM" && code !== "EINVAL" && code !== "EACCES") throw error;
  } finally {
    await handle?.close();
  }
}

async function createPlainly(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** The real disk. */
export const nodeFiles: Files = {
  create: (path) =>
    guarded("create", path, async () => {
      const handle = await open(path, "w");
      return {
        write: (bytes) =>
          guarded("write", path, async () => {
            await handle.writeFile(bytes);
          }),
        close: () =>
          guarded("finish", path, async () => {
            try {
              await handle.sync();
            } finally {
              await handle.close();
            }
          }),
        abort: () => handle.close().catch(() => undefined),
      };
    }),
  open: (path) =>
    guarded("open", path, async () => {
      const handle = await open(path, "r");
      const { size } = await handle.stat().catch(async (error: unknown) => {
        await handle.close();
        throw error;
      });
      return {
        bytes: size,
        read: (offset, length) =>
          guarded("read", path, async () => {
            const buffer = new Uint8Array(length);
            let filled = 0;
            while (filled < length) {
              const { bytesRead } = await handle.read(buffer, filled, length - filled, offset + filled);
              if (bytesRead === 0) break;
              filled += bytesRead;
            }
            return filled === length ? buffer : buffer.subarray(0, filled);
          }),
        close: () => handle.close(),
      };
    }),
  readAll: (path) => guarded("read", path, () => readFile(path)),
  appendLine: (path, line) =>
    guarded("append to", path, async () => {
      const handle = await open(path, "a");
      try {
        await handle.writeFile(`${line}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
    }),
  createExclusive: (path, text) =>
    guarded("create", path, async () => {
      // A link makes name and content appear together, so that nobody ever reads half of it.
      const temporary = `${path}.${process.pid}.${randomUUID()}.tmp`;
      await writeFile(temporary, text);
      try {
        await link(temporary, path);
        return true;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? "";
        if (code === "EEXIST") return false;
        if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(code)) throw error;
        // Some file systems have no hard links; a plain exclusive creation is the next best.
        return await createPlainly(path, text);
      } finally {
        await rm(temporary, { force: true });
      }
    }),
  rename: (from, to) =>
    guarded("rename to", to, async () => {
      await rename(from, to);
      await syncDirectory(dirname(to));
    }),
  makeDirectory: (path) =>
    guarded("make directory", path, async () => {
      await mkdir(path, { recursive: true });
    }),
  list: (path) =>
    guarded("list", path, async () => {
      try {
        return (await readdir(path)).sort();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
        throw error;
      }
    }),
  exists: (path) =>
    guarded("look at", path, async () => {
      try {
        await stat(path);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
        throw error;
      }
    }),
  remove: (path) => guarded("remove", path, () => rm(path, { recursive: true, force: true })),
};

/** Names in an output directory; null when it does not exist. Throws `not_this_run` when it is a file. */
export async function namesIn(files: Files, out: string): Promise<string[] | null> {
  try {
    return await files.list(out);
  } catch (error) {
    if (((error as Error).cause as NodeJS.ErrnoException | undefined)?.code !== "ENOTDIR") throw error;
    throw new PrefkitError("not_this_run", `${out} is a file, not a directory.`, "choose another --out.", {
      cause: error,
    });
  }
}

/** Writes a small text file so that it is there whole or not at all. */
export async function writeWhole(files: Files, path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  const writer = await files.create(temporary);
  try {
    await writer.write(text);
    await writer.close();
  } catch (error) {
    await writer.abort();
    await files.remove(temporary).catch(() => undefined);
    throw error;
  }
  await files.rename(temporary, path);
}
