import { dirname, join, resolve } from "node:path";
import { ioError } from "../core/errors.ts";
import type { FileReader, Files, FileWriter } from "../core/files.ts";

/** A `Files` that counts every call: its own methods and those of the writers and readers it hands out. */
export interface CountedFiles extends Files {
  readonly calls: number;
}

/** Counts the calls that work makes, so that a test can make each of them fail in turn. */
export function countingFiles(base: Files): CountedFiles {
  return watchedFiles(base, () => undefined);
}

export interface FailingOptions {
  /** Which call fails, from 1; all before and after it go through to the base. */
  readonly failAt: number;
  /** What it fails with; a full disk by default, as the real disk reports it (`io`, cause ENOSPC). */
  readonly error?: unknown;
}

/**
 * Files whose n-th call rejects and does nothing, but for a close: as on a real disk, one that fails still gives its
 * descriptor back. With a loop over n up to `countingFiles(…).calls`, each single failure of a disk is tried.
 */
export function failingFiles(base: Files, { failAt, error }: FailingOptions): CountedFiles {
  return watchedFiles(base, (call, path) => {
    if (call === failAt) throw error ?? ioError("write", path, diskFull());
  });
}

function diskFull(): Error {
  return Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
}

function watchedFiles(base: Files, onCall: (call: number, path: string) => void): CountedFiles {
  let calls = 0;
  const through = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
    calls += 1;
    onCall(calls, path);
    return work();
  };
  const ending = async (
    path: string,
    end: () => Promise<void>,
    release: () => Promise<void>,
  ): Promise<void> => {
    calls += 1;
    try {
      onCall(calls, path);
    } catch (error) {
      await release();
      throw error;
    }
    await end();
  };
  const watchedWriter = (path: string, writer: FileWriter): FileWriter => ({
    write: (bytes) => through(path, () => writer.write(bytes)),
    close: () => ending(path, writer.close, writer.abort),
    abort: () => ending(path, writer.abort, writer.abort),
  });
  const watchedReader = (path: string, reader: FileReader): FileReader => ({
    bytes: reader.bytes,
    read: (offset, length) => through(path, () => reader.read(offset, length)),
    close: () => ending(path, reader.close, reader.close),
  });
  return {
    get calls() {
      return calls;
    },
    create: (path) => through(path, async () => watchedWriter(path, await base.create(path))),
    open: (path) => through(path, async () => watchedReader(path, await base.open(path))),
    readAll: (path) => through(path, () => base.readAll(path)),
    appendLine: (path, line) => through(path, () => base.appendLine(path, line)),
    createExclusive: (path, text) => through(path, () => base.createExclusive(path, text)),
    rename: (from, to) => through(to, () => base.rename(from, to)),
    makeDirectory: (path) => through(path, () => base.makeDirectory(path)),
    list: (path) => through(path, () => base.list(path)),
    exists: (path) => through(path, () => base.exists(path)),
    remove: (path) => through(path, () => base.remove(path)),
  };
}

/** A disk in memory, with what is on it for a test to look at and to damage. */
export interface MemoryFiles extends Files {
  /** Path to content, of every file. */
  readonly contents: Map<string, Uint8Array>;
}

/**
 * The port to the disk, in memory: for tests that should be fast. Behaves like the real one where it matters: the
 * directory of a new file must exist, a missing file is an `io` error with cause ENOENT, a rename replaces its target.
 * The root directory is there from the start; relative paths are taken from the working directory, which is there too.
 * `initial`: files that are on the disk from the start with their directories, as the `contents` of another one: with it
 * many tests begin where one run has ended. The other disk is left as it is.
 */
export function memoryFiles(initial: Iterable<readonly [string, Uint8Array]> = []): MemoryFiles {
  const contents = new Map<string, Uint8Array>();
  const directories = new Set<string>();
  const addDirectory = (path: string): void => {
    directories.add(path);
    if (dirname(path) !== path) addDirectory(dirname(path));
  };
  addDirectory(resolve("."));
  for (const [path, bytes] of initial) {
    const place = resolve(path);
    addDirectory(dirname(place));
    contents.set(place, bytes.slice());
  }

  const missing = (action: string, path: string): Error =>
    ioError(action, path, Object.assign(new Error("ENOENT: no such file or directory"), { code: "ENOENT" }));
  const contentOf = (action: string, path: string): Uint8Array => {
    const content = contents.get(resolve(path));
    if (!content) throw missing(action, path);
    return content;
  };
  const append = (path: string, bytes: Uint8Array): void => {
    contents.set(path, joined([contents.get(path) ?? new Uint8Array(), bytes]));
  };
  const inDirectory = (directory: string, path: string): boolean =>
    path.startsWith(directory === "/" ? "/" : `${directory}/`) && path !== directory;

  return {
    contents,
    create: async (path) => {
      const place = resolve(path);
      if (!directories.has(dirname(place))) throw missing("create", path);
      const parts: Uint8Array[] = [];
      const save = (): void => void contents.set(place, joined(parts));
      save();
      return {
        // Copied at once: the caller may use its buffer again.
        write: async (bytes) => void parts.push(Buffer.from(bytes)),
        close: async () => save(),
        abort: async () => save(),
      };
    },
    open: async (path) => {
      const content = contentOf("open", path);
      return {
        bytes: content.byteLength,
        read: async (offset, length) => content.slice(offset, offset + length),
        close: async () => undefined,
      };
    },
    readAll: async (path) => contentOf("read", path).slice(),
    appendLine: async (path, line) => {
      const place = resolve(path);
      if (!directories.has(dirname(place))) throw missing("append to", path);
      append(place, Buffer.from(`${line}\n`));
    },
    createExclusive: async (path, text) => {
      const place = resolve(path);
      if (!directories.has(dirname(place))) throw missing("create", path);
      if (contents.has(place) || directories.has(place)) return false;
      append(place, Buffer.from(text));
      return true;
    },
    rename: async (from, to) => {
      const [source, target] = [resolve(from), resolve(to)];
      const moved = [...contents.keys()].filter((path) => path === source || inDirectory(source, path));
      const isDirectory = directories.has(source);
      if (moved.length === 0 && !isDirectory) throw missing("rename to", to);
      if (!directories.has(dirname(target))) throw missing("rename to", to);
      for (const path of moved) {
        contents.set(target + path.slice(source.length), contents.get(path) ?? new Uint8Array());
        contents.delete(path);
      }
      for (const path of [...directories]) {
        if (!isDirectory || (path !== source && !inDirectory(source, path))) continue;
        directories.delete(path);
        directories.add(target + path.slice(source.length));
      }
    },
    makeDirectory: async (path) => addDirectory(resolve(path)),
    list: async (path) => {
      const directory = resolve(path);
      if (!directories.has(directory)) return null;
      const inside = [...contents.keys(), ...directories].filter((other) => inDirectory(directory, other));
      const names = inside.map((other) => other.slice(join(directory, "/").length).split("/")[0] ?? "");
      return [...new Set(names)].sort();
    },
    exists: async (path) => contents.has(resolve(path)) || directories.has(resolve(path)),
    remove: async (path) => {
      const place = resolve(path);
      for (const other of [...contents.keys()]) {
        if (other === place || inDirectory(place, other)) contents.delete(other);
      }
      for (const other of [...directories]) {
        if (other === place || inDirectory(place, other)) directories.delete(other);
      }
    },
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
