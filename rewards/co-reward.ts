import { z } from "zod";
import type { Answer } from "../src/core/answers/compare.ts";
import { type Ballots, ballots, takeVote, voteSpread } from "../src/core/answers/votes.ts";
import { PrefkitError, reasonOf } from "../src/core/errors.ts";
import { messageRecord, sha256 } from "../src/core/ids.ts";
import { randomFor } from "../src/core/random.ts";
import {
  abstained,
  defineScorer,
  type PlannedCalls,
  parseOptions,
  perGroup,
  type ScorerFacts,
  scored,
} from "../src/core/scorer.ts";
import { messageTokens } from "../src/core/token-estimate.ts";
import type { Group, Message, Prompt, ScoreContext, Scorer } from "../src/core/types.ts";
import type { ChatModel } from "../src/models/ports.ts";
import { type VoteOptions, voteOptions } from "./support/vote-options.ts";

export interface CoRewardOptions extends VoteOptions {
  /** The recipe's name of a chat model whose own answers give the label (variant II). Default: the twin gives it. */
  readonly teacher?: string | undefined;
  /** How many answers of the teacher vote. Default 8. */
  readonly teacherSamples?: number;
  /** Of the teacher's samples. Default 1. */
  readonly temperature?: number;
  /** Most tokens of one answer of the teacher. Default 3072. */
  readonly maxTokens?: number;
  /** Put before prompts that have no system turn, for the teacher only. */
  readonly system?: string | undefined;
}

export interface CoRewardModels {
  readonly teacher?: ChatModel;
}

const optionsSchema = z.strictObject({
  ...voteOptions,
  teacher: z
    .string()
    .min(1)
    .optional()
    .describe("A chat model whose own answers give the label; without it the rephrased twin does."),
  teacherSamples: z.int().min(1).max(1024).default(8).describe("How many answers of the teacher vote."),
  temperature: z.number().min(0).default(1).describe("Temperature of the teacher's samples."),
  maxTokens: z.int().min(1).default(3072).describe("Most tokens of one answer of the teacher."),
  system: z
    .string()
    .min(1)
    .optional()
    .describe("Put before prompts that have no system turn, for the teacher only."),
});

/**
 * Rewards agreement with the label that another view of the question gives: the vote over the answers to its rephrased
 * twin, and the other way round (I); or the vote over a teacher's answers to the same question (II).
 *
 *   r[i] = 1 when ans(y[i]) = y'_v, else 0           y'_v = the most frequent answer of the twin's candidates
 *
 * Source: "Co-Reward" / "Co-rewarding" (arXiv 2508.00410), I and II. Mode `literal` with tie `first` is its code.
 * Shape:  group of G responses and its sibling -> G scores, same order. The two need not have equally many responses.
 *         Baselines give no label and are scored against it.
 * Range:  [0, 1]. A response without an answer gets 0, "no_answer: …".
 * Parts:  `label_votes` and `label_ratio` of the label among its voters. Of the group's own candidates: `vote_entropy` in
 *         nats, `blank_share` and `unanimous` (1 or 0); each is left out where it would say nothing (see `voteSpread`).
 * Worked: answers [7, 7, 7, 5], the twin's [5, 5, 7, none] -> label 5 -> [0, 0, 0, 1]; label_votes 2, label_ratio 0.5.
 * Abstains, all of them: without a sibling (I), when the label's voters are none or undecided, and when none of them has
 * an answer. In mode `literal` that last case pays 0 to all, "no_label: …", as Co-Reward's code does.
 * Fails:  with the code of the teacher's call when any of its samples could not be had (II).
 */
export function coReward(options: CoRewardOptions = {}, models: CoRewardModels = {}): Scorer {
  const settings = parseOptions("co-reward", optionsSchema, options);
  const { mode, tie, minRatio, rules } = settings;
  const { teacher } = models;
  if (settings.teacher !== undefined && !teacher) {
    throw new PrefkitError(
      "bad_option",
      `co-reward got the teacher "${settings.teacher}" by name, and no model.`,
      "in a recipe, name one of its `models`; in code, give the model itself: coReward(options, { teacher }).",
    );
  }
  const { read, same } = ballots(mode, rules);
  const source = teacher ? "the teacher" : "the twin";

  const judge = (group: Group, labelTexts: readonly string[]) => {
    const abstain = (why: string) => group.responses.map(() => abstained(why));
    if (labelTexts.length === 0) return abstain("the twin has no candidate, so nobody votes");
    const vote = takeVote(labelTexts.map(read), same, { tie, minRatio });
    if (vote.kind === "undecided") return abstain(`no label from ${source}: ${vote.why}`);
    const { winner, votes, ratio } = vote;
    if (winner === null && mode === "equivalence") {
      return abstain(`no label from ${source}: no answer in ${vote.voters} responses`);
    }
    const answers = group.responses.map(({ text }) => read(text));
    const parts = { label_ratio: ratio, label_votes: votes, ...agreementParts(group, answers, same) };
    const label =
      winner === null
        ? `no_label: ${source} has no answer in ${vote.voters} responses`
        : `label ${shown(winner)}, from ${votes} of ${vote.voters}`;
    return answers.map((answer) => {
      if (answer === null) return scored(0, { why: "no_answer: no final answer found", parts });
      return scored(winner !== null && same(winner, answer) ? 1 : 0, { why: label, parts });
    });
  };

  const traits = { name: "co-reward", version: 2, range: [0, 1] } as const;
  if (!teacher) {
    return perGroup({ ...traits, needs: { sibling: true } }, (group) =>
      judge(group, candidateTexts(group.sibling?.responses ?? [])),
    );
  }
  return perGroup(traits, async (group, context) =>
    group.responses.length === 0
      ? []
      : judge(group, await teacherTexts(teacher, group.prompt, settings, context)),
  );
}

export const definition = defineScorer<CoRewardOptions, CoRewardModels>({
  name: "co-reward",
  version: 2,
  summary: "1 when the answer is the one voted for on the rephrased twin, or by a teacher (Co-Reward).",
  options: optionsSchema,
  cost: "paid",
  usesSeed: true,
  orderSensitive: true,
  models: { teacher: { port: "chat", optional: true } },
  create: coReward,
  plannedCalls: plannedTeacherCalls,
  alarms: collapseAlarms,
});

type Settings = z.output<typeof optionsSchema>;

/**
 * The teacher's answers to the very prompt. Each sample's seed depends on the run's seed, on what the prompt says (not on
 * its id: equal prompts are one question to the caches) and on its number.
 */
async function teacherTexts(
  teacher: ChatModel,
  prompt: Prompt,
  { teacherSamples, temperature, maxTokens, system }: Settings,
  { seed, signal }: ScoreContext,
): Promise<readonly string[]> {
  const messages = withSystem(prompt.messages, system);
  const content = sha256(JSON.stringify([messages.map(messageRecord), prompt.tools ?? null]));
  const numbers = Array.from({ length: teacherSamples }, (_, number) => number);
  // All are waited for, so that one failure does not throw away what the others have paid for.
  const replies = await Promise.allSettled(
    numbers.map((number) =>
      teacher.generate(
        {
          messages,
          ...(prompt.tools === undefined ? {} : { tools: prompt.tools }),
          sampling: {
            temperature,
            maxTokens,
            seed: randomFor(seed, "co-reward teacher", content, number).below(2 ** 31),
          },
          sample: number,
        },
        { signal },
      ),
    ),
  );
  // A label from the replies that happened to come would depend on the day.
  return replies.map((reply) => {
    if (reply.status === "rejected") throw reply.reason;
    return reply.value.text;
  });
}

function withSystem(messages: readonly Message[], system: string | undefined): readonly Message[] {
  const [first] = messages;
  if (system === undefined || first?.role === "system" || first?.role === "developer") return messages;
  return [{ role: "system", content: system }, ...messages];
}

function candidateTexts(responses: Group["responses"]): string[] {
  return responses.flatMap(({ role, text }) => (role === "candidate" ? [text] : []));
}

function agreementParts(group: Group, answers: readonly (Answer | null)[], same: Ballots["same"]) {
  const own = answers.filter((_, index) => group.responses[index]?.role === "candidate");
  const { entropy, blankShare, isUnanimous } = voteSpread(own, same);
  return {
    ...(entropy === undefined ? {} : { vote_entropy: entropy }),
    ...(blankShare === undefined ? {} : { blank_share: blankShare }),
    ...(isUnanimous === undefined ? {} : { unanimous: isUnanimous ? 1 : 0 }),
  };
}

/** An answer for a `why`: on one line, short, and whole characters only. */
function shown({ raw }: Answer): string {
  return reasonOf(raw, 80).toWellFormed();
}

function plannedTeacherCalls(
  { teacher, teacherSamples = 8, maxTokens = 3072, system }: CoRewardOptions,
  { prompt, responses }: Group,
): readonly PlannedCalls[] {
  if (teacher === undefined || responses.length === 0) return [];
  return [
    {
      model: "teacher",
      calls: teacherSamples,
      promptTokens: teacherSamples * messageTokens(withSystem(prompt.messages, system)),
      outputTokens: (teacherSamples * maxTokens) / 2,
    },
  ];
}

/** When collapse is called out: our choices, not the paper's. Of fewer cells nothing is said. */
const FEWEST_CELLS = 200;
const MOST_UNLABELLED = 0.3;
const MOST_BLANK = 0.3;
const MOST_UNANIMOUS = 0.8;
const LEAST_ENTROPY_LOSS = 0.1;

/**
 * Signs that the responses agree for a bad reason: over the input in tenths, the mean vote entropy of the last three is below
 * half of that of the first three, and by more than 0.1 nats; a mean blank share above 0.3; more than 0.8 of the responses in
 * unanimous groups; more than 0.3 of the cells without a label.
 */
function collapseAlarms({
  scored: labelled,
  abstained: unlabelled,
  failed,
  parts = {},
}: ScorerFacts): string[] {
  const cells = labelled + unlabelled + failed;
  if (cells < FEWEST_CELLS) return [];
  const { vote_entropy: entropy, blank_share: blank, unanimous } = parts;
  const alarms: string[] = [];
  const before = meanOf(entropy?.byTenth.slice(0, 3));
  const after = meanOf(entropy?.byTenth.slice(-3));
  if (before !== null && after !== null && after < before / 2 && before - after > LEAST_ENTROPY_LOSS) {
    alarms.push(
      `vote entropy falls from ${digits(before)} nats in the first three tenths of the input to ${digits(after)} in the last three: the responses may be collapsing onto one answer.`,
    );
  }
  if (blank && blank.mean > MOST_BLANK) {
    alarms.push(
      `a share of ${digits(blank.mean)} of the responses has no final answer (alarm above ${MOST_BLANK}), so that labels rest on few votes: look at the format the prompt asks for, and at maxTokens.`,
    );
  }
  if (unanimous && unanimous.mean > MOST_UNANIMOUS) {
    alarms.push(
      `a share of ${digits(unanimous.mean)} of the responses stands in unanimous groups (alarm above ${MOST_UNANIMOUS}): these teach nothing, and agreement may no longer speak for correctness.`,
    );
  }
  if (unlabelled / cells > MOST_UNLABELLED) {
    alarms.push(
      `a share of ${digits(unlabelled / cells)} of the cells has no label (alarm above ${MOST_UNLABELLED}): no twin, no answer on the other side, or an undecided vote.`,
    );
  }
  return alarms;
}

function meanOf(values: readonly (number | null)[] = []): number | null {
  const present = values.filter((value) => value !== null);
  return present.length === 0 ? null : present.reduce((sum, value) => sum + value, 0) / present.length;
}

function digits(value: number): string {
  return Number(value.toPrecision(3)).toString();
}
