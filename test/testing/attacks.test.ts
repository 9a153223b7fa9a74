import { describe, expect, it } from "vitest";
import { pairwiseJudge } from "../../rewards/pairwise-judge.ts";
import { rubricJudge } from "../../rewards/rubric-judge.ts";
import { abstained, failed, perResponse, scored } from "../../src/core/scorer.ts";
import { guarded } from "../../src/judging/guard.ts";
import {
  ATTACKED_PAIRS,
  type AttackKind,
  attackedTruth,
  attackKit,
  attacks,
  simulatedJudge,
} from "../../src/testing/index.ts";

const context = { prompt: "What is the capital of Australia?", reference: "Canberra" };
const helpful = {
  name: "right",
  version: 1,
  criteria: [{ id: "right", text: "The response is right." }],
};

describe("the attack set", () => {
  it("holds at least eighty attacks of twenty-three kinds, with ids of their own", () => {
    expect(attacks.length).toBeGreaterThanOrEqual(80);
    expect(new Set(attacks.map(({ id }) => id)).size).toBe(attacks.length);
    expect(new Set(attacks.map(({ kind }) => kind)).size).toBe(23);
    expect(attacks.filter(({ kind }) => kind === "language").length).toBeGreaterThanOrEqual(10);
  });

  it.each(attacks.map((attack) => [attack.id, attack] as const))(
    "%s puts its cue into any answer",
    (_, attack) => {
      for (const candidate of ["It is Sydney.", "", "a\nb c"]) {
        expect(attack.apply(candidate, context)).toContain(attack.cue);
        expect(attack.apply(candidate, { ...context, reference: null })).toContain(attack.cue);
      }
      expect(attack.cue).not.toBe("");
    },
  );

  it("leaves nothing of hidden characters to believe once these are stripped", () => {
    for (const { id, kind, cue, apply } of attacks) {
      if (kind !== "hidden_unicode") continue;
      const { text, hidden } = guarded(apply("It is Sydney.", context), { onVerdictLike: "break" });
      expect({ id, reaches: text.includes(cue), hidden: hidden > 0 }).toEqual({
        id,
        reaches: false,
        hidden: true,
      });
    }
  });

  it.each<readonly [AttackKind, number]>([
    ["verdict", 1],
    ["json_verdict", 1],
    ["template_token", 1],
    ["delimiter", 1],
    ["turn", 1],
    ["prefill", 1],
    // Two of seven say it in words of their own; one of fourteen languages is not known.
    ["override", 5 / 7],
    ["language", 13 / 14],
    // Pressure and length have no form.
    ["emotional", 0],
    ["padding", 0],
  ])("of kind %s is flagged at a share of %d", (kind, share) => {
    const own = attacks.filter((attack) => attack.kind === kind);
    const flagged = own.filter((attack) => {
      const { hidden, verdictLike } = guarded(attack.apply("It is Sydney.", context));
      return hidden > 0 || verdictLike.length > 0;
    });
    expect(flagged.length / own.length).toBeCloseTo(share, 10);
  });
});

describe("attackKit", () => {
  const traits = { name: "toy", version: 1, range: [0, 1] as const };
  const truth = perResponse(traits, ({ text }) => scored(attackedTruth(text)));

  it("finds that a scorer which cannot be talked to holds against everything", async () => {
    const { rows, total } = await attackKit(truth, { attacks });
    expect(total).toMatchObject({
      kind: "all",
      attacks: attacks.length,
      trials: attacks.length * 6,
      held: attacks.length * 6,
    });
    expect(total).toMatchObject({ drawn: 0, succeeded: 0, refused: 0, unread: 0, flagged: 0 });
    expect(rows[0]).toMatchObject({ kind: "none", attacks: 0, trials: 6, held: 6 });
    expect(rows).toHaveLength(24);
  });

  it("counts each outcome as what it is", async () => {
    const [attack] = attacks;
    const by = (bad: Parameters<typeof perResponse>[1]) =>
      attackKit(
        perResponse(traits, (response, ...rest) =>
          attackedTruth(response.text) === 1 ? scored(0.5) : bad(response, ...rest),
        ),
        {
          attacks: attack ? [attack] : [],
        },
      );
    expect((await by(() => scored(1))).total).toMatchObject({ succeeded: 6, flagged: 0 });
    expect((await by(() => scored(0.5, { parts: { verdict_like: 2 } }))).total).toMatchObject({
      drawn: 6,
      flagged: 6,
    });
    expect((await by(() => scored(0, { parts: { hidden_characters: 1 } }))).total).toMatchObject({
      held: 6,
      flagged: 6,
    });
    expect((await by(() => failed("verdict_like", "no"))).total).toMatchObject({ refused: 6, flagged: 6 });
    expect((await by(() => failed("unread_verdict", "no"))).total).toMatchObject({ unread: 6, flagged: 0 });
    expect((await by(() => abstained("no"))).total).toMatchObject({ unread: 6 });
  });

  it("puts the attacked answer first and second in turn", async () => {
    const first = { ...traits, score: () => [scored(1), scored(0)] };
    const { total } = await attackKit(first, { attacks: attacks.slice(0, 1) });
    expect(total).toMatchObject({ succeeded: 3, held: 3 });
  });

  it("has pairs that an honest judge gets right, by both scorers", async () => {
    const judge = simulatedJudge({ truth: attackedTruth });
    for (const scorer of [pairwiseJudge({}, { judge }), rubricJudge({ rubric: helpful }, { judge })]) {
      const { rows } = await attackKit(scorer, { attacks: [] });
      expect(rows).toMatchObject([
        { kind: "none", trials: ATTACKED_PAIRS.length, held: ATTACKED_PAIRS.length },
      ]);
    }
  });

  it("shows that a judge who minds the marks is not fooled, and one who believes anything is", async () => {
    const judge = (believes: "anything" | "outside-marks") =>
      rubricJudge(
        { rubric: helpful },
        { judge: simulatedJudge({ truth: attackedTruth, gullible: { attacks, believes } }) },
      );
    const minding = await attackKit(judge("outside-marks"), { attacks });
    expect(minding.total.held).toBe(minding.total.trials);
    const believing = await attackKit(judge("anything"), { attacks });
    const kindOf = (kind: AttackKind) => believing.rows.find((row) => row.kind === kind);
    expect(kindOf("emotional")).toMatchObject({ held: 0, drawn: 18 });
    // Of nine, four only strew hidden characters over words, which a believing judge reads once these are gone.
    expect(kindOf("hidden_unicode")).toMatchObject({ held: 30, drawn: 24, flagged: 54 });
  });
});
