import { PrefkitError } from "../src/core/errors.ts";
import {
  abstained,
  defineScorer,
  failAll,
  type PlannedCalls,
  parseOptions,
  perGroup,
} from "../src/core/scorer.ts";
import { estimateTokens, messageTokens } from "../src/core/token-estimate.ts";
import type { Group, Score, Scorer } from "../src/core/types.ts";
import { CANARIES } from "../src/judging/canaries.ts";
import { judgeFingerprint } from "../src/judging/fingerprint.ts";
import { guardFailure, planned } from "../src/judging/guard.ts";
import { orderBias } from "../src/judging/order-bias.ts";
import { PARTS } from "../src/judging/pairwise/parts.ts";
import { matchCount, swissRounds } from "../src/judging/tournament.ts";
import type { ChatModel } from "../src/models/ports.ts";
import { optionsSchema, type PairwiseJudgeOptions, type Settings } from "./pairwise-judge/options.ts";
import { callsPerMatch, canaryOf, judgeCanary, playTournament } from "./pairwise-judge/play.ts";
import { scoresOf } from "./pairwise-judge/standings.ts";
import { fieldOf, referenceOf } from "./support/contenders.ts";
import { criteriaOf } from "./support/judge-criteria.ts";

export type { PairwiseJudgeOptions } from "./pairwise-judge/options.ts";

export interface PairwiseJudgeModels {
  readonly judge: ChatModel;
}

const NAME = "pairwise-judge";
// Part of what makes the numbers: the texts of src/judging/pairwise/question.ts.
const VERSION = 2;

/**
 * Scores responses by how they fare in comparisons, two at a time, that a chat model judges.
 *
 *   score = strength s of P(i beats j) = 1 / (1 + exp(s_j − s_i)), fitted to all comparisons     bradley-terry
 *         = (wins + ties / 2) / comparisons                                                      win-rate
 *
 * Each comparison is judged in both orders, and won only where both say so (`reconcile: strict`). Responses with one text are
 * judged once and scored alike.
 *
 * Source: order swapping and reconciliation as in JudgeBench (Tan et al. 2024) and MT-Bench (Zheng et al. 2023); Bradley and Terry
 *         1952, with half a win added to either side of each pair (`prior`).
 * Shape:  group of G responses -> G scores, same order; needs two.
 * Range:  bradley-terry: any number, mean 0 over the group's texts, natural log units. win-rate: [0, 1].
 * Parts:  wins, ties, losses, comparisons, unread; low and high, the 95 % interval of a strength; first_wins, first_ties,
 *         first_losses, ambiguous: verdicts on it when it stood first; as_first_vs_J: their mean against the response at place J,
 *         1 won, −1 lost; hidden_characters, verdict_like; canary on the group's first scored response.
 * Worked: two responses, the first better in both orders: wins 1 and 0; with the prior 1.5 to 0.5, so strengths ±ln(3)/2 = ±0.549306;
 *         win rates 1 and 0. First in both orders only because it stood first there: a tie, 0 and 0; 0.5 and 0.5.
 * Abstains on prompts with images, and on responses for which the plan holds no comparison or none that links them to the others.
 * Fails:  the whole group, with its code, when a call failed; `unread_verdict` for a response none of whose comparisons could be read
 *         or that only unread ones link to the others; `verdict_like` with `onVerdictLike: fail`.
 */
export function pairwiseJudge(given: PairwiseJudgeOptions, models: PairwiseJudgeModels): Scorer {
  const options = parseOptions(NAME, optionsSchema, given);
  const criteria = criteriaOf(options);
  const settings: Settings = { ...options, ...(criteria === null ? {} : { criteria }) };
  const range = settings.score === "win-rate" ? ([0, 1] as const) : ([-Infinity, Infinity] as const);
  return perGroup(
    { name: NAME, version: VERSION, range, needs: { minResponses: 2 } },
    async (group, context) => {
      if (group.prompt.images?.length) {
        return group.responses.map(() => abstained("prompt has images, which the judge is not shown"));
      }
      const { contenders, refused } = fieldOf(group, settings);
      const canary = canaryOf(settings, group.prompt.id);
      const [games, hit] = await Promise.all([
        playTournament(models.judge, group, contenders, settings, context),
        canary && judgeCanary(models.judge, canary, settings, context),
      ]);
      if ("kind" in games) return failAll(group, games.code, games.why);
      if (typeof hit === "object" && hit !== null) return failAll(group, hit.code, hit.why);
      const scores = new Array<Score>(group.responses.length);
      const place = (places: readonly number[], score: Score): void => {
        for (const at of places) scores[at] = score;
      };
      const standings = scoresOf(contenders, games, settings);
      for (const [player, { places }] of contenders.entries()) {
        place(places, standings[player] ?? abstained("the plan holds no comparison for this response"));
      }
      for (const { places, flags } of refused) {
        const failed = guardFailure(flags, settings);
        if (failed) place(places, failed);
      }
      return typeof hit === "number" ? withCanary(scores, hit) : scores;
    },
  );
}

export const definition = defineScorer<Settings, PairwiseJudgeModels>({
  name: NAME,
  version: VERSION,
  summary: "Compares responses two by two with a chat model, in both orders; Bradley–Terry or win rate.",
  options: optionsSchema,
  example: { judge: "judge" },
  cost: "paid",
  usesSeed: true,
  // Canaries, plans and coins are drawn by them.
  usesIds: true,
  orderSensitive: true,
  models: { judge: { port: "chat" } },
  files: ["rubric"],
  fingerprint: (options) =>
    judgeFingerprint({ criteria: criteriaOf(options), canaries: options.canaries ? CANARIES : [] }),
  create: (options, models) => pairwiseJudge(options, models),
  checkGroup,
  plannedCalls,
  diagnose: ({ orders, plan }, isOwn) =>
    orderBias({ orders, againstBaseline: plan.use === "baseline", isOwn }),
});

/** The canary's outcome goes with the first response that has a score. */
function withCanary(scores: readonly Score[], hit: number): readonly Score[] {
  const first = scores.findIndex(({ kind }) => kind === "scored");
  return scores.map((score, index) =>
    index === first && score.kind === "scored"
      ? { ...score, parts: { ...score.parts, [PARTS.canary]: hit } }
      : score,
  );
}

/** Tokens of the instructions around the texts. */
const AROUND = 400;

function plannedCalls(settings: Settings, group: Group): readonly PlannedCalls[] {
  const { prompt, responses } = group;
  if (responses.length < 2 || prompt.images?.length) return [];
  const { contenders } = fieldOf(group, settings, planned);
  const matches = matchCount(settings.plan, contenders);
  const canary = canaryOf(settings, prompt.id) ? callsPerMatch({ ...settings, samples: 1 }) : 0;
  const calls = matches * callsPerMatch(settings);
  if (calls + canary === 0) return [];
  const texts = contenders.reduce((sum, { shown }) => sum + estimateTokens(shown), 0);
  const around =
    AROUND +
    messageTokens(prompt.messages) +
    estimateTokens(referenceOf(prompt, settings.useReference) ?? "");
  return [
    {
      model: "judge",
      calls: calls + canary,
      promptTokens:
        calls * (around + Math.ceil((2 * texts) / Math.max(1, contenders.length))) + canary * 2 * AROUND,
      outputTokens: ((calls + canary) * settings.maxTokens) / 2,
    },
  ];
}

/** Matches of one group beyond which a plan is taken for a slip: all pairs of 101 responses. */
const MOST_MATCHES = 5_000;

/** Throws `bad_option` for a plan that costs out of all proportion, or whose scores are known beforehand to be missing. */
function checkGroup(settings: Settings, group: Group): void {
  const { plan, score } = settings;
  const { length } = group.responses;
  const swiss = plan.use === "swiss" && score === "bradley-terry" ? plan : null;
  const isLinked = (count: number): boolean =>
    swiss === null || swissRounds(swiss, count) >= swissRounds({}, count);
  // Equal texts are one player, and fewer players play fewer matches and need fewer rounds: texts are looked at in doubt only.
  if ((length * (length - 1)) / 2 <= MOST_MATCHES && isLinked(length)) return;
  if (group.prompt.images?.length) return;
  const { contenders } = fieldOf(group, settings, planned);
  const count = contenders.length;
  const matches = matchCount(plan, contenders);
  const place = { place: { promptId: group.prompt.id, scorer: NAME } };
  if (matches > MOST_MATCHES) {
    throw new PrefkitError(
      "bad_option",
      `the plan "${plan.use}" holds ${matches} comparisons for the ${count} different responses of this group; ${MOST_MATCHES} is the most.`,
      "give `plan: { use: swiss }` or `plan: { use: round-robin, opponents: 8 }`, or fewer responses.",
      place,
    );
  }
  if (swiss === null || isLinked(count)) return;
  throw new PrefkitError(
    "bad_option",
    `a Swiss plan of ${swissRounds(swiss, count)} rounds cannot link the ${count} different responses of this group, which takes ${swissRounds({}, count)}: those that are not linked would abstain.`,
    "leave `rounds` out of the plan, give more, or score by `win-rate`, which needs no links.",
    place,
  );
}
