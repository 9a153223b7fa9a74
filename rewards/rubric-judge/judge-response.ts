import type { Criterion, CriterionVerdict, Rubric } from "../../src/core/rubric/rubric.ts";
import { scoreRubric } from "../../src/core/rubric/score-rubric.ts";
import { tagScores } from "../../src/core/rubric/tag-scores.ts";
import { failed } from "../../src/core/scorer.ts";
import type { Failed, Prompt, Score, ScoreContext } from "../../src/core/types.ts";
import { type Flags, flagParts, guardFailure } from "../../src/judging/guard.ts";
import { type PanelVerdict, panelVerdict } from "../../src/judging/panel.ts";
import type { ReadVerdict } from "../../src/judging/read-verdict.ts";
import type { ChatModel } from "../../src/models/ports.ts";
import { askEither, askExpected, askVerdict, together, type Verdict } from "./ask-judge.ts";
import { type Settings, TAG } from "./options.ts";
import { criterionQuestions, responseQuestions, type Shown, shownTo } from "./questions.ts";

export interface Bench {
  readonly rubric: Rubric;
  readonly judges: readonly ChatModel[];
  readonly settings: Settings;
}

/** The score of one text: all judges are asked about all criteria at once, and all have answered before it is there. */
export async function judgeResponse(
  prompt: Prompt,
  text: string,
  bench: Bench,
  context: ScoreContext,
): Promise<Score> {
  const { rubric, judges, settings } = bench;
  const { shown, flags } = shownTo(prompt, text, settings);
  const refused = guardFailure(flags, settings);
  if (refused) return refused;
  const byJudge = await together(judges.map((judge) => askAll(judge, shown, bench, context)));
  const settled = rubric.criteria.map((criterion, index) =>
    settle(
      criterion,
      byJudge.map((answers) => answers[index] as Verdict | Failed),
      bench,
    ),
  );
  const broken = settled.find(({ failure }) => failure !== null && failure.code !== "unread_verdict");
  if (broken?.failure) return broken.failure;
  const verdicts = settled.map(({ verdict }) => verdict);
  const score = scoreRubric(rubric, verdicts);
  if (score.kind === "failed") {
    // The judge's own trouble says more than the rubric's rule.
    return score.code === "unread_verdict"
      ? (settled.find(({ failure }) => failure)?.failure ?? score)
      : score;
  }
  if (score.kind === "abstained") return score;
  const unmet = whyOf(rubric, settled);
  const why = [unmet, score.why ?? ""].filter((line) => line !== "").join("; ");
  return {
    ...score,
    ...(why === "" ? {} : { why }),
    parts: {
      ...score.parts,
      ...(settings.tagScores && tagParts(rubric, verdicts)),
      ...notes(settled, flags, bench),
    },
    raw: rawOf(byJudge, bench),
  };
}

/** One judge's verdict on each criterion, in order. */
async function askAll(
  judge: ChatModel,
  shown: Shown,
  { rubric, settings }: Bench,
  context: ScoreContext,
): Promise<readonly (Verdict | Failed)[]> {
  if (settings.calls === "per-response") {
    const answered = await askEither(judge, responseQuestions(shown, rubric, settings), settings, context);
    if (answered.kind === "failed") return rubric.criteria.map(() => answered);
    const { answer, ambiguous, reply } = answered;
    return answer.map((verdict) => ({ kind: "answered", verdict, ambiguous, text: reply.text }));
  }
  return together(
    rubric.criteria.map((criterion) => {
      const questions = criterionQuestions(shown, criterion, rubric, settings);
      return criterion.scale && settings.expected === "logprobs"
        ? askExpected(judge, questions, criterion.scale, settings, context)
        : askVerdict(judge, questions, settings, context);
    }),
  );
}

interface Settled {
  readonly criterion: Criterion;
  readonly verdict: CriterionVerdict;
  /** Why there is no verdict; null when there is one. */
  readonly failure: Failed | null;
  /** Of the judges that answered. */
  readonly answers: readonly Verdict[];
  readonly panel: PanelVerdict | null;
}

function settle(
  criterion: Criterion,
  given: readonly (Verdict | Failed)[],
  { judges, settings }: Bench,
): Settled {
  const answers = given.filter((answer) => answer.kind === "answered");
  const failures = given.filter((answer) => answer.kind === "failed");
  const quorum = settings.quorum ?? judges.length;
  // A quorum forgives what cannot be read. A call that failed may go well the next time, and the score would depend on the day.
  const broken = failures.find(({ code }) => code !== "unread_verdict");
  if (broken || answers.length < quorum) {
    const first = broken ?? failures[0];
    const failure = failed(
      first?.code ?? "unread_verdict",
      `${criterion.id}: ${first?.why ?? "no judge answered"}`,
    );
    return { criterion, verdict: null, failure, answers, panel: null };
  }
  const panel = panelVerdict(
    answers.map(({ verdict }) => verdict),
    settings.panel,
    criterion.scale ? "rating" : "binary",
    answers.map(saidBy),
  );
  const undecided = `${criterion.id}: the ${answers.length} judges that answered are undecided`;
  const failure = panel.verdict === null ? failed("unread_verdict", undecided) : null;
  return { criterion, verdict: panel.verdict, failure, answers, panel };
}

/** What a judge said: the rating that it wrote; of a mean of samples the nearest rating, halves upwards. */
function saidBy({ verdict, expectation }: Verdict): ReadVerdict {
  if (expectation) return expectation.rating;
  return typeof verdict === "number" ? Math.round(verdict) : verdict;
}

/** The criteria that the response does badly by: in short, for whoever looks at the score. */
function whyOf({ weighting }: Rubric, settled: readonly Settled[]): string {
  const judged = settled.flatMap(({ criterion: { id, polarity, points = 0, scale }, verdict }) => {
    if (scale || typeof verdict !== "number") return [];
    const isFault = weighting === "points" ? points < 0 : polarity === "negative";
    return [{ id, isFault, isMet: verdict > 0.5 }];
  });
  const ids = (fault: boolean): string =>
    judged
      .filter(({ isFault, isMet }) => isFault === fault && isMet === fault)
      .map(({ id }) => id)
      .join(", ");
  const lines = { "not met": ids(false), faults: ids(true) };
  return Object.entries(lines)
    .flatMap(([what, list]) => (list === "" ? [] : [`${what}: ${list}`]))
    .join("; ");
}

function tagParts(rubric: Rubric, verdicts: readonly CriterionVerdict[]): Record<string, number> {
  const byTag = Object.entries(tagScores(rubric, verdicts));
  return Object.fromEntries(byTag.map(([tag, value]) => [`${TAG}.${tag}`, value]));
}

/** Named numbers beside the criteria's own; see the scorer's docstring. */
function notes(
  settled: readonly Settled[],
  flags: Flags,
  { judges, settings }: Bench,
): Record<string, number> {
  const answers = settled.flatMap((one) => one.answers);
  const masses = answers.flatMap(({ expectation }) => (expectation ? [expectation.mass] : []));
  const panels = judges.length > 1 ? settled.filter(({ panel }) => panel !== null) : [];
  return {
    ...flagParts(flags),
    ambiguous: answers.filter(({ ambiguous }) => ambiguous).length,
    ...(judges.length > 1 && {
      answered: Math.min(...settled.map((one) => one.answers.length)),
    }),
    ...(panels.length > 0 && {
      disagreement: panels.filter(({ panel }) => panel?.differ).length / panels.length,
    }),
    ...Object.fromEntries(
      panels.flatMap(({ criterion: { id, scale }, panel }) =>
        scale && panel?.deviation != null ? [[`${id}.sd`, panel.deviation]] : [],
      ),
    ),
    ...(settings.expected === "logprobs" && {
      sampled: answers.filter(({ sampled }) => sampled).length,
      ...(masses.length > 0 && { mass: Math.min(...masses) }),
      ...Object.fromEntries(
        settled.flatMap(({ criterion: { id }, answers: ofOne }) => {
          const written = ofOne.flatMap(({ expectation }) => (expectation ? [expectation.rating] : []));
          return written.length === 0 ? [] : [[`${id}.rating`, mean(written)]];
        }),
      ),
    }),
  };
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

/** The replies that verdicts were read from, each under the criterion and the judge. */
function rawOf(
  byJudge: readonly (readonly (Verdict | Failed)[])[],
  { rubric, judges, settings }: Bench,
): string {
  const blocks = byJudge.flatMap((answers, index) =>
    (settings.calls === "per-response" ? answers.slice(0, 1) : answers).flatMap((answer, place) => {
      if (answer.kind === "failed") return [];
      const about = settings.calls === "per-response" ? "all criteria" : rubric.criteria[place]?.id;
      return [`[${about}, ${judges[index]?.id}]\n${answer.text}`];
    }),
  );
  return blocks.join("\n\n");
}
