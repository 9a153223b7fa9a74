import { z } from "zod";
import type { Message, RewardedGroup } from "../core/types.ts";
import { listOf, optional, required } from "../store/schema.ts";
import type { Row } from "../store/table.ts";
import {
  defineLayout,
  extrasFault,
  MESSAGE_LIST,
  messageFrom,
  messageRows,
  noRow,
  oneRow,
  plainFault,
  ratedExample,
  responseFault,
} from "./layout-support.ts";
import { type RatingColumn, ratingColumns, scoredValue } from "./listed-scores.ts";
import type { GroupLayout, LeftOut, PairLayout, TrainerAdapter } from "./trainer-adapter.ts";

/**
 * UltraFeedback's two layouts: the binarized one of pairs, and the original one of rated completions.
 *
 * Facts: the features of the cards of HuggingFaceH4/ultrafeedback_binarized (`prompt`, `prompt_id`, `chosen`, `rejected`, `messages`,
 * `score_chosen`, `score_rejected`; its splits are train_prefs and test_prefs, ours keep their names) and of openbmb/UltraFeedback
 * (`instruction`, `models`, `completions` with `model`, `custom_system_prompt`, `response`, `overall_score` and `annotations`, whose
 * `Rating` is text). Shape-tested and loaded by `datasets`.
 */
export const ultrafeedback: TrainerAdapter = {
  name: "ultrafeedback",
  title: "UltraFeedback",
  layouts: {
    preference: defineLayout({
      summary: "the binarized layout: chosen and rejected are whole conversations, with both rewards.",
      options: z.strictObject({}),
      create: (): PairLayout => binarized,
    }),
    ratings: defineLayout({
      summary: "the original layout: an instruction with its rated completions; overall_score is the reward.",
      options: z.strictObject({
        scores: z
          .string()
          .default("")
          .describe(
            "Scores that become annotations, separated by commas, as in helpfulness=help,honesty: column=score, or one name for both.",
          ),
      }),
      create: ({ scores }, facts) => original(ratingColumns(scores, facts, [])),
    }),
  },
};

const binarized: PairLayout = {
  from: "pairs",
  format: "parquet",
  rowSet: {
    name: "ultrafeedback-preference",
    version: 1,
    columns: [
      required("prompt", "string"),
      required("prompt_id", "string"),
      required("chosen", MESSAGE_LIST),
      required("rejected", MESSAGE_LIST),
      required("messages", MESSAGE_LIST),
      required("score_chosen", "double"),
      required("score_rejected", "double"),
    ],
  },
  rows: (pair) => {
    const fault = plainFault(pair.prompt) ?? extrasFault(pair);
    if (fault !== null) return noRow(pair.pairId, fault);
    const asked = pair.prompt.at(-1);
    if (asked?.role !== "user") return noRow(pair.pairId, "its last turn is not the user's");
    const chosen = messageRows([...pair.prompt, ...pair.chosen]);
    return oneRow({
      prompt: asked.content,
      prompt_id: pair.promptId,
      chosen,
      rejected: messageRows([...pair.prompt, ...pair.rejected]),
      messages: chosen,
      score_chosen: pair.chosenReward,
      score_rejected: pair.rejectedReward,
    });
  },
  examples: (row) => {
    const chosen = conversation(row.chosen);
    const rejected = conversation(row.rejected);
    return [
      {
        kind: "preference",
        prompt: chosen.slice(0, -1),
        chosen: chosen.slice(-1),
        rejected: rejected.slice(-1),
      },
    ];
  },
  lengthRules: [],
  companions: () => [],
};

function conversation(value: unknown): readonly Message[] {
  return (value as readonly Row[]).map(messageFrom);
}

function original(annotations: readonly RatingColumn[]): GroupLayout {
  const ratings = annotations.map(({ column }) =>
    required(column, { kind: "struct", fields: [required("Rating", "string")] }),
  );
  return {
    from: "groups",
    readsScores: annotations.length > 0,
    format: "parquet",
    rowSet: {
      name: "ultrafeedback-ratings",
      version: 1,
      columns: [
        required("instruction", "string"),
        required("models", { kind: "list", element: { kind: "string" } }),
        required(
          "completions",
          listOf(
            required("model", "string"),
            required("custom_system_prompt", "string"),
            required("response", "string"),
            optional("overall_score", "double"),
            ...(ratings.length === 0 ? [] : [required("annotations", { kind: "struct", fields: ratings })]),
          ),
        ),
      ],
    },
    rows: (rewarded) => {
      const { prompt } = rewarded.group;
      const asked = instructionOf(prompt.messages);
      if (asked === null)
        return noRow(prompt.id, "the prompt is not one user turn, with or without a system turn");
      const fault = plainFault(prompt.messages) ?? extrasFault(prompt);
      if (fault !== null) return noRow(prompt.id, fault);
      const completions = completionsOf(rewarded, asked.system, annotations);
      const leftOut = emptyResponses(rewarded);
      if (completions.length === 0) {
        return leftOut.length > 0 ? { rows: [], leftOut } : noRow(prompt.id, "it has no candidate responses");
      }
      const models = completions.map(({ model }) => model);
      return { rows: [{ instruction: asked.user, models, completions }], leftOut };
    },
    examples: ({ instruction, completions }) =>
      (completions as readonly Row[]).map(({ custom_system_prompt, response }) => {
        const system = custom_system_prompt === "" ? [] : [turn("system", custom_system_prompt)];
        return ratedExample([...system, turn("user", instruction)], response);
      }),
    lengthRules: [],
    companions: () => [],
  };
}

function turn(role: "system" | "user", content: unknown): Message {
  return { role, content: content as string };
}

function instructionOf(
  messages: readonly Message[],
): { readonly system: string; readonly user: string } | null {
  const [first, second, ...others] = messages;
  if (others.length > 0 || !first) return null;
  if (!second) return first.role === "user" ? { system: "", user: first.content } : null;
  return first.role === "system" && second.role === "user"
    ? { system: first.content, user: second.content }
    : null;
}

function emptyResponses({ group }: RewardedGroup): readonly LeftOut[] {
  return group.responses.flatMap(({ id, role, text }) => {
    const why = role === "baseline" ? null : responseFault(text);
    return why === null ? [] : [{ id, why }];
  });
}

function completionsOf(
  rewarded: RewardedGroup,
  system: string,
  annotations: readonly RatingColumn[],
): (Row & { readonly model: string })[] {
  return rewarded.group.responses.flatMap((response, index) => {
    if (response.role === "baseline" || responseFault(response.text) !== null) return [];
    const rated = annotations.map(({ column, score }) => {
      const value = scoredValue(rewarded, score, index);
      // As the original writes a rating that it does not have.
      return [column, { Rating: value === null ? "N/A" : String(value) }] as const;
    });
    return [
      {
        model: response.model ?? "",
        custom_system_prompt: system,
        response: response.text,
        overall_score: rewarded.rewards[index] ?? null,
        ...(rated.length === 0 ? {} : { annotations: Object.fromEntries(rated) }),
      },
    ];
  });
}
