import { CallFailure } from "../core/errors.ts";
import type { CallPath } from "./call-path.ts";
import type { EndpointSettings, ModelRuntime } from "./provider.ts";

/**
 * A way past cache, limiter and retry, for looking at an endpoint: each call is sent, once, within the settings' time. Offline,
 * every call is `not_cached`.
 */
export function directPath(
  { timeoutMs }: EndpointSettings,
  { offline }: Pick<ModelRuntime, "offline">,
): CallPath {
  return {
    async call(_endpoint, call, context) {
      if (offline) throw new CallFailure("not_cached", "offline: nothing may be asked");
      const time = AbortSignal.timeout(timeoutMs);
      try {
        const { reply } = await call.send(AbortSignal.any([context.signal, time]));
        return reply;
      } catch (error) {
        if (time.aborted && !context.signal.aborted) {
          throw new CallFailure("timeout", `no reply within ${timeoutMs} ms`, { cause: error });
        }
        throw error;
      }
    },
  };
}
