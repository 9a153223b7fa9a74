import { z } from "zod";
import { PrefkitError } from "../../src/core/errors.ts";
import type { Message, Prompt } from "../../src/core/types.ts";
import { READY_MADE } from "./ready-made.ts";

/** What a prompt of one domain is wrapped in before models read it. An empty domain leaves its prompts as they are. */
export interface Domain {
  /** What belongs here, in one sentence for the routing model. */
  readonly about?: string;
  /** Takes the place of the prompt's system turn, or is put first. */
  readonly system?: string;
  /** Blocks of worked judgements; one of them is put before the last user turn. */
  readonly exemplars?: readonly string[];
}

/** Says which domain a prompt belongs to; null when it cannot tell. */
export type RouteFunction = (prompt: Prompt) => string | null | Promise<string | null>;

export interface CustomizationOptions {
  /** By name; `ready-made` (default): our own texts for SAFETY, REASONING and CHAT. */
  readonly domains?: "ready-made" | Readonly<Record<string, Domain>>;
  /** Where prompts go whose domain nobody can tell. Default CHAT. */
  readonly default?: string;
  /**
   * How a prompt's domain is found: `model` asks the chat model of the option `router`; `column` reads the prompt's metadata; a
   * function, only in code. Default: `model` when there is a router, else every prompt is of the default domain.
   */
  readonly route?: "model" | { readonly column: string } | RouteFunction;
  /** Whether system texts are used. Default true. */
  readonly system?: boolean;
  /** Whether exemplar blocks are used. Default true. */
  readonly exemplars?: boolean;
}

const text = z.string().refine((value) => value.trim() !== "", "must hold a text");

const domainSchema = z.strictObject({
  about: text.exactOptional().describe("What belongs here, for the routing model."),
  system: text.exactOptional().describe("Takes the place of the prompt's system turn."),
  exemplars: z.array(text).min(1).exactOptional().describe("Blocks; one is put before the last user turn."),
});

/** The options as a recipe gives them. */
export const customizationSchema = z.strictObject({
  domains: z
    .union([
      z.literal("ready-made"),
      z
        .record(z.string().regex(/^[\w-]+$/, "use letters, digits, '_' and '-'"), domainSchema)
        .refine((domains) => Object.keys(domains).length > 0, "name at least one domain"),
    ])
    .default("ready-made")
    .describe("Texts by domain; ready-made: SAFETY, REASONING and CHAT."),
  default: z.string().default("CHAT").describe("Where prompts go whose domain nobody can tell."),
  route: z
    .union([z.literal("model"), z.strictObject({ column: z.string().min(1) })])
    .exactOptional()
    .describe("model: ask the router; { column }: a path in the prompt's metadata."),
  system: z.boolean().default(true).describe("Whether system texts are used."),
  exemplars: z.boolean().default(true).describe("Whether exemplar blocks are used."),
});

export type Domains = Readonly<Record<string, Domain>>;

/** The domains that the options name. Throws `bad_option` when the default is none of them. */
export function domainsOf({ domains, default: fallback }: z.output<typeof customizationSchema>): Domains {
  const found = domains === "ready-made" ? READY_MADE : domains;
  if (Object.hasOwn(found, fallback)) return found;
  throw new PrefkitError(
    "bad_option",
    `log-density-ratio: customization.default is "${fallback}", which is no domain.`,
    `name one of ${Object.keys(found).join(", ")}.`,
  );
}

/**
 * The messages with a system text and an exemplar block; null leaves that slot alone.
 *
 * The system text takes the place of a system (or developer) turn, else it is put first. The block is written before the last
 * user turn, with a blank line between them; no other turn changes.
 */
export function customized(
  messages: readonly Message[],
  { system, block }: { readonly system: string | null; readonly block: string | null },
): readonly Message[] {
  const last = messages.findLastIndex(({ role }) => role === "user");
  const wrapped =
    block === null
      ? messages
      : messages.map((message, index) =>
          index === last ? { ...message, content: `${block}\n\n${message.content}` } : message,
        );
  if (system === null) return wrapped;
  const [first, ...others] = wrapped;
  const isSystem = first?.role === "system" || first?.role === "developer";
  return isSystem && first
    ? [{ ...first, content: system }, ...others]
    : [{ role: "system", content: system }, ...wrapped];
}
