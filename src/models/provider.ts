import type { z } from "zod";
import type { Json } from "../core/types.ts";
import type { CallPath } from "./call-path.ts";
import type { ModelPorts } from "./ports.ts";

/** What every entry under `models` may say besides the provider's own options; defaults are filled. */
export interface EndpointSettings {
  /** The recipe's key. */
  readonly name: string;
  /** Money per million tokens, in one currency throughout; null when not given. */
  readonly price: Price | null;
  /** Most calls in flight at a time. */
  readonly concurrency: number;
  /** null: learned from the server's headers and refusals. */
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  readonly timeoutMs: number;
  /** Tries after the first. */
  readonly retries: number;
}

export interface Price {
  readonly in: number;
  readonly out: number;
}

/** What a provider is given to make its models with. */
export interface ModelRuntime {
  readonly path: CallPath;
  /** Where files fetched from the hub are kept. */
  readonly cacheDirectory: string;
  /** What keys are looked up in. Never stored. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What relative paths are resolved from: the recipe's folder. */
  readonly directory: string;
  /** Nothing may be fetched or called: replies come from the cache alone. */
  readonly offline: boolean;
}

/** An entry of the recipe's `models`, made. It has the ports that its provider and model can serve. */
export interface ModelHandle {
  readonly ports: Partial<ModelPorts>;
  /**
   * What determines its answers besides the request: provider, base URL without credentials, model, revision, tokenizer and
   * template hashes. Part of every cache key and of the score's config. Holds no secret.
   */
  readonly identity: Json;
  /** Looks at the endpoint for `doctor`; undefined when there is nothing to look at. */
  probe?(context: { readonly signal: AbortSignal }): Promise<readonly Finding[]>;
  close(): Promise<void>;
}

/** One thing that `doctor` found out. */
export interface Finding {
  /** Stable, snake_case: "reachable", "prompt_logprobs", "bos", "template", "context", "deterministic", "batch_equal", … */
  readonly check: string;
  /** bad: a run would fail or give wrong numbers. */
  readonly verdict: "good" | "warn" | "bad";
  readonly found: string;
  /** What to change; null when nothing. */
  readonly fix: string | null;
  /** What the run relies on: compared when a stored result is looked at again. */
  readonly value?: Json;
}

/**
 * A model client: one file beside this one, and a line in index.ts. `open` reads what it needs (keys, tokenizer files),
 * makes no paid call, and throws `missing_key`, `missing_dependency`, `bad_option` or `io`.
 */
export interface ModelProvider<Options = unknown> {
  readonly name: string;
  /** One line for `prefkit list`. */
  readonly summary: string;
  readonly ports: readonly (keyof ModelPorts)[];
  /** Its calls cost no money: in process, or replayed. */
  readonly isFree?: true;
  /** Checks the recipe's options. Strict: an unknown key is an error that names it. */
  readonly options: z.ZodType<Options>;
  open(options: Options, settings: EndpointSettings, runtime: ModelRuntime): Promise<ModelHandle>;
}
