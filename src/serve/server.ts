import type { AddressInfo } from "node:net";
import { PrefkitError, reasonOf } from "../core/errors.ts";
import { type AppOptions, createApp } from "./app.ts";
import { createPeers, type PeerPort, type Peers } from "./peers.ts";
import type { Rewarder } from "./rewarder.ts";
import { createService, DEFAULT_WINDOW_MS, type Service, type ServiceOptions } from "./service.ts";
import { checkToken } from "./token.ts";

export interface ServerOptions
  extends Omit<AppOptions, "service" | "token" | "metricsText">,
    Omit<ServiceOptions, "rewarder" | "meeting"> {
  /** Default: 127.0.0.1. Beyond loopback a token is required. */
  readonly host?: string;
  /** Default: 8300; 0 takes a free one. */
  readonly port?: number;
  /** What requests must carry; null or absent: nothing. */
  readonly token?: string | null;
  /** How long answers under way are waited for at the end, in milliseconds. Default: a second more than the deadline. */
  readonly drainMs?: number;
  /** The other processes that serve the same port, and how to reach them. */
  readonly peers?: PeerPort;
}

export interface RewardServer {
  readonly url: string;
  readonly service: Service;
  /** Open connections, idle ones among them. */
  connections(): Promise<number>;
  /** Answers what is under way, refuses what comes with 503, then stops listening. The rewarder stays open. */
  drain(): Promise<void>;
}

export const DEFAULT_HOST = "127.0.0.1";
export const DEFAULT_PORT = 8300;
/** Every request is answered by its deadline, and a little later where it is large or the machine busy. */
const DRAIN_GRACE_MS = 1000;
/** For answers to leave that are made already. */
const CLOSE_MS = 2000;

/**
 * Serves a rewarder over HTTP.
 *
 * Throws: `missing_key` beyond loopback without a token, `bad_option` when the gathering window leaves no time before the
 *         deadline, `io` when the port cannot be listened on.
 */
export async function startServer(rewarder: Rewarder, options: ServerOptions = {}): Promise<RewardServer> {
  const { host = DEFAULT_HOST, port = DEFAULT_PORT, token = null } = options;
  const drainMs = options.drainMs ?? rewarder.deadlineMs + DRAIN_GRACE_MS;
  checkToken(host, token);
  const windowMs = options.windowMs ?? DEFAULT_WINDOW_MS;
  if (options.groupSize !== undefined && windowMs >= rewarder.deadlineMs) {
    throw new PrefkitError(
      "bad_option",
      `a group is waited for ${windowMs} ms, and every request is answered within ${rewarder.deadlineMs} ms.`,
      "make --window-ms smaller, or --deadline-ms larger.",
    );
  }
  let peers: Peers | null = null;
  const service: Service = createService({
    ...options,
    rewarder,
    meeting: (key, sample, gone) => peers?.meet(key, sample, gone) ?? null,
  });
  if (options.peers) peers = createPeers(options.peers, service);
  const app = createApp({
    ...options,
    service,
    token,
    ...(peers && { metricsText: peers.metricsText }),
  });
  try {
    await app.listen({ host, port });
  } catch (cause) {
    await app.close();
    throw new PrefkitError(
      "io",
      `the server cannot listen on ${host}, port ${port}: ${reasonOf(cause)}.`,
      "choose another --port, or end what listens there.",
      { cause },
    );
  }
  const address = app.server.address() as AddressInfo;
  return {
    url: serverUrl(host, address.port),
    service,
    connections: () =>
      new Promise((resolve, reject) => {
        app.server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
      }),
    drain: async () => {
      await within(service.drain(), drainMs);
      // Node no longer looks for slow requests once it closes: what has not arrived by then is cut off.
      const cut = setTimeout(() => app.server.closeAllConnections(), CLOSE_MS);
      await app.close();
      clearTimeout(cut);
      peers?.close();
    },
  };
}

/** An IPv6 address stands in brackets. */
export function serverUrl(host: string, port: number): string {
  return `http://${host.includes(":") ? `[${host.replace(/^\[|\]$/g, "")}]` : host}:${port}`;
}

async function within(work: Promise<void>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}
