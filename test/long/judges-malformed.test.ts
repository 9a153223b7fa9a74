import { describe, expect, it } from "vitest";
import { autorule } from "../../rewards/autorule.ts";
import { listwiseJudge } from "../../rewards/listwise-judge.ts";
import { pairwiseJudge } from "../../rewards/pairwise-judge.ts";
import { rubricJudge } from "../../rewards/rubric-judge.ts";
import { type Random, randomFor } from "../../src/core/random.ts";
import type { Score, Scorer } from "../../src/core/types.ts";
import type { ChatModel, ChatRequest } from "../../src/models/ports.ts";
import { fakeChatModel, groupOf } from "../../src/testing/index.ts";
import { malformedReplies } from "../../src/testing/simulated-judge/malformed-replies.ts";
import {
  exactly,
  jsonOracle,
  linesOracle,
  listOracle,
  markOracle,
  type Oracle,
  ratingOracle,
  reasoned,
  type Said,
  wordOracle,
} from "./verdict-oracle.ts";

const REPLIES = Number(process.env.PREFKIT_FUZZ ?? 10_000);
const context = { signal: new AbortController().signal, seed: 0 };

interface Form {
  readonly name: string;
  /** Well-formed replies, with a verdict and another one as they stand in the brackets. */
  readonly good: readonly {
    readonly right: string;
    readonly rightMark: string;
    readonly wrongMark: string;
  }[];
  readonly unknownMark: string;
  readonly oracle: Oracle;
  scorer(judge: ChatModel): Scorer;
  /** What the score says was read. */
  verdict(scores: readonly Score[], asked: readonly ChatRequest[]): unknown;
}

const REASONS = "The answers were read twice: one names a source, the other does not.";
function valueIn(scores: readonly Score[]): number | null {
  const [score] = scores;
  return score?.kind === "scored" ? score.value : null;
}

const YES_NO = [
  { right: "[[Yes]]", rightMark: "Yes", wrongMark: "No" },
  { right: "[[No]]", rightMark: "No", wrongMark: "Yes" },
];
const SLOTS = ["A", "B", "C"].map((mark, at) => ({
  right: `[[${mark}]]`,
  rightMark: mark,
  wrongMark: ["B", "C", "A"][at] ?? "",
}));
const RATINGS = ["1", "3", "5"].map((mark) => ({ right: `[[${mark}]]`, rightMark: mark, wrongMark: "2" }));
const asJson = (marks: typeof YES_NO) =>
  marks.map((mark) => ({ ...mark, right: JSON.stringify({ reasons: REASONS, verdict: mark.rightMark }) }));
const lists = (separator: string) =>
  [
    [3, 1, 2],
    [1, 2, 3],
  ].map((list) => ({
    right: `[[${list.join(separator)}]]`,
    rightMark: list.join(separator),
    wrongMark: list.toReversed().join(separator),
  }));

const binary = { name: "r", version: 1, criteria: [{ id: "c", text: "It is good." }] };
const several = {
  ...binary,
  criteria: [
    { id: "c", text: "It is good." },
    { id: "d", text: "It is clear." },
  ],
};
const scaled = {
  ...binary,
  criteria: [{ id: "c", text: "How good it is.", scale: { min: 1, max: 5 } }],
};
/** Only then is a judge not offered NA. */
const applies = { notApplicable: "fail" } as const;
/** What does not apply has no part, but the response has a score. */
const mayNotApply = { notApplicable: "unsatisfied" } as const;
const NOT_APPLICABLE = { na: "not applicable" };
const MET = { yes: 1, no: 0 };
const trimmed = (read: (word: string) => unknown) => (word: string) => read(word.trim());
const part = (scores: readonly Score[], id: string): unknown => {
  const [score] = scores;
  return score?.kind === "scored" ? (score.parts?.[id] ?? "not applicable") : null;
};
const bothParts = (scores: readonly Score[]): unknown =>
  valueIn(scores) === null ? null : `${part(scores, "c")} ${part(scores, "d")}`;
const one = { tries: 1 };
const SLOT_WORDS = { a: 1, b: 0, c: 0.5, tie: 0.5 };

/** The order a list was asked in, by the texts "text 0" to "text 2" of the prompt, and what each was given. */
function listed(
  scores: readonly Score[],
  [request]: readonly ChatRequest[],
  kind: "ranking" | "ratings",
): unknown {
  if (scores.some((score) => score.kind !== "scored")) return null;
  const shown = [...(request?.messages[0]?.content ?? "").matchAll(/text (\d)/g)].map(([, place]) =>
    Number(place),
  );
  const values = shown.map((place) => {
    const score = scores[place];
    return score?.kind === "scored" ? score.value : Number.NaN;
  });
  if (kind === "ratings") return values.join();
  // Rank r of 3 is worth (3 - r) / 2; a ranking lists the places best first.
  return [1, 0.5, 0].map((worth) => values.indexOf(worth) + 1).join();
}

const FORMS: readonly Form[] = [
  ...[false, true].flatMap((offered): Form[] => {
    const rule = offered ? mayNotApply : applies;
    const words = offered ? NOT_APPLICABLE : {};
    const name = offered ? "or NA" : "and no NA";
    return [
      {
        name: `rubric-judge, Yes or No, ${name}`,
        good: offered ? [...YES_NO, { right: "[[NA]]", rightMark: "NA", wrongMark: "No" }] : YES_NO,
        unknownMark: offered ? "Z" : "NA",
        oracle: markOracle(wordOracle({ ...MET, ...words })),
        scorer: (judge) => rubricJudge({ rubric: { ...binary, ...rule }, output: "text", ...one }, { judge }),
        verdict: (scores) => part(scores, "c"),
      },
      {
        name: `rubric-judge, a rating, ${name}`,
        good: offered ? [...RATINGS, { right: "[[NA]]", rightMark: "NA", wrongMark: "2" }] : RATINGS,
        unknownMark: offered ? "6" : "NA",
        oracle: markOracle(ratingOracle(1, 5, words)),
        scorer: (judge) => rubricJudge({ rubric: { ...scaled, ...rule }, output: "text", ...one }, { judge }),
        verdict: (scores) => part(scores, "c"),
      },
    ];
  }),
  {
    name: "rubric-judge, JSON",
    good: asJson(YES_NO),
    unknownMark: "Z",
    oracle: jsonOracle(["reasons", "verdict"], (given) =>
      reasoned(given, trimmed(wordOracle({ ...MET, ...NOT_APPLICABLE }))),
    ),
    scorer: (judge) =>
      rubricJudge({ rubric: { ...binary, ...mayNotApply }, output: "json", ...one }, { judge }),
    verdict: (scores) => part(scores, "c"),
  },
  {
    name: "rubric-judge, JSON of a rating",
    good: [
      ...asJson(RATINGS),
      ...RATINGS.map((mark) => ({ ...mark, right: `{"reasons":"so","verdict":${mark.rightMark}}` })),
    ],
    unknownMark: "6",
    oracle: jsonOracle(["reasons", "verdict"], ({ reasons, verdict }) => {
      // A rating is a number, or one in words.
      const said = typeof verdict === "number" ? String(verdict) : verdict;
      return reasoned({ reasons, verdict: said }, trimmed(ratingOracle(1, 5)));
    }),
    scorer: (judge) => rubricJudge({ rubric: { ...scaled, ...applies }, output: "json", ...one }, { judge }),
    verdict: (scores) => part(scores, "c"),
  },
  {
    name: "rubric-judge, lines",
    good: [
      { right: "c: [[Yes]]\nd: [[No]]", rightMark: "Yes", wrongMark: "No" },
      { right: "c: [[No]]\nd: [[No]]", rightMark: "No", wrongMark: "Yes" },
      { right: "- **c**: [[No]]\n\n- **d**: [[NA]]", rightMark: "No", wrongMark: "Yes" },
    ],
    unknownMark: "Z",
    oracle: linesOracle(["c", "d"], wordOracle({ ...MET, ...NOT_APPLICABLE })),
    scorer: (judge) =>
      rubricJudge(
        { rubric: { ...several, ...mayNotApply }, output: "text", calls: "per-response", ...one },
        { judge },
      ),
    verdict: bothParts,
  },
  {
    name: "rubric-judge, JSON of several",
    good: YES_NO.map((mark) => ({
      ...mark,
      right: JSON.stringify({
        verdicts: {
          c: { reasons: REASONS, verdict: mark.rightMark },
          d: { reasons: REASONS, verdict: "No" },
        },
      }),
    })),
    unknownMark: "Z",
    oracle: jsonOracle(["verdicts"], ({ verdicts }) => {
      const given = exactly(verdicts, ["c", "d"]);
      const read = trimmed(wordOracle({ ...MET, ...NOT_APPLICABLE }));
      const answers = ["c", "d"].map((name) => reasoned(given?.[name], read));
      return answers.includes(null) ? null : answers.join(" ");
    }),
    scorer: (judge) =>
      rubricJudge(
        { rubric: { ...several, ...mayNotApply }, output: "json", calls: "per-response", ...one },
        { judge },
      ),
    verdict: bothParts,
  },
  {
    name: "pairwise-judge",
    good: SLOTS,
    unknownMark: "Z",
    oracle: markOracle(wordOracle(SLOT_WORDS)),
    scorer: (judge) => pairwiseJudge({ orders: "one", score: "win-rate", ...one }, { judge }),
    verdict: valueIn,
  },
  {
    name: "pairwise-judge, JSON",
    good: asJson(SLOTS),
    unknownMark: "Z",
    oracle: jsonOracle(["reasons", "verdict"], (given) => reasoned(given, wordOracle(SLOT_WORDS))),
    scorer: (judge) => pairwiseJudge({ orders: "one", score: "win-rate", output: "json", ...one }, { judge }),
    verdict: valueIn,
  },
  ...(["ratings", "ranking"] as const).map((kind): Form => {
    const separator = kind === "ratings" ? ", " : " > ";
    const read = listOracle(kind, 3);
    return {
      name: `listwise-judge, ${kind}`,
      good: lists(separator),
      unknownMark: kind === "ratings" ? "1, 2" : "2 > 1",
      oracle: markOracle((mark) => {
        const plain = kind === "ranking" ? mark.replaceAll(">", ",") : mark;
        return read(plain.split(",").map((entry) => entry.trim()));
      }),
      scorer: (judge) => listwiseJudge({ answer: kind, ...one }, { judge }),
      verdict: (scores, asked) => listed(scores, asked, kind),
    };
  }),
  {
    name: "listwise-judge, JSON",
    good: lists(", ").map((mark) => ({ ...mark, right: `{"reasons":"so","ratings":[${mark.rightMark}]}` })),
    unknownMark: "1, 2",
    oracle: jsonOracle(["reasons", "ratings"], ({ reasons, ratings }) => {
      if (typeof reasons !== "string" || !Array.isArray(ratings)) return null;
      return ratings.every((entry) => typeof entry === "number")
        ? listOracle("ratings", 3)(ratings.map(String))
        : null;
    }),
    scorer: (judge) => listwiseJudge({ output: "json", ...one }, { judge }),
    verdict: (scores, asked) => listed(scores, asked, "ratings"),
  },
  {
    name: "autorule",
    good: YES_NO,
    unknownMark: "Z",
    oracle: markOracle(wordOracle({ ...MET, ...NOT_APPLICABLE })),
    scorer: (judge) => autorule({ rules: several, notApplicable: "satisfied", ...one }, { judge }),
    // Both rules get the same reply; a rule that does not apply has no part.
    verdict: (scores) => part(scores, "c"),
  },
];

/** A reply out of which nothing may be read by how it was made, or a good one that was changed in one to three places. */
function drawn(form: Form, random: Random): Said & { readonly unreadable: boolean } {
  const good = random.pick(form.good);
  if (random.below(2) === 0) {
    const { rightMark, wrongMark, right } = good;
    const intended = { reasons: REASONS, right, rightMark, wrongMark, unknownMark: form.unknownMark };
    const { text, cut = false } = random.pick(malformedReplies(intended));
    return { text, finishReason: cut ? "length" : "stop", unreadable: true };
  }
  let text = good.right.startsWith("{") ? good.right : `${REASONS}\n${good.right}`;
  let finishReason: string | null = random.pick(["stop", "stop", "end_turn", null]);
  for (let change = random.below(3); change >= 0; change--) {
    if (random.below(3) === 0) {
      text = random.pick(dressings(text, good.wrongMark, random));
      continue;
    }
    const mutated = mutation(text, good.wrongMark, random);
    text = mutated.text;
    if (mutated.cut)
      finishReason = random.pick([
        "length",
        "length",
        "content_filter",
        "refusal",
        "max_tokens",
        "abort",
        "SAFETY",
      ]);
  }
  return { text, finishReason, unreadable: false };
}

/** What stands around verdicts, some of which changes what they are: thinking, fences, labels, quotes, sentences, further keys. */
function dressings(text: string, wrongMark: string, random: Random): readonly string[] {
  const wrong = `[[${wrongMark}]]`;
  const lines = text.split("\n");
  const last = lines.pop() ?? "";
  const lastLine = (changed: string): string => [...lines, changed].join("\n");
  const quoted = JSON.stringify(wrongMark);
  const braces = [...text.matchAll(/\{/g)].map(({ index }) => index + 1);
  const at = braces.length === 0 ? 0 : random.pick(braces);
  const withKey = (key: string): string => `${text.slice(0, at)}${key},${text.slice(at)}`;
  return [
    `<think>\n${wrong}\n</think>\n${text}`,
    `${wrong}, I think.</think>${text}`,
    `<THINKING>${wrong}</THINKING> ${text}`,
    `<think>\n${text}`,
    `<think>${REASONS}</think>\n<think>\n${text}`,
    `${text}\n</think>\n${REASONS}`,
    `${text}\n</think>\n${wrong}`,
    `\`\`\`\n${text}\n\`\`\``,
    `\`\`\`json\n${text}\n\`\`\``,
    `Here it is:\n\`\`\`json\n${text}\n\`\`\``,
    lastLine(`> ${last}`),
    lastLine(`~~${last}~~`),
    lastLine(`**${last}**`),
    lastLine(`"${last}".`),
    lastLine(`Final verdict: ${last}`),
    lastLine(`**My overall rating:** ${last}`),
    lastLine(`## Answer = ${last}`),
    lastLine(`So not ${last}`),
    lastLine(`It is no verdict: ${last}`),
    lastLine(`${last} is what others say`),
    lastLine(`- ${last}`),
    lastLine(`${last}\n\n${last}`),
    lastLine(`${REASONS}\n${last}`),
    lastLine(`d: ${wrong}\n${REASONS}\n${last}`),
    withKey(`"verdict":${quoted}`),
    withKey(`"verdic\\u0074":${quoted}`),
    withKey(`"c":{"reasons":"","verdict":${quoted}}`),
    withKey('"confidence":1'),
    text.replace(/"reasons":"[^"]*",/, ""),
    text.replace(/"reasons":"[^"]*"/, '"reasons":null'),
  ];
}

const INSERTED = [
  "[",
  "]",
  "[[",
  "]]",
  "|",
  "\n",
  "\r\n",
  "\u2028",
  " ",
  "*",
  "**",
  "\u200b",
  "`",
  "A",
  "b",
  "Yes",
  "no",
  "NA",
  "0",
  "3",
  ",",
  ">",
  "-",
  ":",
  "}",
  '"',
  "［",
  "］",
  "Ａ",
  "А",
  "\u0000",
  "\ud83d",
  "#",
  "c: ",
  "{}",
];

function mutation(
  text: string,
  wrongMark: string,
  random: Random,
): { readonly text: string; readonly cut?: true } {
  // The end is where verdicts stand: half of all changes fall on it.
  const from = random.below(2) === 0 ? Math.max(0, text.length - 12) : 0;
  const at = text.length === 0 ? 0 : from + random.below(text.length - from + 1);
  const insert = (what: string): string => `${text.slice(0, at)}${what}${text.slice(at)}`;
  switch (random.below(12)) {
    case 0:
      return { text: text.slice(0, at) + text.slice(at + 1) };
    case 1:
      return { text: text.slice(0, at) + text.slice(at + 1 + random.below(4)) };
    case 2:
    case 3:
    case 4:
      return { text: insert(random.pick(INSERTED)) };
    case 5:
      return { text: text.slice(0, at), cut: true };
    case 6:
      return { text, cut: true };
    case 7:
      return { text: insert(`[[${wrongMark}]]`) };
    case 8:
      return { text: `${text}\n[[${wrongMark}]]` };
    case 9:
      return { text: `[[${wrongMark}]]\n${text}` };
    case 10:
      return { text: random.below(2) === 0 ? text.toUpperCase() : text.toLowerCase() };
    default:
      return {
        text: `${text}${random.pick(["\n", " ", "\n\n---", "\nThat is all.", "**", " [[", '"', ".", "\n```", "\n\n"])}`,
      };
  }
}

describe(`${REPLIES} malformed replies`, () => {
  it.each(FORMS)("become no number that the judge did not give: $name", async (form) => {
    const random = randomFor(1, "malformed", form.name);
    const group = groupOf(
      form.name.startsWith("listwise")
        ? ["text 0", "text 1", "text 2"]
        : form.name.startsWith("pairwise")
          ? ["one", "two"]
          : ["one"],
    );
    const tally = { unread: 0, read: 0, stricter: 0 };
    for (let count = 0; count < REPLIES; count++) {
      const { unreadable, ...said } = drawn(form, random);
      const judge = fakeChatModel({ reply: () => said });
      const scores = await form.scorer(judge).score(group, context);
      const verdict = form.verdict(scores, judge.calls);
      const shown = `${count}: ${JSON.stringify(said)} -> ${JSON.stringify(scores[0])}`;
      const meant = unreadable ? null : form.oracle(said);
      // Where a reply may be quarrelled about, a reader may be stricter than the oracle, but never read another verdict.
      if (verdict === null && meant !== null) tally.stricter += 1;
      else expect(verdict, shown).toEqual(meant);
      if (verdict === null) {
        tally.unread += 1;
        for (const score of scores)
          expect(score, shown).toMatchObject({ kind: "failed", code: "unread_verdict" });
      } else tally.read += 1;
    }
    // Both halves of what may happen were tried.
    expect(tally.unread).toBeGreaterThan(REPLIES / 2);
    expect(tally.read).toBeGreaterThan(REPLIES / 50);
    expect(tally.stricter).toBeLessThan(REPLIES / 100);
  });
});
