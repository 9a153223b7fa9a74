import { z } from "zod";
import { definition } from "../../rewards/log-density-ratio.ts";
import type { Catalog } from "../../src/annotate/resolve-scorer.ts";
import { CallFailure } from "../../src/core/errors.ts";
import type { ModelProvider } from "../../src/models/provider.ts";
import { fakeLogprobModel } from "../../src/testing/fake-model.ts";

/** The log-density ratio and models for it, without a server. */
export interface FakeModels {
  readonly catalog: Catalog;
  /** How many tokens the models were asked about. */
  readonly calls: number;
}

/** Models that find "g" likelier by `likes` nats; one may be told to fail. */
export function fakeModels(): FakeModels {
  let calls = 0;
  const provider: ModelProvider<{ likes: number; fails: boolean }> = {
    name: "fake",
    summary: "For tests.",
    ports: ["logprobs"],
    isFree: true,
    options: z.strictObject({ likes: z.number().default(0), fails: z.boolean().default(false) }),
    open: async ({ likes, fails }, { name }) => ({
      ports: {
        logprobs: fakeLogprobModel({
          id: name,
          logprob: ({ token }) => {
            calls += 1;
            if (fails) throw new CallFailure("server_error", "down");
            return token === "g" ? likes - 5 : -5;
          },
        }),
      },
      identity: { fake: name, likes },
      close: async () => {},
    }),
  };
  return {
    catalog: {
      scorers: { "log-density-ratio": definition },
      module: "",
      providers: { fake: provider },
    },
    get calls() {
      return calls;
    },
  };
}
