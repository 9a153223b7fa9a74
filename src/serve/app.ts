import { setMaxListeners } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { FastifyError, FastifyInstance, FastifyReply } from "fastify";
import { fastify } from "fastify";
import { scoreAnswer } from "./answer.ts";
import { draining, faultBody, ServeFault } from "./fault.ts";
import { type OpenrlhfOptions, openrlhfAnswer, readOpenrlhf } from "./openrlhf.ts";
import { DEFAULT_LIMITS, type RequestLimits, readScoreRequest } from "./request.ts";
import type { Client, Service } from "./service.ts";
import { carriesToken } from "./token.ts";
import { inTurns } from "./turns.ts";

export interface AppOptions {
  readonly service: Service;
  /** null: requests need none. */
  readonly token: string | null;
  /** Of one request, in bytes. Default: 16 MiB. */
  readonly bodyLimit?: number;
  /** How long a request may take to arrive whole, in milliseconds. Default: 10,000. */
  readonly requestTimeoutMs?: number;
  readonly limits?: RequestLimits;
  readonly openrlhf?: OpenrlhfOptions;
  /** The text of `/metrics`; default: this process's own. */
  readonly metricsText?: () => Promise<string>;
}

export const DEFAULT_BODY_LIMIT = 16 * 2 ** 20;
const DEFAULT_REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 4096;

/** The routes of the reward server: POST /score and /get_reward, GET /healthz and /metrics. */
export function createApp(options: AppOptions): FastifyInstance {
  const { service, token, limits = DEFAULT_LIMITS, openrlhf = {} } = options;
  const requestTimeout = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
  const app = fastify({
    // Requests hold candidates' texts, which belong into no log.
    logger: false,
    bodyLimit: options.bodyLimit ?? DEFAULT_BODY_LIMIT,
    requestTimeout,
    // Metadata may have any keys, as in files. Nothing here copies them by assignment.
    onProtoPoisoning: "ignore",
    onConstructorPoisoning: "ignore",
    // Answers go out while the server drains; it closes when all are out.
    return503OnClosing: false,
    forceCloseConnections: "idle",
    clientErrorHandler: answerBrokenRequest,
    http: {
      headersTimeout: requestTimeout,
      connectionsCheckingInterval: Math.min(1000, Math.max(50, requestTimeout / 4)),
    },
  });
  app.server.maxConnections = MAX_CONNECTIONS;
  // A web page may send plain text anywhere without asking first.
  app.removeContentTypeParser("text/plain");

  app.addHook("onRequest", (request, reply, done) => {
    if (request.url === "/healthz" && (request.method === "GET" || request.method === "HEAD")) return done();
    if (token !== null && !carriesToken(request.headers.authorization, token)) {
      void reply.header("www-authenticate", "Bearer");
      throw new ServeFault(
        "unauthorized",
        "the request carries no token, or a wrong one.",
        "send `authorization: Bearer TOKEN` with the server's PREFKIT_SERVE_TOKEN.",
      );
    }
    if (token === null && request.headers.origin !== undefined) {
      throw new ServeFault(
        "forbidden",
        "the request comes from a web page, and the server has no token.",
        "start the server with PREFKIT_SERVE_TOKEN set, and send the token.",
      );
    }
    // Before the body is read: a full server should not read what it will refuse.
    if (request.method === "POST") service.admit();
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
    const route = request.routeOptions.url ?? "other";
    service.metrics.request(route, reply.statusCode, reply.elapsedTime / 1000);
    done();
  });
  app.setErrorHandler(async (error: FastifyError | ServeFault, { raw }, reply) => {
    await arrived(raw);
    return sendFault(reply, faultOf(error));
  });
  app.setNotFoundHandler((_request, reply) => {
    void sendFault(
      reply,
      new ServeFault(
        "not_found",
        "there is no such route.",
        "use POST /score, POST /get_reward, GET /healthz or GET /metrics.",
      ),
    );
  });

  app.post("/score", async (request, reply) => {
    const { asked, deadlineMs } = readScoreRequest(request.body, limits);
    const groups = await inTurns(asked, (group) => group);
    const outcomes = await service.score(groups, deadlineMs, clientOf(reply));
    return sendJson(reply, await scoreAnswer(groups, outcomes));
  });
  app.post("/get_reward", async (request, reply) => {
    const asked = await inTurns(readOpenrlhf(request.body, openrlhf, limits), (sample) => sample);
    const outcomes = await service.score(asked, null, clientOf(reply));
    return sendJson(reply, JSON.stringify(openrlhfAnswer(outcomes, openrlhf)));
  });
  app.get("/healthz", async (_request, reply) => {
    if (service.isDraining) throw draining();
    return sendJson(reply, JSON.stringify({ status: "ok" }));
  });
  app.get("/metrics", async (_request, reply) => {
    const { registry } = service.metrics;
    const text = await (options.metricsText?.() ?? registry.metrics());
    return reply.type(registry.contentType).send(text);
  });
  return app;
}

function clientOf(reply: FastifyReply): Client {
  const { raw } = reply;
  let controller: AbortController | null = null;
  return {
    hasLeft: () => raw.destroyed,
    // One signal for all groups of a request.
    gone: () => {
      if (controller !== null) return controller.signal;
      const own = new AbortController();
      controller = own;
      // One listener for each group of the request that waits for others.
      setMaxListeners(0, own.signal);
      const leave = (): void => own.abort(new Error("the client left"));
      if (raw.destroyed) leave();
      else
        raw.once("close", () => {
          if (!raw.writableFinished) leave();
        });
      return own.signal;
    },
    waitedMs: () => reply.elapsedTime,
  };
}

function sendJson(reply: FastifyReply, text: string): FastifyReply {
  return reply.type("application/json; charset=utf-8").send(text);
}

/**
 * Resolves when a request's body is there, or its client gone; nothing of it is kept. A client that is answered while it
 * still writes, and then cut off, may never read the answer: it would ask again and again where the answer says not to.
 */
function arrived(raw: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    if (raw.readableEnded || raw.destroyed) return resolve();
    raw.once("end", resolve).once("close", resolve).resume();
  });
}

/** Whoever is refused so has nothing more to ask for on this connection. */
const CLOSING: ReadonlySet<string> = new Set([
  "unauthorized",
  "forbidden",
  "too_large",
  "slow_request",
  "draining",
]);

function sendFault(reply: FastifyReply, fault: ServeFault): FastifyReply {
  if (fault.retryAfter !== null) void reply.header("retry-after", String(fault.retryAfter));
  if (CLOSING.has(fault.code)) void reply.header("connection", "close");
  return sendJson(reply.code(fault.status), JSON.stringify(faultBody(fault)));
}

/** Fastify's own errors in our words: theirs may quote the body. */
function faultOf(error: FastifyError | ServeFault): ServeFault {
  if (error instanceof ServeFault) return error;
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    return new ServeFault(
      "too_large",
      "the body is longer than the server takes.",
      "send fewer groups at a time.",
    );
  }
  if (error.code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    return new ServeFault(
      "unsupported_media_type",
      "the body is not declared to be JSON.",
      "send `content-type: application/json`.",
    );
  }
  if (error instanceof SyntaxError || error.code?.startsWith("FST_ERR_CTP") || error.statusCode === 400) {
    return new ServeFault("bad_json", "the body is not JSON.", "send one JSON object, in UTF-8.");
  }
  return new ServeFault(
    "internal",
    "the server came upon a fault of its own.",
    "send the request again; if it comes back, report it with the server's version.",
    1,
  );
}

/** A request so broken, or so slow, that there is none: answered on the bare socket. */
function answerBrokenRequest(this: unknown, error: Error & { code?: string }, socket: Socket): void {
  if (socket.destroyed || !socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const isSlow = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
  const fault = isSlow
    ? new ServeFault(
        "slow_request",
        "the request did not arrive whole in time.",
        "send it faster, or in parts.",
      )
    : new ServeFault("bad_request", "this is no HTTP request.", "speak HTTP/1.1.");
  const body = JSON.stringify(faultBody(fault));
  const head = isSlow ? "408 Request Timeout" : "400 Bad Request";
  socket.end(
    `HTTP/1.1 ${head}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
