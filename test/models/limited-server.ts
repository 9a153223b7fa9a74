import { CallFailure } from "../../src/core/errors.ts";
import type { Sent } from "../../src/models/call-path.ts";
import type { Clock } from "../../src/models/clock.ts";

export interface LimitedServerOptions {
  readonly clock: Clock;
  readonly perMinute: number;
  readonly burst: number;
  /** Of answers and refusals alike: the hardest case, as refusals mostly come faster. */
  readonly latencyMs: number;
  /** Whether a refusal says when to come again, in whole seconds. */
  readonly hints: boolean;
  /** How late a request may be, drawn for each: requests overtake each other. Default: none is. */
  readonly late?: () => number;
}

/** A server behind a token bucket, which says nothing of its limits but `retry-after`. */
export interface LimitedServer {
  readonly received: number;
  readonly refused: number;
  send(reply: number): Promise<Sent<number>>;
}

export function limitedServer({
  clock,
  perMinute,
  burst,
  latencyMs,
  hints,
  late = () => 0,
}: LimitedServerOptions): LimitedServer {
  const rate = perMinute / 60_000;
  let filled = burst;
  let at = clock.now();
  const counts = { received: 0, refused: 0 };
  const take = (): { readonly waitMs: number } | null => {
    const now = clock.now();
    filled = Math.min(burst, filled + (now - at) * rate);
    at = now;
    if (filled < 1) return { waitMs: (1 - filled) / rate };
    filled -= 1;
    return null;
  };
  return {
    get received() {
      return counts.received;
    },
    get refused() {
      return counts.refused;
    },
    send: (reply) =>
      new Promise((resolve, reject) => {
        // The request arrives half a round trip after it left.
        clock.after(latencyMs / 2 + late(), () => {
          counts.received += 1;
          const refusal = take();
          if (refusal !== null) counts.refused += 1;
          clock.after(latencyMs / 2, () => {
            if (refusal === null) resolve({ reply, usage: { promptTokens: 1, outputTokens: 1 } });
            else {
              const retryAfterMs = Math.ceil(refusal.waitMs / 1000) * 1000;
              reject(new CallFailure("rate_limited", "429", hints ? { retryAfterMs } : {}));
            }
          });
        });
      }),
  };
}
