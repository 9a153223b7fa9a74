import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openModelFolder } from "../../src/models/hub.ts";
import { loadTokenizer } from "../../src/models/tokenizer.ts";
import { byteLevel, TEMPLATES } from "./fixtures/make-tokenizers.ts";
import { runtimeIn } from "./runtime.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const small = byteLevel({ template: TEMPLATES.chatml });
const FILES: Readonly<Record<string, string>> = {
  "tokenizer.json": JSON.stringify(small.json),
  "tokenizer_config.json": JSON.stringify(small.config),
};

let scratch = "";
let asked: { readonly url: string; readonly headers: IncomingHttpHeaders }[] = [];
const servers: Server[] = [];

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "prefkit-hub-"));
  asked = [];
});
afterEach(async () => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
  await rm(scratch, { recursive: true, force: true });
});

type Answer = (url: string) => { status: number; headers?: Record<string, string>; body?: string };

async function serve(answer: Answer): Promise<string> {
  const server = createServer((request, response) => {
    const url = request.url ?? "";
    asked.push({ url, headers: request.headers });
    const { status, headers = {}, body = "" } = answer(url);
    response.writeHead(status, headers).end(body);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const smallHub: Answer = (url) => {
  const file = url.split("/").at(-1) ?? "";
  const body = FILES[file];
  if (body === undefined) return { status: 404, headers: { "x-error-code": "EntryNotFound" } };
  return { status: 200, headers: { "x-repo-commit": COMMIT }, body };
};

function online(endpoint: string, token?: string) {
  const environment = { HF_ENDPOINT: endpoint, ...(token === undefined ? {} : { HF_TOKEN: token }) };
  return runtimeIn(scratch, { environment, offline: false });
}

describe("a hub repository", () => {
  it("is fetched once, at the commit that the first reply names, and then read offline", async () => {
    const endpoint = await serve(smallHub);
    const tokenizer = await loadTokenizer("some/model", { runtime: online(endpoint) });
    expect(tokenizer.commit).toBe(COMMIT);
    expect(asked[0]?.url).toBe("/some/model/resolve/main/tokenizer.json");
    expect(asked.slice(1).every(({ url }) => url.startsWith(`/some/model/resolve/${COMMIT}/`))).toBe(true);
    const before = asked.length;
    // Neither what is there nor what is known to be absent is asked for again.
    await loadTokenizer("some/model", { runtime: online(endpoint) });
    expect(asked.length).toBe(before);
    const offline = await loadTokenizer("some/model", { runtime: runtimeIn(scratch) });
    expect([offline.hash, offline.commit]).toEqual([tokenizer.hash, COMMIT]);
  });

  it("gets the token, and where it points to does not", async () => {
    const store = await serve(() => ({ status: 200, body: FILES["tokenizer.json"] ?? "" }));
    const endpoint = await serve((url) =>
      url.endsWith("tokenizer.json")
        ? { status: 302, headers: { location: `${store}/blob`, "x-repo-commit": COMMIT } }
        : smallHub(url),
    );
    await loadTokenizer("some/model", { runtime: online(endpoint, "hf_secret") });
    expect(asked.find(({ url }) => url.endsWith("main/tokenizer.json"))?.headers.authorization).toBe(
      "Bearer hf_secret",
    );
    expect(asked.find(({ url }) => url === "/blob")?.headers.authorization).toBeUndefined();
  });

  it.each([
    { status: 401, code: "missing_key", fix: /HF_TOKEN/ },
    { status: 403, code: "missing_key", fix: /HF_TOKEN/ },
    { status: 404, error: "RepoNotFound", code: "io", fix: /check the id/ },
    { status: 404, error: "RevisionNotFound", code: "io", fix: /revision/ },
    { status: 500, code: "io", fix: /try again/ },
  ])(
    "answering $status $error is $code, and says nothing of the token",
    async ({ status, error, code, fix }) => {
      const headers: Record<string, string> = error === undefined ? {} : { "x-error-code": error };
      const runtime = online(await serve(() => ({ status, headers })), "hf_secret");
      const refusal = await openModelFolder("some/model", { runtime }).catch((thrown: Error) => thrown);
      expect(refusal).toMatchObject({ code, fix: expect.stringMatching(fix) });
      expect(String(refusal)).not.toContain("hf_secret");
    },
  );

  it("leaves nothing under a final name when a file breaks off", async () => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { "x-repo-commit": COMMIT, "content-length": "1000" });
      response.write("half", () => response.destroy());
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const runtime = online(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await expect(openModelFolder("some/model", { runtime })).rejects.toMatchObject({ code: "io" });
    expect(await readdir(join(scratch, "cache/hub/some--model", COMMIT))).toEqual([]);
  });

  it("that cannot be reached, or is not in the cache when offline, is io", async () => {
    await expect(
      openModelFolder("some/model", { runtime: online("http://127.0.0.1:1") }),
    ).rejects.toMatchObject({ code: "io" });
    await expect(openModelFolder("some/model", { runtime: runtimeIn(scratch) })).rejects.toMatchObject({
      code: "io",
      fix: expect.stringContaining("--offline"),
    });
    await expect(
      loadTokenizer("some/model", { revision: COMMIT, runtime: runtimeIn(scratch) }),
    ).rejects.toMatchObject({ code: "io", message: expect.stringContaining("offline") });
  });
});

describe("a source", () => {
  it.each([
    "../up",
    "a/../b",
    "a/b/c",
    "/no/such",
    "./none",
    "a\\b",

    "a..b/c",
    "",
    "a/b?x",
    "http://x/y",
  ])("that is neither a folder nor an id is bad_option: %j", async (source) => {
    const runtime = runtimeIn(join(scratch, "inner"));
    await mkdir(join(scratch, "inner"));
    await expect(openModelFolder(source, { runtime })).rejects.toMatchObject({ code: "bad_option" });
  });

  it("with a revision that leads out of its folder is bad_option", async () => {
    const runtime = runtimeIn(scratch);
    for (const revision of ["../x", "/x", "a/../../b", ""]) {
      await expect(openModelFolder("some/model", { revision, runtime })).rejects.toMatchObject({
        code: "bad_option",
      });
    }
  });

  it("that is a folder of the recipe's is read in place", async () => {
    await mkdir(join(scratch, "mine"));
    for (const [name, text] of Object.entries(FILES)) await writeFile(join(scratch, "mine", name), text);
    const tokenizer = await loadTokenizer("mine", { runtime: runtimeIn(scratch) });
    expect([tokenizer.commit, tokenizer.templateHash]).toEqual([null, expect.any(String)]);
    await writeFile(join(scratch, "mine", "chat_template.jinja"), "x");
    const other = await loadTokenizer("mine", { runtime: runtimeIn(scratch) });
    expect(other.templateHash).not.toBe(tokenizer.templateHash);
    await writeFile(join(scratch, "mine", "tokenizer.json"), "{");
    await expect(loadTokenizer("mine", { runtime: runtimeIn(scratch) })).rejects.toMatchObject({
      code: "damaged_file",
    });
    await rm(join(scratch, "mine", "tokenizer.json"));
    await expect(loadTokenizer("mine", { runtime: runtimeIn(scratch) })).rejects.toMatchObject({
      code: "io",
    });
  });
});
