import { z } from "zod";
import { PrefkitError } from "../core/errors.ts";
import { hashUnit } from "../core/random.ts";
import type { Json, RewardedGroup } from "../core/types.ts";
import { optional, required } from "../store/schema.ts";
import { joinedTurns, splitTurns } from "./helpsteer2-turns.ts";
import {
  defineLayout,
  extrasFault,
  noRow,
  oneRow,
  onlyText,
  ratedExample,
  requiredText,
  responseFault,
} from "./layout-support.ts";
import { type RatingColumn, ratingColumns, scoredValue } from "./listed-scores.ts";
import type { GroupLayout, LayoutRows, PairLayout, PairRecord, TrainerAdapter } from "./trainer-adapter.ts";

/**
 * HelpSteer2's two layouts: preferences between two responses, and ratings of single ones.
 *
 * Facts: the dataset card of nvidia/HelpSteer2 and its preference/preference.jsonl.gz. Of that file's nine fields these are not
 * written: `split` (ours stand in files by split), `three_most_similar_preferences` and `all_preferences_unprocessed` (what single
 * annotators said). `preference_statement` and `preference_elaboration` come from fields of those names in the prompt's metadata,
 * else they are null. Shape-tested and loaded by `datasets`.
 */
export const helpsteer2: TrainerAdapter = {
  name: "helpsteer2",
  title: "HelpSteer2",
  layouts: {
    preference: defineLayout({
      summary:
        "prompt, response_1, response_2 and preference_strength from -3 to 3 (negative: response_1 is better).",
      options: z.strictObject({
        better: z
          .number()
          .positive()
          .optional()
          .describe("The least reward margin of a strength of 2; without it every strength is 1."),
        muchBetter: z.number().positive().optional().describe("The least reward margin of a strength of 3."),
      }),
      create: ({ better = Infinity, muchBetter = Infinity }) => preference(better, muchBetter),
    }),
    ratings: defineLayout({
      summary: "prompt, response and a column for each score that is named; a row for each response.",
      options: z.strictObject({
        scores: requiredText("scores=KEY,KEY").describe(
          "Columns and the scores that fill them, as in helpfulness=help,verbosity: column=score, or one name for both.",
        ),
      }),
      create: ({ scores }, facts) => ratings(ratingColumns(scores, facts, ["prompt", "response"])),
    }),
  },
};

const PROMPT_FAULT =
  "the prompt is not user and assistant turns in alternation, which is all this layout can hold";

function preference(better: number, muchBetter: number): PairLayout {
  if (muchBetter < better) {
    throw new PrefkitError(
      "bad_option",
      `helpsteer2 preference got muchBetter ${muchBetter} with better ${better === Infinity ? "not given" : better}.`,
      "give better, and a muchBetter that is not below it.",
    );
  }
  const strengthOf = (margin: number): number => (margin >= muchBetter ? 3 : margin >= better ? 2 : 1);
  return {
    from: "pairs",
    format: "jsonl",
    rowSet: {
      name: "helpsteer2-preference",
      version: 1,
      columns: [
        required("prompt", "string"),
        required("response_1", "string"),
        required("response_2", "string"),
        required("preference_strength", "int64"),
        optional("preference_statement", "string"),
        optional("preference_elaboration", "string"),
      ],
    },
    rows: (pair) => {
      const prompt = joinedTurns(pair.prompt);
      const fault = prompt === null ? PROMPT_FAULT : extrasFault(pair);
      return fault === null ? preferenceRow(pair, prompt, strengthOf) : noRow(pair.pairId, fault);
    },
    examples: (row) => {
      const first = row.response_1 as string;
      const second = row.response_2 as string;
      const [chosen, rejected] = (row.preference_strength as number) < 0 ? [first, second] : [second, first];
      return [
        {
          kind: "preference",
          prompt: splitTurns(row.prompt as string),
          chosen: [{ role: "assistant", content: chosen }],
          rejected: [{ role: "assistant", content: rejected }],
        },
      ];
    },
    lengthRules: [],
    companions: () => [],
  };
}

/** The better response stands first in about half of the rows, by a hash of the pair: its place must not give it away. */
function preferenceRow(
  pair: PairRecord,
  prompt: string | null,
  strengthOf: (margin: number) => number,
): LayoutRows {
  const chosen = onlyText(pair.chosen);
  const rejected = onlyText(pair.rejected);
  const strength = strengthOf(pair.rewardMargin);
  const chosenFirst = hashUnit("helpsteer2", pair.pairId) < 0.5;
  return oneRow({
    prompt,
    response_1: chosenFirst ? chosen : rejected,
    response_2: chosenFirst ? rejected : chosen,
    preference_strength: chosenFirst ? -strength : strength,
    preference_statement: textOf(pair.metadata.preference_statement),
    preference_elaboration: textOf(pair.metadata.preference_elaboration),
  });
}

function textOf(value: Json | undefined): string | null {
  return typeof value === "string" ? value : null;
}

function ratings(columns: readonly RatingColumn[]): GroupLayout {
  return {
    from: "groups",
    readsScores: true,
    format: "jsonl",
    rowSet: {
      name: "helpsteer2-ratings",
      version: 1,
      columns: [
        required("prompt", "string"),
        required("response", "string"),
        ...columns.map(({ column }) => required(column, "double")),
      ],
    },
    rows: (rewarded) => {
      const { prompt } = rewarded.group;
      const joined = joinedTurns(prompt.messages);
      const fault = joined === null ? PROMPT_FAULT : extrasFault(prompt);
      if (joined === null || fault !== null) return noRow(prompt.id, fault ?? PROMPT_FAULT);
      const made = rewarded.group.responses.map((_, index) => ratedRow(rewarded, index, joined, columns));
      return {
        rows: made.flatMap(({ rows }) => rows),
        leftOut: made.flatMap(({ leftOut }) => leftOut),
      };
    },
    examples: ({ prompt, response }) => [ratedExample(splitTurns(prompt as string), response)],
    lengthRules: [],
    companions: () => [],
  };
}

function ratedRow(
  rewarded: RewardedGroup,
  index: number,
  prompt: string,
  columns: readonly RatingColumn[],
): LayoutRows {
  const response = rewarded.group.responses[index];
  if (!response || response.role === "baseline") return { rows: [], leftOut: [] };
  const fault = responseFault(response.text);
  if (fault !== null) return noRow(response.id, fault);
  const values = columns.map(({ column, score }) => [column, scoredValue(rewarded, score, index)] as const);
  const missing = values.find(([, value]) => value === null);
  if (missing) return noRow(response.id, `it has no value for ${missing[0]}`);
  return oneRow({ prompt, response: response.text, ...Object.fromEntries(values) });
}
