import { resolve } from "node:path";
import { z } from "zod";
import { PrefkitError } from "../core/errors.ts";
import { suggestion } from "../core/nearest.ts";
import { parseOptions } from "../core/scorer.ts";
import { createCallPath } from "./call-path.ts";
import type { ModelProvider } from "./provider.ts";
import { recordedReplies } from "./recorded-replies.ts";

export interface RecordedOptions {
  readonly path: string;
  readonly of: { readonly provider: string; readonly [option: string]: unknown };
}

const options = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe("The recording: JSON Lines, as `prefkit cache export --replies` writes it."),
  of: z.looseObject({ provider: z.string().min(1) }).describe("The entry whose replies were recorded."),
});

/**
 * Replies from a file in place of a server: the entry under `of` is made as usual, but its calls are answered from the recording
 * alone. One that is not in it is `not_cached`. No key is needed, and nothing is sent.
 */
export function recordedProvider(
  providers: () => Readonly<Record<string, ModelProvider>>,
): ModelProvider<RecordedOptions> {
  return {
    name: "recorded",
    summary: "Recorded replies of another entry, from a file.",
    ports: ["chat", "logprobs", "embed", "reward"],
    options,
    async open({ path, of: { provider: name, ...given } }, settings, runtime) {
      const { recorded: _, ...others } = providers();
      const inner = others[name];
      if (inner === undefined) {
        throw new PrefkitError(
          "unknown_name",
          `no provider is called "${name}".`,
          suggestion(name, Object.keys(others)),
        );
      }
      const cache = await recordedReplies(resolve(runtime.directory, path));
      const replay = createCallPath({ cache, limits: null, budget: null, offline: true });
      const handle = await inner.open(parseOptions(name, inner.options, given), settings, {
        ...runtime,
        path: replay,
        offline: true,
      });
      return {
        ports: handle.ports,
        identity: handle.identity,
        async close() {
          await replay.close();
          await handle.close();
        },
      };
    },
  };
}
