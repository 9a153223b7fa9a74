import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  CPO_LOSS_TYPES,
  type CpoOptions,
  cpoLoss,
  DPO_LOSS_TYPES,
  type DpoOptions,
  type DpoPair,
  dpoLoss,
  GRPO_LOSS_TYPES,
  type GrpoAdvantageOptions,
  type GrpoOptions,
  type GrpoSequence,
  grpoAdvantages,
  grpoLoss,
  type KtoExample,
  type KtoOptions,
  ktoKl,
  ktoLoss,
  type OrpoOptions,
  type OrpoPair,
  orpoLoss,
  type PairLogprobs,
  type PreferenceResult,
  type RewardLossOptions,
  type RewardPair,
  type RewardTable,
  rewardLoss,
  simpoLoss,
  wpoWeight,
} from "../../src/trainers/losses/index.ts";
import { absentFrom, python, root } from "./python.ts";

const absent = absentFrom(
  "import requests, torch, trl; assert trl.__version__ == '1.13.0'",
  "torch, requests or trl 1.13.0",
);

interface Logged {
  readonly accuracies: number;
  readonly margins: number;
}
type Case =
  | { call: "dpo"; options: DpoOptions; rows: (DpoPair & Collisions)[]; loss: number; logged: Logged }
  | { call: "cpo"; options: Required<CpoOptions>; rows: PairLogprobs[]; loss: number; logged: Logged }
  | { call: "alphapo-config"; loss_type: string; cpo_alpha: number }
  | { call: "orpo"; options: OrpoOptions; rows: OrpoPair[]; loss: number; logged: Logged }
  | {
      call: "kto";
      options: KtoOptions;
      rows: KtoExample[];
      mismatched: KtoExample[] | null;
      kl: number;
      loss: number;
    }
  | { call: "reward"; options: RewardLossOptions; rows: RewardPair[]; loss: number; accuracy: number }
  | { call: "grpo"; options: GrpoOptions; rows: GrpoSequence[]; loss: number; kl: number | null }
  | { call: "advantages"; options: GrpoAdvantageOptions; rows: RewardTable; advantages: number[] };

interface Collisions {
  readonly collisions?: PairLogprobs;
}

function casesOf(seed: number): readonly Case[] {
  const { status, stdout, stderr } = spawnSync(
    python,
    [join(root, "test/python/trl_losses.py"), String(seed)],
    {
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  return (JSON.parse(stdout) as { readonly cases: readonly Case[] }).cases;
}

/** TRL sums in float32: its rounding is relative to the numbers, and squares (ipo, sppo_hard) reach the hundreds. */
function close(got: number, trl: number): boolean {
  return Math.abs(got - trl) <= 1e-5 * Math.max(1, Math.abs(trl));
}

function preferenceMisses(
  result: PreferenceResult,
  { loss, logged }: { loss: number; logged: Logged },
): string[] {
  return [
    close(result.loss, loss) ? "" : `loss ${result.loss}, TRL ${loss}`,
    close(result.accuracy, logged.accuracies) ? "" : `accuracy ${result.accuracy}, TRL ${logged.accuracies}`,
    close(result.margin, logged.margins) ? "" : `margin ${result.margin}, TRL ${logged.margins}`,
  ];
}

/** What differs from TRL, in words; nothing when all is equal. */
function misses(found: Case): string[] {
  switch (found.call) {
    case "dpo": {
      const pairs = found.rows.map(({ collisions, ...pair }) => {
        if (collisions === undefined) return pair;
        const { chosen, rejected } = pair.policy;
        const weight = wpoWeight(chosen, collisions.chosen) * wpoWeight(rejected, collisions.rejected);
        return { ...pair, weight };
      });
      return preferenceMisses(dpoLoss(pairs, found.options), found);
    }
    case "cpo": {
      const result = preferenceMisses(cpoLoss(found.rows, found.options), found);
      const { type, alpha, beta, gamma, labelSmoothing, cpoAlpha } = found.options;
      if (type !== "simpo" || alpha !== 0) return result;
      const simpo = { beta, labelSmoothing, sftWeight: cpoAlpha };
      return [
        ...result,
        ...preferenceMisses(simpoLoss(found.rows, { ...simpo, gamma }), found),
        ...preferenceMisses(simpoLoss(found.rows, { ...simpo, gammaBetaRatio: gamma / beta }), found),
      ];
    }
    case "alphapo-config":
      return [
        found.loss_type === "simpo" && found.cpo_alpha === 0 ? "" : "alphapo is not simpo without cpo_alpha",
      ];
    case "orpo":
      return preferenceMisses(orpoLoss(found.rows, found.options), found);
    case "kto": {
      const kl = found.mismatched === null ? undefined : ktoKl(found.mismatched);
      const { loss } = ktoLoss(found.rows, { ...found.options, ...(kl === undefined ? {} : { kl }) });
      return [
        close(loss, found.loss) ? "" : `loss ${loss}, TRL ${found.loss}`,
        close(kl ?? 0, found.kl) ? "" : `kl ${kl}, TRL ${found.kl}`,
      ];
    }
    case "reward": {
      const { loss, accuracy } = rewardLoss(found.rows, found.options);
      return [
        close(loss, found.loss) ? "" : `loss ${loss}, TRL ${found.loss}`,
        close(accuracy, found.accuracy) ? "" : `accuracy ${accuracy}, TRL ${found.accuracy}`,
      ];
    }
    case "grpo": {
      const { loss, kl } = grpoLoss(found.rows, found.options);
      return [
        close(loss, found.loss) ? "" : `loss ${loss}, TRL ${found.loss}`,
        close(kl ?? 0, found.kl ?? 0) ? "" : `kl ${kl}, TRL ${found.kl}`,
      ];
    }
    case "advantages":
      return grpoAdvantages(found.rows, found.options).map((advantage, index) =>
        close(advantage, found.advantages[index] ?? Number.NaN)
          ? ""
          : `advantage ${index} is ${advantage}, TRL ${found.advantages[index]}`,
      );
  }
}

function typesTried(cases: readonly Case[], call: Case["call"]): readonly string[] {
  const named = cases.flatMap((found) => {
    if (found.call !== call || !("options" in found) || !("type" in found.options)) return [];
    const { type } = found.options;
    return typeof type === "string" ? [type] : (type ?? []).map((each) => each.type);
  });
  return [...new Set(named)].sort();
}

describe.skipIf(absent !== "")(`losses against TRL 1.13's own code${absent}`, { timeout: 180_000 }, () => {
  it.each([1, 2])("are the same within 1e-5 on random batches: seed %i", (seed) => {
    const cases = casesOf(seed);
    const unlike = cases.flatMap((found, index) =>
      misses(found)
        .filter((miss) => miss !== "")
        .map(
          (miss) =>
            `${index} ${found.call} ${"options" in found ? JSON.stringify(found.options) : ""}: ${miss}`,
        ),
    );
    expect(unlike).toEqual([]);
    expect(cases.length).toBeGreaterThan(300);
    expect(typesTried(cases, "dpo")).toEqual([...DPO_LOSS_TYPES].sort());
    expect(typesTried(cases, "cpo")).toEqual([...CPO_LOSS_TYPES].sort());
    expect(typesTried(cases, "grpo")).toEqual([...GRPO_LOSS_TYPES].sort());
  });
});
