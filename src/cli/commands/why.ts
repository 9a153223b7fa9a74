import { resolve } from "node:path";
import { Command } from "commander";
import pc from "picocolors";
import {
  type ExplainedScore,
  type ExplainedSide,
  type ExplainedTerm,
  explainPair,
  firstPairs,
  type PairExplanation,
} from "../../annotate/explain-pair.ts";
import { nodeFiles } from "../../core/files.ts";
import type { Json, Score } from "../../core/types.ts";
import { isClose } from "../../store/check-contracts.ts";
import type { CommandSetup } from "../program.ts";
import { shortPath } from "../run-summary.ts";
import { visible, visibleBlock, visibleJson, visibleLine } from "../visible.ts";

interface Flags {
  readonly json?: boolean;
}

const LISTED_PAIRS = 20;

export function whyCommand({ terminal, exit }: CommandSetup): Command {
  return new Command("why")
    .description(
      "Tell how a pair came about: its texts, scores with their reasons, and what made the rewards.",
    )
    .argument("<dir>", "a finished dataset")
    .argument(
      "[pair-id]",
      `a pair's id, or its first digits; without it the first ${LISTED_PAIRS} ids are listed`,
    )
    .option("--json", "print everything, texts in full, as JSON on stdout")
    .addHelpText(
      "after",
      `
Texts are shortened, and control characters in them are made visible.

Examples:
  $ prefkit why out                  # some ids
  $ prefkit why out 3f2a9c
  $ prefkit why out 3f2a9c --json`,
    )
    .action(async (given: string, id: string | undefined, { json }: Flags) => {
      const directory = resolve(terminal.directory, given);
      if (id === undefined) {
        const pairs = await firstPairs(nodeFiles, directory, LISTED_PAIRS);
        if (json) terminal.out(visibleJson({ ok: true, pairs }));
        else
          for (const { pairId, promptId, rewardMargin } of pairs) {
            terminal.out(`${pairId}  margin ${figure(rewardMargin)}  ${visibleLine(promptId)}`);
          }
        if (pairs.length === 0) terminal.err("The dataset has no pairs.");
      } else {
        const explanation = await explainPair(nodeFiles, directory, id);
        if (json) terminal.out(visibleJson({ ok: true, ...explanation }));
        else
          for (const line of explanationLines(explanation, shortPath(directory, terminal.directory)))
            terminal.out(line);
      }
      exit(0);
    });
}

function explanationLines(explained: PairExplanation, shown: string): string[] {
  const { pairId, promptId, place, prompt, reference, terms, gates, note, chosen, rejected } = explained;
  return [
    `${pc.bold(`pair ${visibleLine(pairId)}`)}  ${visibleLine(`${shown}/${place.file}`, 300)}, row ${place.row}`,
    `rule ${visibleLine(explained.rule)}  ${visibleLine(json(explained.pairsConfig), 300)}`,
    "",
    pc.bold(`prompt ${visibleLine(promptId)}`),
    ...prompt.flatMap(({ role, content }) => [`  ${pc.dim(`${visibleLine(role)}:`)}`, ...indented(content)]),
    ...(reference === null ? [] : [`  ${pc.dim("reference:")} ${visibleLine(reference, 300)}`]),
    "",
    ...sideLines("chosen", chosen),
    "",
    ...sideLines("rejected", rejected),
    "",
    `${pc.bold("margin")} ${figure(explained.rewardMargin)} = ${figure(chosen.reward)} − ${figure(rejected.reward)}`,
    `rewards of the group: ${explained.group.map((response) => groupReward(response, explained)).join(", ")}`,
    "",
    ...table(
      ["scores", "chosen", "rejected"],
      explained.scores.flatMap((score) => scoreRows(score)),
    ),
    "",
    ...(terms ? termLines(terms) : []),
    ...(gates ?? []).map(({ gate: { score, below, above, reward }, decided }) => {
      const bound = below === undefined ? `above ${figure(above ?? 0)}` : `below ${figure(below)}`;
      const effect = decided.length === 0 ? "did not decide" : `decided on ${decided.join(" and ")}`;
      return `  gate ${visibleLine(score)} ${bound} -> reward ${figure(reward)}: ${effect}`;
    }),
    ...[chosen, rejected].flatMap(differenceLines),
    ...(note === null ? [] : [`${pc.yellow("note:")} ${visibleLine(note, 300)}`]),
    "",
    pc.bold("config"),
    ...explained.scores.map(({ name, configHash, config }) => {
      const stands = config === null ? "not in run.json" : visibleLine(json(config), 400);
      return `  ${visibleLine(configHash)}  ${visibleLine(name)}: ${stands}`;
    }),
  ];
}

function sideLines(name: string, { response, reward }: ExplainedSide): string[] {
  const model = response.model === undefined ? "" : `  ${visibleLine(response.model)}`;
  return [
    `${pc.bold(name)}  reward ${figure(reward)}${model}  ${pc.dim(response.id)}`,
    ...(response.reasoning === undefined
      ? []
      : [`  ${pc.dim("reasoning:")}`, ...indented(response.reasoning)]),
    ...indented(response.text),
  ];
}

function indented(text: string): string[] {
  return visibleBlock(text)
    .split("\n")
    .map((line) => `    ${line}`);
}

function groupReward(
  { responseId, role, reward }: PairExplanation["group"][number],
  { chosen, rejected }: PairExplanation,
): string {
  const place =
    responseId === chosen.response.id
      ? " (chosen)"
      : responseId === rejected.response.id
        ? " (rejected)"
        : "";
  return `${figure(reward)}${role === "candidate" ? place : ` (${visibleLine(role)})`}`;
}

/** A row with the values, then a row for each part and reason. */
function scoreRows({ name, scorer, version, chosen, rejected }: ExplainedScore): string[][] {
  const parts = [...new Set([chosen, rejected].flatMap((score) => Object.keys(partsOf(score))))];
  return [
    [`${visibleLine(name)} (${visibleLine(scorer)} ${version})`, cell(chosen), cell(rejected)],
    ...parts.map((part) => [
      `  ${visibleLine(part)}`,
      figure(partsOf(chosen)[part] ?? null),
      figure(partsOf(rejected)[part] ?? null),
    ]),
    ...reasonRows("chosen", chosen),
    ...reasonRows("rejected", rejected),
  ];
}

function partsOf(score: Score): Readonly<Record<string, number>> {
  return score.kind === "scored" ? (score.parts ?? {}) : {};
}

function cell(score: Score): string {
  return score.kind === "scored" ? figure(score.value) : score.kind;
}

/** One cell alone spans the table. */
function reasonRows(side: string, score: Score): string[][] {
  const code = score.kind === "failed" ? `${score.code}: ` : "";
  return score.why === undefined ? [] : [[`    ${side}: ${visibleLine(`${code}${score.why}`, 160)}`]];
}

function termLines(terms: readonly ExplainedTerm[]): string[] {
  const sum = (side: "chosen" | "rejected"): number | null =>
    terms.reduce<number | null>((total, term) => {
      const { contribution } = term[side];
      return contribution === null ? total : (total ?? 0) + contribution;
    }, null);
  return [
    ...table(
      ["reward = Σ weight × value", "weight", "chosen", "", "rejected", ""],
      [
        ...terms.map(({ score, weight, transforms, chosen, rejected }) => [
          [score, ...transforms].map((name) => visibleLine(name)).join(" → "),
          figure(weight),
          figure(chosen.value),
          `-> ${figure(chosen.contribution)}`,
          figure(rejected.value),
          `-> ${figure(rejected.contribution)}`,
        ]),
        ["sum", "", "", `-> ${figure(sum("chosen"))}`, "", `-> ${figure(sum("rejected"))}`],
      ],
    ),
  ];
}

/** A dataset whose reward cannot be had again from its own scores was changed, or made by another version. */
function differenceLines({ response, reward, recomputedReward }: ExplainedSide): string[] {
  if (recomputedReward === null || isClose(reward, recomputedReward)) return [];
  return [
    `${pc.yellow("warning:")} response ${response.id} has reward ${reward} here, and its scores give ${recomputedReward}; run \`prefkit check\`.`,
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row.length === 1 ? 0 : (row[column]?.length ?? 0)))),
  );
  const line = ([first = "", ...others]: readonly string[], indent: number): string =>
    others.length === 0
      ? `${" ".repeat(indent)}${first}`
      : [
          `${" ".repeat(indent)}${first}`.padEnd((widths[0] ?? 0) + 2),
          ...others.map((text, column) => text.padEnd(widths[column + 1] ?? 0)),
        ]
          .join("  ")
          .trimEnd();
  return [pc.bold(line(head, 0)), ...rows.map((row) => line(row, 2))];
}

/** Six digits say enough; `--json` has them all. */
function figure(value: number | null): string {
  return value === null ? "–" : String(Number(value.toPrecision(6)));
}

function json(value: Json): string {
  return visible(JSON.stringify(value));
}
