import { z } from "zod";
import type { Prompt, RewardedGroup } from "../../core/types.ts";
import { required } from "../../store/schema.ts";
import { defineLayout, extrasFault, knownScore, noRow, plainFault, requiredText } from "../layout-support.ts";
import { processRows } from "../process-rows.ts";
import type { GroupLayout, LayoutRows, SourceFacts } from "../trainer-adapter.ts";
import { prmScript } from "./companions.ts";
import { prmLengths } from "./length-rules.ts";

export const stepwiseOptions = z.strictObject({
  score: requiredText("score=KEY").describe("The score whose spans are the steps."),
  threshold: z.number().default(0.5).describe("The least value of a right step."),
  afterFirstError: z
    .enum(["as-is", "false", "drop"])
    .default("as-is")
    .describe("What becomes of the steps after the first wrong one."),
  turns: z
    .enum(["single", "join"])
    .default("single")
    .describe(
      "single: leaves out prompts of several turns, since the trainer reads a text. join: their contents, joined by blank lines.",
    ),
});

export const stepwise = defineLayout({
  summary: "prompt, completions and labels (a step and whether it is right), for a process reward model.",
  options: stepwiseOptions,
  create: (options, facts) =>
    stepwiseLayout("trl-stepwise", options, facts, {
      lengthRules: [prmLengths],
      companions: () => [prmScript()],
    }),
});

/** TRL's layout of steps and labels, for TRL and for trainers that read it too. Throws `unknown_name` for a score the dataset lacks. */
export function stepwiseLayout(
  name: string,
  { turns, ...options }: z.output<typeof stepwiseOptions>,
  facts: SourceFacts,
  trainer: Pick<GroupLayout, "lengthRules" | "companions">,
): GroupLayout {
  knownScore(options.score, facts);
  return {
    from: "groups",
    readsScores: true,
    format: "parquet",
    rowSet: {
      name,
      version: 1,
      columns: [
        required("prompt", "string"),
        required("completions", { kind: "list", element: { kind: "string" } }),
        required("labels", { kind: "list", element: { kind: "boolean" } }),
      ],
    },
    rows: (group) => {
      const { prompt } = group.group;
      const fault = promptFault(prompt, turns);
      return fault === null ? stepRows(group, options) : noRow(prompt.id, fault);
    },
    examples: ({ prompt, completions, labels }) => [
      {
        kind: "stepwise",
        prompt: prompt as string,
        completions: completions as readonly string[],
        labels: labels as readonly boolean[],
      },
    ],
    ...trainer,
  };
}

function promptFault(prompt: Prompt, turns: "single" | "join"): string | null {
  const { messages } = prompt;
  if (turns === "single" && (messages.length !== 1 || messages[0]?.role !== "user")) {
    return "the prompt is not one user turn, which is all that a text can hold (turns=join joins them)";
  }
  return plainFault(messages) ?? extrasFault(prompt);
}

function stepRows(group: RewardedGroup, options: Parameters<typeof processRows>[1]): LayoutRows {
  const made = processRows(group, options);
  return {
    rows: made.rows.map(({ prompt, completions, labels }) => ({ prompt, completions, labels })),
    leftOut: made.leftOut.map(({ responseId, why }) => ({ id: responseId, why: shortReason(why) })),
  };
}

/** A score's own reason is as various as the data, and may hold words of a model; the kind of it is enough to count. */
function shortReason(why: string): string {
  const kind = /^(abstained|failed): /.exec(why)?.[1];
  return kind === undefined ? why : `its score is ${kind}`;
}
