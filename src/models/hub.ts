import { randomUUID } from "node:crypto";
import { stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { type Dispatcher, EnvHttpProxyAgent, fetch, type Response as HttpResponse } from "undici";
import { PrefkitError, reasonOf } from "../core/errors.ts";
import { nodeFiles, writeWhole } from "../core/files.ts";
import type { ModelRuntime } from "./provider.ts";

/** The files of one model: a local folder, or one commit of a hub repository. */
export interface ModelFolder {
  /** As it was named. */
  readonly source: string;
  /** The commit of a hub repository; null for a local folder. */
  readonly commit: string | null;
  /** Where the file lies on disk, fetched first if it must be; null when the model has no such file. */
  path(file: string): Promise<string | null>;
  /** A text file's bytes; null when the model has no such file. */
  read(file: string): Promise<Uint8Array | null>;
}

export type FolderRuntime = Pick<ModelRuntime, "cacheDirectory" | "environment" | "directory" | "offline">;

/** One or two names of letters, digits, dots, dashes and underscores: nothing that could lead out of a folder. */
const HUB_ID = /^(?!.*\.\.)[A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)?$/;
const REVISION = /^(?!.*\.\.)[A-Za-z0-9][\w./-]*$/;
const COMMIT = /^[0-9a-f]{40}$/;
/** Every model that can be read has it; it is asked for first, and its reply names the commit. */
const FIRST_FILE = "tokenizer.json";

/**
 * Opens a model by the path of a folder (relative to the recipe's) or by its hub id ("owner/name").
 *
 * Hub files come from `${HF_ENDPOINT or https://huggingface.co}/{id}/resolve/{revision}/{file}`, with HF_TOKEN when it is
 * set, and are kept under `cacheDirectory/hub`. A branch or tag is looked up once and stays the commit that it was then, so
 * that a run which is continued reads the same files; name a commit, or remove the folder, to move on.
 *
 * Errors: `bad_option` (neither a folder nor an id), `missing_key` (the repository wants a token), `io` (not reachable, or
 * offline and not there).
 */
export async function openModelFolder(
  source: string,
  { revision = "main", runtime }: { readonly revision?: string; readonly runtime: FolderRuntime },
): Promise<ModelFolder> {
  const local = resolve(runtime.directory, source);
  if (source !== "" && (await isDirectory(local))) return localFolder(source, local);
  const looksLikePath = isAbsolute(source) || source.startsWith(".") || source.includes("\\");
  if (looksLikePath || !HUB_ID.test(source)) {
    throw new PrefkitError(
      "bad_option",
      `there is no model folder "${source}" in ${runtime.directory}, and it is not a hub id.`,
      'write the path of a folder with tokenizer.json, or a hub id such as "owner/name".',
    );
  }
  if (!REVISION.test(revision)) {
    throw new PrefkitError(
      "bad_option",
      `"${revision}" is not a revision of ${source}.`,
      "write a branch, a tag or the 40 hex digits of a commit.",
    );
  }
  return hubFolder(source, revision, runtime);
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw error;
  }
}

function localFolder(source: string, directory: string): ModelFolder {
  const path = async (file: string): Promise<string | null> => {
    const full = join(directory, file);
    return (await nodeFiles.exists(full)) ? full : null;
  };
  return { source, commit: null, path, read: (file) => readFrom(path(file)) };
}

async function readFrom(path: Promise<string | null>): Promise<Uint8Array | null> {
  const found = await path;
  return found === null ? null : await nodeFiles.readAll(found);
}

async function hubFolder(id: string, revision: string, runtime: FolderRuntime): Promise<ModelFolder> {
  const home = join(runtime.cacheDirectory, "hub", id.replace("/", "--"));
  const commit = await commitOf(id, revision, home, runtime);
  const directory = join(home, commit);
  const path = async (file: string): Promise<string | null> => {
    const full = join(directory, file);
    if (await nodeFiles.exists(full)) return full;
    const absent = `${full}.absent`;
    if (runtime.offline || (await nodeFiles.exists(absent))) return null;
    const reply = await ask(id, commit, file, runtime);
    await nodeFiles.makeDirectory(dirname(full));
    if (reply === null) {
      await writeWhole(nodeFiles, absent, "");
      return null;
    }
    await keep(reply.response, full, `${id}/${file}`);
    return full;
  };
  return { source: id, commit, path, read: (file) => readFrom(path(file)) };
}

/** The commit that a revision names: itself, or what was found when it was first looked up. */
async function commitOf(id: string, revision: string, home: string, runtime: FolderRuntime): Promise<string> {
  if (COMMIT.test(revision)) return revision;
  const reference = join(home, "refs", encodeURIComponent(revision));
  if (await nodeFiles.exists(reference)) {
    const commit = Buffer.from(await nodeFiles.readAll(reference)).toString("utf8");
    if (COMMIT.test(commit)) return commit;
  }
  if (runtime.offline) throw notHere(id, revision);
  const reply = await ask(id, revision, FIRST_FILE, runtime);
  if (reply === null) {
    throw new PrefkitError(
      "io",
      `the hub has no ${FIRST_FILE} in ${id} at ${revision}.`,
      "name a model whose repository has one, or a local folder.",
    );
  }
  if (reply.commit === null || !COMMIT.test(reply.commit)) {
    await reply.response.body?.cancel();
    throw new PrefkitError(
      "io",
      `the hub does not say which commit ${revision} of ${id} is.`,
      "name the 40 hex digits of a commit as revision.",
    );
  }
  const first = join(home, reply.commit, FIRST_FILE);
  await nodeFiles.makeDirectory(dirname(first));
  await keep(reply.response, first, `${id}/${FIRST_FILE}`);
  await nodeFiles.makeDirectory(dirname(reference));
  await writeWhole(nodeFiles, reference, reply.commit);
  return reply.commit;
}

function notHere(id: string, revision: string): PrefkitError {
  return new PrefkitError(
    "io",
    `offline, and the files of ${id} at ${revision} are not in the cache.`,
    "run once without --offline, or name a local folder.",
  );
}

interface HubReply {
  readonly response: HttpResponse;
  readonly commit: string | null;
}

/** One file of the hub; null when the repository has none of that name. */
async function ask(
  id: string,
  revision: string,
  file: string,
  { environment }: FolderRuntime,
): Promise<HubReply | null> {
  const endpoint = (environment.HF_ENDPOINT || "https://huggingface.co").replace(/\/+$/, "");
  const token = environment.HF_TOKEN;
  let url = new URL(`${endpoint}/${id}/resolve/${encodeURIComponent(revision)}/${file}`);
  const origin = url.origin;
  let commit: string | null = null;
  // By hand: the commit stands in the first reply, which points to where large files lie; the token is for the hub alone.
  for (let hop = 0; hop < 6; hop++) {
    const headers: Record<string, string> =
      token && url.origin === origin ? { authorization: `Bearer ${token}` } : {};
    let response: HttpResponse;
    try {
      response = await fetch(url, { headers, redirect: "manual", ...throughProxy(environment) });
    } catch (cause) {
      throw unreachable(id, file, reasonOf(cause), cause);
    }
    commit ??= response.headers.get("x-repo-commit");
    const location = response.headers.get("location");
    if (response.status >= 300 && response.status < 400 && location !== null) {
      await response.body?.cancel();
      url = new URL(location, url);
      continue;
    }
    if (response.ok) return { response, commit };
    await response.body?.cancel();
    const code = response.headers.get("x-error-code") ?? "";
    if (response.status === 404 && code !== "RepoNotFound" && code !== "RevisionNotFound") return null;
    throw refused(id, revision, file, response.status, Boolean(token));
  }
  throw unreachable(id, file, "too many redirects");
}

/** HTTP_PROXY, HTTPS_PROXY and NO_PROXY, where one of them is set. */
function throughProxy(environment: FolderRuntime["environment"]): { readonly dispatcher?: Dispatcher } {
  const of = (name: string): string | undefined => environment[name.toLowerCase()] || environment[name];
  const [httpProxy, httpsProxy] = [of("HTTP_PROXY"), of("HTTPS_PROXY")];
  if (!httpProxy && !httpsProxy) return {};
  const proxies = { ...(httpProxy && { httpProxy }), ...(httpsProxy && { httpsProxy }) };
  return { dispatcher: new EnvHttpProxyAgent({ ...proxies, noProxy: of("NO_PROXY") ?? "" }) };
}

function unreachable(id: string, file: string, why: string, cause?: unknown): PrefkitError {
  return new PrefkitError(
    "io",
    `${file} of ${id} cannot be fetched: ${why}.`,
    "check the network and HF_ENDPOINT, or name a local folder; a file fetched once is not asked for again.",
    { cause },
  );
}

function refused(id: string, revision: string, file: string, status: number, hasToken: boolean) {
  if (status === 401 || status === 403) {
    return new PrefkitError(
      "missing_key",
      `the hub refuses ${id} (${status})${hasToken ? " to the token in HF_TOKEN" : ""}.`,
      hasToken
        ? "check the spelling, and that the owner of HF_TOKEN has been given access to it."
        : "check the spelling; a gated or private model needs HF_TOKEN in the environment.",
    );
  }
  return new PrefkitError(
    "io",
    `the hub answered ${status} for ${file} of ${id} at ${revision}.`,
    status === 404 ? "check the id and the revision." : "try again later, or name a local folder.",
  );
}

/** Writes a reply's body under its final name, whole or not at all. */
async function keep(response: HttpResponse, target: string, what: string): Promise<void> {
  const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}.tmp`);
  const writer = await nodeFiles.create(temporary);
  try {
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength;
      await writer.write(chunk);
    }
    const expected = Number(response.headers.get("content-length") ?? Number.NaN);
    if (!response.headers.has("content-encoding") && expected >= 0 && expected !== bytes) {
      throw new PrefkitError(
        "io",
        `${what} ended after ${bytes} of ${expected} bytes.`,
        "run the same command again.",
      );
    }
    await writer.close();
  } catch (error) {
    await writer.abort();
    await nodeFiles.remove(temporary).catch(() => undefined);
    throw error instanceof PrefkitError ? error : unreachable(what, basename(target), reasonOf(error), error);
  }
  await nodeFiles.rename(temporary, target);
}
