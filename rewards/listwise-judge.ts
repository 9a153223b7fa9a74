import { z } from "zod";
import { sha256 } from "../src/core/ids.ts";
import { randomFor } from "../src/core/random.ts";
import {
  abstained,
  defineScorer,
  failAll,
  type PlannedCalls,
  parseOptions,
  perGroup,
  scored,
} from "../src/core/scorer.ts";
import { estimateTokens, messageTokens } from "../src/core/token-estimate.ts";
import type { Failed, Group, Score, ScoreContext, Scorer } from "../src/core/types.ts";
import { type Answered, ask } from "../src/judging/ask.ts";
import { judgeFingerprint } from "../src/judging/fingerprint.ts";
import { flagParts, guardFailure, planned } from "../src/judging/guard.ts";
import type { ChatModel } from "../src/models/ports.ts";
import { listQuestion, type ShownList } from "./listwise-judge/question.ts";
import type { ListForm } from "./listwise-judge/read-list.ts";
import { comparingFields, namesOneBasis, ONE_BASIS } from "./support/comparing-options.ts";
import { type Contender, fieldOf, referenceOf, visiblePrompt } from "./support/contenders.ts";
import { criteriaOf } from "./support/judge-criteria.ts";

const optionsSchema = z
  .strictObject({
    ...comparingFields,
    answer: z.enum(["ratings", "ranking"]).default("ratings").describe("What the judge is asked for."),
    min: z.int().min(-1000).max(1000).default(1).describe("Lowest rating."),
    max: z.int().min(-1000).max(1000).default(10).describe("Highest rating."),
    rounds: z
      .int()
      .min(1)
      .max(64)
      .default(1)
      .describe("Calls per group, each in another order; values are averaged."),
    output: z
      .enum(["text", "json"])
      .default("text")
      .describe("A list in marked text, or structured output of the server."),
    temperature: z
      .number()
      .min(0)
      .max(2)
      .nullable()
      .default(0)
      .describe("0 is greedy; null sends none, for models that refuse one."),
    maxTokens: z.int().min(1).default(4096).describe("Most tokens of one reply."),
  })
  .refine(({ min, max }) => min < max, { message: "min must be below max", path: ["min"] })
  .refine(namesOneBasis, ONE_BASIS);

export type ListwiseJudgeOptions = z.input<typeof optionsSchema>;
type Settings = z.output<typeof optionsSchema>;

export interface ListwiseJudgeModels {
  readonly judge: ChatModel;
}

const NAME = "listwise-judge";
// Part of what makes the numbers: the texts of listwise-judge/question.ts.
const VERSION = 2;

/**
 * Scores the responses of a group by one call that shows them all, in an order that the seed draws; with `rounds`, by the mean over
 * calls in different orders.
 *
 *   value = the rating                         ratings
 *         = (n − rank) / (n − 1)               ranking; rank 1 is the best of n different texts
 *
 * Source: listwise judging as in "RankGPT" (Sun et al. 2023) and Arena-style rating prompts; shuffled against the bias towards places.
 * Shape:  group of G responses -> G scores, same order; needs two. Responses with one text are shown once and scored alike.
 * Range:  ratings: [min, max]; ranking: [0, 1].
 * Parts:  spread, the standard deviation over rounds (n − 1), with at least two; hidden_characters, verdict_like.
 * Worked: four responses, ranked [[2 > 4 > 1 > 3]]: values 1/3, 1, 0, 2/3.
 * Abstains on prompts with images; with `ranking`, all of one text tie at 0.5 without a call.
 * Fails:  the whole group, when a call failed or a round's list could not be read (`unread_verdict`): 7 ratings for 8 responses are no
 *         ratings. `verdict_like` with `onVerdictLike: fail`, that response alone.
 */
export function listwiseJudge(given: ListwiseJudgeOptions, models: ListwiseJudgeModels): Scorer {
  const options = parseOptions(NAME, optionsSchema, given);
  const criteria = criteriaOf(options);
  const settings: Settings = { ...options, ...(criteria === null ? {} : { criteria }) };
  const range = settings.answer === "ratings" ? ([settings.min, settings.max] as const) : ([0, 1] as const);
  return perGroup(
    { name: NAME, version: VERSION, range, needs: { minResponses: 2 } },
    async (group, context) => {
      if (group.prompt.images?.length) {
        return group.responses.map(() => abstained("prompt has images, which the judge is not shown"));
      }
      const { contenders, refused } = fieldOf(group, settings);
      const isAlone = settings.answer === "ranking" && contenders.length === 1 && refused.length > 0;
      const { reference, ...prompt } = visiblePrompt(group.prompt, settings);
      const about = { id: group.prompt.id, prompt, reference };
      const rounds = await Promise.all(
        Array.from({ length: roundsOf(settings, contenders.length) }, (_, round) =>
          judgeRound(models.judge, about, contenders, round, settings, context),
        ),
      );
      const failure = rounds.find((round) => round.kind === "failed");
      if (failure?.kind === "failed") return failAll(group, failure.code, failure.why);
      const read = rounds.filter((round) => round.kind === "values");
      const scores = new Array<Score>(group.responses.length);
      for (const [player, contender] of contenders.entries()) {
        const score = isAlone
          ? abstained("no other response of the group could be shown to the judge")
          : scoreOf(player, contender, read);
        for (const at of contender.places) scores[at] = score;
      }
      for (const { places, flags } of refused) {
        const failed = guardFailure(flags, settings);
        if (failed) for (const at of places) scores[at] = failed;
      }
      return scores;
    },
  );
}

export const definition = defineScorer<Settings, ListwiseJudgeModels>({
  name: NAME,
  version: VERSION,
  summary: "Rates or ranks all responses of a group in one call to a chat model, in shuffled order.",
  options: optionsSchema,
  example: { judge: "judge" },
  cost: "paid",
  usesSeed: true,
  // The order in which texts are shown is drawn by them.
  usesIds: true,
  models: { judge: { port: "chat" } },
  files: ["rubric"],
  fingerprint: (options) => judgeFingerprint({ criteria: criteriaOf(options) }),
  create: (options, models) => listwiseJudge(options, models),
  plannedCalls,
});

interface Round {
  readonly kind: "values";
  /** By contender, in whole numbers: the rating, or how many others stand below it. */
  readonly points: readonly number[];
  /** Makes values of points: 1, or for a ranking n − 1. */
  readonly divisor: number;
  readonly reply: string;
}

/** A ranking of one text, or none to judge, asks nothing. */
function roundsOf({ rounds, answer }: Settings, texts: number): number {
  return texts === 0 || (texts === 1 && answer === "ranking") ? 0 : rounds;
}

async function judgeRound(
  judge: ChatModel,
  { id, prompt, reference }: Omit<ShownList, "texts"> & { readonly id: string },
  contenders: readonly Contender[],
  round: number,
  settings: Settings,
  { seed, signal }: ScoreContext,
): Promise<Round | Failed> {
  const count = contenders.length;
  const order = orderOf(contenders, seed, id, round);
  const texts = order.map((player) => contenders[player]?.shown ?? "");
  const form: ListForm =
    settings.answer === "ratings"
      ? { kind: "ratings", min: settings.min, max: settings.max, count }
      : { kind: "ranking", count };
  const shown = { prompt, reference, texts };
  const question = listQuestion(shown, form, { ...settings, criteria: settings.criteria ?? null });
  const { request } = question;
  const sampling =
    settings.temperature === null || settings.temperature === 0
      ? request.sampling
      : {
          ...request.sampling,
          seed: randomFor(seed, "listwise sample", sha256(JSON.stringify(request)), round).below(2 ** 31),
        };
  const answer = await ask(
    judge,
    { ...question, request: { ...request, sampling, sample: round } },
    { signal },
    settings.tries,
  );
  return answer.kind === "failed" ? answer : roundFrom(answer, order, form);
}

/**
 * The order of a round, by contender. It is drawn over the texts' ids in their own order, so that it does not depend on where
 * responses stand in their group.
 */
function orderOf(contenders: readonly Contender[], seed: number, promptId: string, round: number): number[] {
  const byId = contenders
    .map(({ id }, player) => ({ id, player }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ player }) => player);
  return randomFor(seed, "listwise-judge order", promptId, round).shuffle(byId);
}

function roundFrom(
  { answer, reply }: Answered<readonly number[]>,
  order: readonly number[],
  form: ListForm,
): Round {
  const points = order.map(() => 0);
  for (const [place, entry] of answer.entries()) {
    if (form.kind === "ratings") points[order[place] ?? 0] = entry;
    else points[order[entry - 1] ?? 0] = form.count - 1 - place;
  }
  const divisor = form.kind === "ratings" ? 1 : form.count - 1;
  return { kind: "values", points, divisor, reply: reply.text };
}

function scoreOf(player: number, { flags }: Contender, rounds: readonly Round[]): Score {
  const raw = rounds.map(({ reply }) => reply).join("\n\n");
  // No round was needed: all responses have one text, which ties with itself.
  const [{ divisor } = { divisor: 0 }] = rounds;
  if (divisor === 0) return scored(0.5, { why: "all responses have one text", parts: flagParts(flags) });
  // Whole numbers are summed, in an order of their own: equal ranks in other rounds are equal scores.
  const points = rounds.map((round) => round.points[player] ?? 0).sort((a, b) => a - b);
  const mean = points.reduce((sum, one) => sum + one, 0) / (points.length * divisor);
  const values = points.map((one) => one / divisor);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return scored(mean, {
    parts: {
      ...(values.length > 1 ? { spread: Math.sqrt(squares / (values.length - 1)) } : {}),
      ...flagParts(flags),
    },
    raw,
  });
}

/** Tokens of the instructions around the texts. */
const AROUND = 400;

function plannedCalls(settings: Settings, group: Group): readonly PlannedCalls[] {
  const { prompt, responses } = group;
  if (responses.length < 2 || prompt.images?.length) return [];
  const { contenders } = fieldOf(group, settings, planned);
  const calls = roundsOf(settings, contenders.length);
  if (calls === 0) return [];
  const texts = contenders.reduce((sum, { shown }) => sum + estimateTokens(shown), 0);
  const around =
    messageTokens(prompt.messages) + estimateTokens(referenceOf(prompt, settings.useReference) ?? "");
  return [
    {
      model: "judge",
      calls,
      promptTokens: calls * (AROUND + around + texts),
      outputTokens: (calls * settings.maxTokens) / 2,
    },
  ];
}
