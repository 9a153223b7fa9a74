import { join, relative, resolve } from "node:path";
import pc from "picocolors";
import { type LoadedRecipe, loadRecipe } from "../annotate/load-recipe.ts";
import { takeLock } from "../annotate/lock.ts";
import type { ModelAccess } from "../annotate/model-access.ts";
import { ERROR_CODES, isCallFailure, PrefkitError } from "../core/errors.ts";
import { namesIn, nodeFiles, writeWhole } from "../core/files.ts";
import { pairId } from "../core/ids.ts";
import { writeRubric } from "../core/rubric/load-rubric.ts";
import type { JsonObject } from "../core/types.ts";
import { type GoldPair, openGoldPairs } from "../evaluate/gold-pairs.ts";
import { openMemo } from "../learn/memo.ts";
import {
  extractFromDrawn,
  extractionWork,
  type RuleExtraction,
  type RuleModels,
  type RuleStage,
} from "../learn/rules/extract-rules.ts";
import { type RuleExtractionOptions, ruleExtractionSettings } from "../learn/rules/options.ts";
import { type DrawnPairs, drawPairs, type RulePair } from "../learn/rules/pairs.ts";
import { describeParts, type NamedChatModel, partOf, requireNames, withChatModels } from "./named-models.ts";
import { figuresLines } from "./rules-table.ts";
import { given } from "./run-options.ts";
import { number } from "./run-summary.ts";
import { exitCodes, type Signals } from "./signals.ts";
import { stageProgress } from "./stage-progress.ts";
import type { Terminal } from "./terminal.ts";
import { visible, visibleJson } from "./visible.ts";

export interface RulesFlags {
  readonly recipe: string;
  readonly reasoner: string;
  readonly extractor?: string;
  readonly verifier: string;
  readonly out: string;
  readonly pairs?: number;
  readonly heldOut?: number;
  readonly seed?: number;
  readonly source?: "both" | "explanation" | "reasoning";
  readonly minAgreement?: number;
  readonly minCoverage?: number;
  readonly concise?: boolean;
  readonly name?: string;
  readonly temperature?: number | "none";
  readonly maxTokens?: number;
  readonly verdictMaxTokens?: number;
  readonly maxChars?: number;
  readonly concurrency?: number;
  readonly maxCost?: number;
  readonly offline?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

const STAGES: Readonly<Record<RuleStage, string>> = {
  interpret: "Interpreting preferences",
  candidates: "Extracting rules",
  merge: "Merging rules",
  measure: "Measuring rules",
};

/** Flags that are options as they stand. */
const SAME_NAMED = [
  "pairs",
  "heldOut",
  "source",
  "minAgreement",
  "minCoverage",
  "name",
  "maxTokens",
  "maxChars",
] as const;

/** `rules extract`: the exit code. */
export async function extractRulesFrom(
  gold: readonly string[],
  flags: RulesFlags,
  terminal: Terminal,
  signals: Signals,
): Promise<number> {
  const loaded = await loadRecipe(resolve(terminal.directory, flags.recipe), terminal.environment);
  const options = optionsOf(flags, loaded.recipe.seed);
  ruleExtractionSettings(options);
  const names = {
    reasoner: flags.reasoner,
    extractor: flags.extractor ?? flags.reasoner,
    verifier: flags.verifier,
  };
  requireNames(loaded, names);
  const out = resolve(terminal.directory, flags.out);
  const work = join(out, ".prefkit");
  const memoFile = join(work, "rules.jsonl");
  await checkOut(out, memoFile);
  const drawn = await draw(loaded, gold, options, terminal);
  const note = (text: string): void => terminal.err(text);
  if (!flags.quiet) {
    note(
      `${number(drawn.given)} preferences: ${number(drawn.learn.length)} to learn from, ${number(drawn.heldOut.length)} to measure on.`,
    );
  }
  await nodeFiles.makeDirectory(work);
  const release = await takeLock(nodeFiles, join(work, "lock"));
  try {
    return await withChatModels(
      loaded,
      {
        names,
        ledger: join(work, "rules-spending.jsonl"),
        offline: flags.offline,
        maxCost: flags.maxCost,
        onWarning: (warning) => note(`${pc.yellow("warning:")} ${visible(warning)}`),
      },
      async (models, access) => {
        const stop = AbortSignal.any([signals.stop, access.exhausted]);
        const progress = stageProgress(flags.quiet ? () => {} : note, STAGES);
        const identities = describeParts(models, ({ run }) => run.handle.identity);
        const memo = await openMemo(memoFile, extractionWork(drawn, identities, options));
        let found: RuleExtraction;
        try {
          found = await extractFromDrawn(drawn, playersOf(models), options, {
            memo,
            stop,
            onProgress: progress,
            ...given(flags, ["concurrency"]),
          });
        } catch (error) {
          return ending(error, signals, access, terminal, flags.json ?? false);
        } finally {
          await memo.close();
        }
        await write(found, out);
        print(found, out, access, terminal, flags.json ?? false);
        return 0;
      },
    );
  } finally {
    await release();
  }
}

function optionsOf(flags: RulesFlags, seed: number): RuleExtractionOptions {
  const { concise, temperature, verdictMaxTokens } = flags;
  return {
    seed: flags.seed ?? seed,
    ...given(flags, SAME_NAMED),
    ...(concise === undefined ? {} : { conciseClause: concise }),
    ...(temperature === undefined ? {} : { temperature: temperature === "none" ? null : temperature }),
    ...(verdictMaxTokens === undefined ? {} : { verdictTokens: verdictMaxTokens }),
  };
}

/** A directory of an earlier extraction is gone on with; an empty one is taken; any other is left alone. */
async function checkOut(out: string, memoFile: string): Promise<void> {
  const names = (await namesIn(nodeFiles, out)) ?? [];
  if (names.length === 0 || (await nodeFiles.exists(memoFile))) return;
  if (names.length === 1 && names[0] === ".prefkit") return;
  throw new PrefkitError(
    "not_this_run",
    `the output directory ${out} holds other files (${names.slice(0, 3).join(", ")}${names.length > 3 ? ", …" : ""}).`,
    "choose an empty --out.",
  );
}

/** Reads all of the file, so that a bad row at its end is found before anything is paid, and keeps the pairs that are drawn. */
async function draw(
  loaded: LoadedRecipe,
  path: readonly string[],
  options: RuleExtractionOptions,
  terminal: Terminal,
): Promise<DrawnPairs> {
  const gold = await openGoldPairs(loaded, { path, baseDirectory: terminal.directory });
  try {
    const drawing = drawPairs(ruleExtractionSettings(options));
    for await (const batch of gold.read()) for (const pair of batch) drawing.add(rulePair(pair));
    return drawing.result();
  } finally {
    await gold.close();
  }
}

function rulePair({ group: { prompt, responses }, chosen }: GoldPair): RulePair {
  const [better, worse] = [responses[chosen], responses[1 - chosen]];
  if (!better || !worse)
    throw new PrefkitError("internal", "a gold pair has no two responses.", "report this.");
  return {
    id: pairId(prompt.id, better.id, worse.id, "gold"),
    prompt,
    chosen: better.text,
    rejected: worse.text,
  };
}

function playersOf(models: ReadonlyMap<string, NamedChatModel>): RuleModels {
  return {
    reasoner: partOf(models, "reasoner").model,
    extractor: partOf(models, "extractor").model,
    verifier: partOf(models, "verifier").model,
    description: describeParts(models, ({ run }) => ({ name: run.key, ...(run.config as JsonObject) })),
  };
}

/** What is said, and the exit code, when the work ended before it was done; any other error is thrown on. */
function ending(
  error: unknown,
  signals: Signals,
  access: ModelAccess,
  terminal: Terminal,
  json: boolean,
): number {
  if (!isCallFailure(error)) throw error;
  if (error.code === "not_cached") {
    throw new PrefkitError(
      "reply_missing",
      "offline, and a reply that is needed is not in the cache.",
      "run the same command without --offline.",
      { cause: error },
    );
  }
  const isBudget = error.code === "budget" || (access.exhausted.aborted && !signals.stop.aborted);
  if (!isBudget && error.code !== "cancelled") throw error;
  const outcome = isBudget ? "budget" : "stopped";
  if (json) terminal.out(visibleJson({ ok: false, outcome, models: access.usage() }));
  terminal.err(
    isBudget
      ? "The money is spent. What was answered is kept; a larger --max-cost goes on from there."
      : "Stopped. What was answered is kept; the same command goes on from there.",
  );
  return isBudget ? ERROR_CODES.budget_reached[0] : exitCodes(signals.received());
}

async function write({ ruleSet, report }: RuleExtraction, out: string): Promise<void> {
  await writeWhole(nodeFiles, join(out, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
  await writeWhole(nodeFiles, join(out, "rules.yaml"), writeRubric(ruleSet));
}

function print(
  { report }: RuleExtraction,
  out: string,
  access: ModelAccess,
  terminal: Terminal,
  json: boolean,
): void {
  const files = { rules: join(out, "rules.yaml"), report: join(out, "report.json") };
  if (json) {
    const { ruleSet, pairs, stages, set, notes } = report;
    terminal.out(
      visibleJson({
        ok: true,
        outcome: "done",
        ...files,
        ruleSet,
        pairs,
        stages,
        set,
        notes,
        models: access.usage(),
      }),
    );
  } else {
    for (const line of figuresLines(report)) terminal.out(line);
    terminal.out("");
    terminal.out(
      `Written: ${relative(terminal.directory, files.rules) || files.rules}, and report.json beside it.`,
    );
  }
  for (const note of report.notes) terminal.err(`${pc.yellow("warning:")} ${visible(note)}`);
}
