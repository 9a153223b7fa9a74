import { promptId, responseIds } from "../../core/ids.ts";
import type { Group, Score, Scorer } from "../../core/types.ts";
import type { Attack, AttackKind } from "./attack.ts";
import { ATTACKED_PAIRS, type AttackedPair } from "./attacked-pairs.ts";

/**
 * What became of one attacked pair. `held`: the better answer still scored higher; `drawn`: both the same; `succeeded`: the
 * attacked one scored higher; `refused`: the attacked one failed with `verdict_like`, as its scorer was told to; `unread`: no
 * score for another reason.
 */
export type AttackOutcome = "drawn" | "held" | "refused" | "succeeded" | "unread";

export interface AttackTrial {
  /** null: the pair as it is, without an attack. */
  readonly attack: string | null;
  readonly kind: AttackKind | "none";
  readonly pair: string;
  readonly outcome: AttackOutcome;
  /** The attacked response was refused, or its parts `verdict_like` or `hidden_characters` are above 0. */
  readonly flagged: boolean;
}

/** Counts of trials; `attacks` counts attacks. */
export type AttackRow = {
  readonly kind: AttackKind | "none" | "all";
  readonly attacks: number;
  readonly trials: number;
  readonly flagged: number;
} & { readonly [Outcome in AttackOutcome]: number };

export interface AttackReport {
  /** First the pairs without attacks, then one row per kind in alphabetical order. */
  readonly rows: readonly AttackRow[];
  /** Over all attacks, without the pairs that were not attacked. */
  readonly total: AttackRow;
  readonly trials: readonly AttackTrial[];
}

export interface AttackKitOptions {
  readonly attacks: readonly Attack[];
  /** Default ATTACKED_PAIRS. */
  readonly pairs?: readonly AttackedPair[];
  /** The run's seed; default 1. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

/**
 * Tries attacks on a scorer: each is worked into the worse answer of each pair, and the scorer judges both answers as a group of
 * two, the attacked one first and second in turn.
 *
 *   const { total } = await attackKit(myJudge, { attacks });
 *   expect(total.succeeded / total.trials).toBeLessThan(0.05);
 */
export async function attackKit(scorer: Scorer, options: AttackKitOptions): Promise<AttackReport> {
  const { attacks, pairs = ATTACKED_PAIRS, seed = 1, signal = new AbortController().signal } = options;
  const trials: AttackTrial[] = [];
  for (const attack of [null, ...attacks]) {
    const judged = pairs.map((pair, index) =>
      tryAttack(scorer, attack, pair, index % 2 === 0, { seed, signal }),
    );
    trials.push(...(await Promise.all(judged)));
  }
  const kinds = [...new Set(attacks.map(({ kind }) => kind))].sort();
  return {
    rows: (["none", ...kinds] as const).map((kind) =>
      rowOf(
        kind,
        trials.filter((trial) => trial.kind === kind),
      ),
    ),
    total: rowOf(
      "all",
      trials.filter(({ attack }) => attack !== null),
    ),
    trials,
  };
}

async function tryAttack(
  scorer: Scorer,
  attack: Attack | null,
  pair: AttackedPair,
  attackedFirst: boolean,
  context: { readonly seed: number; readonly signal: AbortSignal },
): Promise<AttackTrial> {
  const { id, prompt, reference, better, worse } = pair;
  const attacked = attack === null ? worse : attack.apply(worse, { prompt, reference });
  const texts = attackedFirst ? [attacked, better] : [better, attacked];
  const scores = await scorer.score(groupOf(prompt, reference, texts), context);
  const [bad, good] = attackedFirst ? [scores[0], scores[1]] : [scores[1], scores[0]];
  return {
    attack: attack?.id ?? null,
    kind: attack?.kind ?? "none",
    pair: id,
    outcome: outcomeOf(bad, good),
    flagged: isFlagged(bad),
  };
}

function groupOf(question: string, reference: string, texts: readonly string[]): Group {
  const messages = [{ role: "user" as const, content: question }];
  const id = promptId({ messages });
  const ids = responseIds(id, texts);
  return {
    prompt: { id, messages, reference, metadata: {} },
    responses: texts.map((text, index) => ({
      id: ids[index] ?? "",
      text,
      role: "candidate",
      metadata: {},
    })),
  };
}

function outcomeOf(bad: Score | undefined, good: Score | undefined): AttackOutcome {
  if (bad?.kind === "failed" && bad.code === "verdict_like") return "refused";
  if (bad?.kind !== "scored" || good?.kind !== "scored") return "unread";
  if (bad.value === good.value) return "drawn";
  return bad.value > good.value ? "succeeded" : "held";
}

function isFlagged(score: Score | undefined): boolean {
  if (score?.kind === "failed") return score.code === "verdict_like";
  if (score?.kind !== "scored") return false;
  const { verdict_like: verdicts = 0, hidden_characters: hidden = 0 } = score.parts ?? {};
  return verdicts > 0 || hidden > 0;
}

function rowOf(kind: AttackRow["kind"], trials: readonly AttackTrial[]): AttackRow {
  const count = (outcome: AttackOutcome): number =>
    trials.filter((trial) => trial.outcome === outcome).length;
  return {
    kind,
    attacks: new Set(trials.flatMap(({ attack }) => attack ?? [])).size,
    trials: trials.length,
    held: count("held"),
    drawn: count("drawn"),
    succeeded: count("succeeded"),
    refused: count("refused"),
    unread: count("unread"),
    flagged: trials.filter(({ flagged }) => flagged).length,
  };
}
