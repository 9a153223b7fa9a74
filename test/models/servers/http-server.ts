import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed JSON; null for a request without a body. */
  readonly body: unknown;
}

/** What a server does with a request; the last four are ways of going wrong. */
export type Answer =
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly json?: unknown;
      readonly text?: string;
    }
  /** Never answers. */
  | "hang"
  /** Closes the connection before a byte is sent. */
  | "reset"
  /** Promises a body and closes the connection in its middle. */
  | "cut"
  /** Sends more than a client should read. */
  | "huge";

export type Answering = (received: Received, index: number) => Answer | Promise<Answer>;

export interface TestServer {
  /** Without a slash at its end. */
  readonly url: string;
  readonly received: readonly Received[];
  close(): Promise<void>;
}

/** A server on 127.0.0.1 that answers by a function of the request. */
export async function startServer(answering: Answering): Promise<TestServer> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const one = await receivedFrom(request);
    const index = received.push(one) - 1;
    try {
      give(await answering(one, index), request, response);
    } catch (error) {
      give({ status: 500, json: { error: { message: String(error) } } }, request, response);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function receivedFrom(request: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  const { method = "", url: path = "", headers } = request;
  return { method, path, headers, body: text === "" ? null : JSON.parse(text) };
}

function give(answer: Answer, request: IncomingMessage, response: ServerResponse): void {
  if (answer === "hang") return;
  if (answer === "reset") {
    request.socket.destroy();
  } else if (answer === "cut") {
    response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
    response.write('{"choices":[{"message":', () => request.socket.destroy());
  } else if (answer === "huge") {
    response.writeHead(200, { "content-type": "application/json" });
    const block = Buffer.alloc(1024 * 1024, 0x20);
    let blocks = 0;
    const more = (): void => {
      while (blocks < 70 && !response.destroyed) {
        blocks += 1;
        if (!response.write(block)) {
          response.once("drain", more);
          return;
        }
      }
      response.end("{}");
    };
    more();
  } else {
    const { status = 200, headers = {}, json, text } = answer;
    const body = text ?? JSON.stringify(json ?? {});
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(body);
  }
}
