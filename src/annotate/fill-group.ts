import { isCallFailure } from "../core/errors.ts";
import { responseIds } from "../core/ids.ts";
import { randomFor } from "../core/random.ts";
import type { Group, Message, SampledResponse } from "../core/types.ts";
import type { CallContext, ChatModel, Sampling } from "../models/ports.ts";
import { endsRun } from "./rephrase.ts";

/** One model with its sampling options. */
export interface SampleSource {
  /** The recipe's name of the model; written beside each response. */
  readonly name: string;
  readonly model: ChatModel;
  readonly sampling: Sampling;
}

export interface FillSetup {
  readonly sources: readonly SampleSource[];
  /** How many candidates a group shall have. */
  readonly n: number;
  readonly system: string | null;
  readonly sendSeed: boolean;
  readonly seed: number;
}

export interface Filled {
  readonly group: Group;
  readonly sampled: number;
  /** Samples that could not be had, by failure code. */
  readonly failures: Readonly<Record<string, number>>;
}

/**
 * Fills a group up to n candidates. Missing ones are taken from the sources in turn; each has a seed of its own, drawn
 * from the run's seed, the prompt's id and its number, so that neither order nor concurrency matters. Baselines and
 * responses that are there stay as they are. Rejects only when the run itself is ending.
 */
export async function fillGroup(group: Group, setup: FillSetup, context: CallContext): Promise<Filled> {
  const present = group.responses.filter(({ role }) => role === "candidate").length;
  const numbers = Array.from({ length: Math.max(0, setup.n - present) }, (_, index) => index);
  const failures: Record<string, number> = {};
  const drawn = await Promise.all(
    numbers.map(async (number): Promise<Omit<SampledResponse, "id"> | null> => {
      try {
        return await draw(group, number, setup, context);
      } catch (error) {
        if (!isCallFailure(error) || endsRun(error.code)) throw error;
        failures[error.code] = (failures[error.code] ?? 0) + 1;
        return null;
      }
    }),
  );
  const fresh = drawn.filter((response) => response !== null);
  const responses = [...group.responses, ...fresh];
  const ids = responseIds(
    group.prompt.id,
    responses.map(({ text }) => text),
  );
  return {
    group: {
      ...group,
      responses: responses.map((response, index) => ({ ...response, id: ids[index] ?? "" })),
    },
    sampled: fresh.length,
    failures,
  };
}

async function draw(
  { prompt }: Group,
  number: number,
  setup: FillSetup,
  context: CallContext,
): Promise<Omit<SampledResponse, "id">> {
  const source = setup.sources[number % setup.sources.length] as SampleSource;
  const seed = randomFor(setup.seed, "sample", prompt.id, source.name, number).below(2 ** 31);
  const reply = await source.model.generate(
    {
      messages: withSystem(prompt.messages, setup.system),
      ...(prompt.tools === undefined ? {} : { tools: prompt.tools }),
      sampling: { ...source.sampling, ...(setup.sendSeed ? { seed } : {}) },
      sample: number,
    },
    context,
  );
  return {
    text: reply.text,
    ...(reply.reasoning === undefined ? {} : { reasoning: reply.reasoning }),
    role: "candidate",
    model: source.name,
    ...(reply.finishReason === null ? {} : { finishReason: reply.finishReason }),
    ...(reply.usage.outputTokens === null ? {} : { tokenCount: reply.usage.outputTokens }),
    metadata: {
      sample: number,
      temperature: source.sampling.temperature ?? null,
      ...(setup.sendSeed ? { seed } : {}),
    },
  };
}

function withSystem(messages: readonly Message[], system: string | null): readonly Message[] {
  if (system === null || messages[0]?.role === "system" || messages[0]?.role === "developer") return messages;
  return [{ role: "system", content: system }, ...messages];
}
