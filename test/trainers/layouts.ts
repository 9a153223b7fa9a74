import { pairId } from "../../src/core/ids.ts";
import type { Message, Prompt, RewardedGroup } from "../../src/core/types.ts";
import type { RowExtras } from "../../src/store/row-sets.ts";
import { rewardedGroupOf } from "../../src/testing/rewarded-group.ts";
import type {
  ExportedFacts,
  ExportKind,
  ExportLayout,
  PairRecord,
  SourceFacts,
  TrainerAdapter,
} from "../../src/trainers/trainer-adapter.ts";

export const NO_EXTRAS: SourceFacts = { extras: {}, scores: [] };

/** A layout as `prefkit export` makes it: options through their schema. */
export function layoutOf(
  trainer: TrainerAdapter,
  kind: ExportKind,
  options: Readonly<Record<string, unknown>> = {},
  extras: RowExtras = {},
): ExportLayout {
  return layoutWith(trainer, kind, options, { extras, scores: [] });
}

/** A layout that is known to be made from pairs, or from groups. */
export function layoutFrom<From extends ExportLayout["from"]>(
  trainer: TrainerAdapter,
  kind: ExportKind,
  from: From,
  options: Readonly<Record<string, unknown>> = {},
  facts: SourceFacts = NO_EXTRAS,
): Extract<ExportLayout, { from: From }> {
  const layout = layoutWith(trainer, kind, options, facts);
  if (layout.from !== from) throw new Error(`${kind} is made from ${layout.from}`);
  return layout as Extract<ExportLayout, { from: From }>;
}

function layoutWith(
  { name, layouts }: TrainerAdapter,
  kind: ExportKind,
  options: Readonly<Record<string, unknown>>,
  facts: SourceFacts,
): ExportLayout {
  const definition = layouts[kind];
  if (!definition) throw new Error(`${name} has no ${kind}`);
  return definition.create(definition.options.parse(options), facts);
}

/** The rows of a layout for a record of its own kind. */
export function rowsOf(layout: ExportLayout, pair: PairRecord, group: RewardedGroup = groupWith([])) {
  return layout.from === "pairs" ? layout.rows(pair) : layout.rows(group);
}

export const QUESTION = { role: "user", content: "What is 9 * 2?" } as const satisfies Message;

/** A pair for a test: one user turn, margin 0.5. `sides`: the texts of chosen and rejected. */
export function pairOf(
  changes: Partial<PairRecord> & { readonly sides?: readonly [string, string] } = {},
): PairRecord {
  const { sides: [chosen, rejected] = ["It is 18, twice nine.", "It is 26, I think."], ...rest } = changes;
  return {
    pairId: pairId("prompt-1", "a", "b", "best-vs-worst"),
    promptId: "prompt-1",
    prompt: [QUESTION],
    chosen: [{ role: "assistant", content: chosen }],
    rejected: [{ role: "assistant", content: rejected }],
    chosenReward: 0.75,
    rejectedReward: 0.25,
    rewardMargin: 0.5,
    chosenId: "a",
    rejectedId: "b",
    metadata: {},
    ...rest,
  };
}

export function groupWith(
  rewards: readonly (number | null)[],
  prompt: Partial<Prompt> = {},
  options: Parameters<typeof rewardedGroupOf>[1] = {},
): RewardedGroup {
  const made = rewardedGroupOf(rewards, options);
  return { ...made, group: { ...made.group, prompt: { ...made.group.prompt, ...prompt } } };
}

export const MULTI_TURN = [
  { role: "system", content: "Be brief." },
  { role: "user", content: "Hello" },
  { role: "assistant", content: "Hi." },
  QUESTION,
] as const satisfies readonly Message[];

export const WITH_TOOLS: readonly Message[] = [
  { role: "user", content: "Weather in Rome?" },
  {
    role: "assistant",
    content: "",
    toolCalls:
      '[{"id":"c1","type":"function","function":{"name":"weather","arguments":"{\\"city\\":\\"Rome\\"}"}}]',
  },
  { role: "tool", content: "21 degrees", toolCallId: "c1" },
];

export const TOOLS =
  '[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{}}}}]';

export const DEVELOPER: readonly Message[] = [{ role: "developer", content: "Be brief." }, QUESTION];

export const TRAIN_ONLY: ExportedFacts = {
  files: { train: ["data/train-00000-of-00001.parquet"] },
};

export const TWO_FILES: ExportedFacts = {
  files: {
    train: ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"],
    test: ["data/test-00000-of-00001.parquet"],
  },
};

/** The companion at a path. */
export function companion(layout: ExportLayout, facts: ExportedFacts, path: string): string {
  const found = layout.companions(facts).find((file) => file.path === path);
  if (!found) throw new Error(`no companion ${path}`);
  return found.text;
}

/** Counts as a trainer sees them. */
export function lengthsOf(prompt: number, ...responses: readonly number[]) {
  return { prompt, responses };
}
