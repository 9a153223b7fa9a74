import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openHttp } from "../../src/models/http.ts";
import { startServer, type TestServer } from "./servers/http-server.ts";
import { failureOf, KEY } from "./servers/transport-faults.ts";

const { signal } = new AbortController();

let server: TestServer;
beforeEach(async () => {
  server = await startServer(({ method, path, body }) => ({ json: { method, path, body } }));
});
afterEach(() => server.close());

const site = (change = {}) => ({
  baseUrl: `${server.url}/base`,
  key: KEY,
  headers: { "x-team": "a" },
  ...change,
});

describe("http", () => {
  it("posts and gets JSON under the site's address, with its key and headers", async () => {
    const http = await openHttp(site());
    expect((await http.post("/score", { a: [1] }, signal)).json).toEqual({
      method: "POST",
      path: "/base/score",
      body: { a: [1] },
    });
    expect((await http.get("/models?x=1", signal)).json).toEqual({
      method: "GET",
      path: "/base/models?x=1",
      body: null,
    });
    for (const { headers } of server.received) {
      expect(headers).toMatchObject({ authorization: `Bearer ${KEY}`, "x-team": "a" });
    }
    await http.close();
  });

  it("sends no authorization without a key", async () => {
    const http = await openHttp(site({ key: null }));
    await http.get("", signal);
    expect(server.received[0]?.headers.authorization).toBeUndefined();
    await http.close();
  });

  it("sends nothing to another server than the one named", async () => {
    const http = await openHttp(site());
    const url = "http://127.0.0.1:9/elsewhere";
    const failure = await failureOf(http.exchange({ url, headers: {}, body: null, signal }));
    expect(failure).toMatchObject({ code: "bad_request", message: expect.stringContaining("127.0.0.1:9") });
    await http.close();
  });

  it("reads no more of a reply than the limit", async () => {
    const http = await openHttp(site(), { maxReplyBytes: 10 });
    expect(await failureOf(http.get("/models", signal))).toMatchObject({ code: "bad_reply" });
    await http.close();
  });

  it("goes through the proxy that the environment names, and past it where NO_PROXY says so", async () => {
    const tunnels: string[] = [];
    const proxy = createServer();
    proxy.on("connect", ({ url = "" }, socket) => {
      tunnels.push(url);
      const [host = "", port] = url.split(":");
      const onward = connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        onward.pipe(socket);
        socket.pipe(onward);
      });
      onward.on("error", () => socket.destroy());
      socket.on("error", () => onward.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const { port } = proxy.address() as AddressInfo;
    const environment = { HTTP_PROXY: `http://127.0.0.1:${port}` };

    const through = await openHttp(site(), { environment });
    expect((await through.get("/a", signal)).json).toMatchObject({ path: "/base/a" });
    await through.close();
    expect(tunnels).toEqual([new URL(server.url).host]);

    const past = await openHttp(site(), { environment: { ...environment, no_proxy: "127.0.0.1" } });
    expect((await past.get("/b", signal)).json).toMatchObject({ path: "/base/b" });
    await past.close();
    expect(tunnels).toHaveLength(1);
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  });
});
