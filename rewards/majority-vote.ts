import { z } from "zod";
import { ballots, takeVote } from "../src/core/answers/votes.ts";
import { abstained, defineScorer, parseOptions, perGroup, scored } from "../src/core/scorer.ts";
import type { Score, Scorer } from "../src/core/types.ts";
import { type VoteOptions, voteOptions } from "./support/vote-options.ts";

export type MajorityVoteOptions = VoteOptions;

const optionsSchema = z.strictObject(voteOptions);

/**
 * Rewards agreement with the most frequent answer of the group: self-consistency without a reference.
 *
 *   r[i] = 1 when ans[i] = mode(ans), else 0
 *
 * Source: Zuo et al. 2025, "TTRL"; mode `literal` with tie `first` is the vote of Co-Reward (2025).
 * Shape:  group of G responses -> G scores, same order. Baselines do not vote and are scored against the winner.
 * Range:  [0, 1]; a response without an answer gets 0, "no_answer: …", and counts in the ratio's denominator.
 * Parts:  `votes` for the winner, and `ratio` = votes / voters in [0, 1]; 0 and 0 when nobody answers.
 * Worked: answers [7, 7, 7, 5] -> [1, 1, 1, 0], votes 3, ratio 0.75.
 * Abstains, all of them: fewer than two responses, no voter, ratio below `minRatio`, a tie with tie `none`.
 * Order:  with tie `first` the winner of a tie depends on the order of responses; with the others nothing does.
 */
export function majorityVote(options: MajorityVoteOptions = {}): Scorer {
  const { mode, tie, minRatio, rules } = parseOptions("majority-vote", optionsSchema, options);
  const { read, same } = ballots(mode, rules);
  return perGroup(
    { name: "majority-vote", version: 2, range: [0, 1], needs: { minResponses: 2 } },
    ({ responses }) => {
      const answers = responses.map(({ text }) => read(text));
      const voters = answers.filter((_, index) => responses[index]?.role === "candidate");
      const abstain = (why: string): Score[] => responses.map(() => abstained(why));
      if (voters.length === 0) return abstain("group has no candidate, so nobody votes");
      const vote = takeVote(voters, same, { tie, minRatio });
      if (vote.kind === "undecided") return abstain(vote.why);

      const { winner, votes, ratio } = vote;
      return answers.map((answer) => {
        const parts = { ratio, votes };
        if (answer === null) return scored(0, { why: "no_answer: no final answer found", parts });
        return scored(winner !== null && same(winner, answer) ? 1 : 0, { parts });
      });
    },
  );
}

export const definition = defineScorer<MajorityVoteOptions>({
  name: "majority-vote",
  version: 2,
  summary: "1 when the answer is the group's most frequent one, else 0 (TTRL, self-consistency).",
  options: optionsSchema,
  orderSensitive: true,
  create: majorityVote,
});
