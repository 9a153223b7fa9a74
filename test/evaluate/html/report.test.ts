import { hash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { htmlReport } from "../../../src/evaluate/html/index.ts";
import type { EvalReport } from "../../../src/evaluate/report.ts";
import { skeletonOf, tagsOf, textOf } from "./page.ts";
import { emptyReport, sampleReport, withFirstScorer } from "./sample-reports.ts";

const EXAMPLE = {
  id: "item-1",
  subset: "law",
  outcome: "wrong",
  prompt: "What is 2 + 2?",
  responses: [
    { text: "4", correct: true, score: 0.25 },
    { text: "5", correct: false, score: 0.75 },
  ],
} as const;

const headings = (page: string): string[] =>
  [...page.matchAll(/<h2>([^<]*)<\/h2>/g)].map(([, heading = ""]) => heading);

describe("the page of a report", () => {
  const report = withFirstScorer(sampleReport(), {
    examples: [EXAMPLE],
    settings: { scorer: "pairwise-judge", version: 1, config: { orders: "both" } },
  });
  const page = htmlReport(report);

  it("says what every scorer got, with its interval and counts", () => {
    const { overall } = report.scorers[0] as EvalReport["scorers"][0];
    const [low, high] = overall.interval ?? [0, 0];
    const text = textOf(page).replaceAll("\u00a0", " ");
    expect(text).toContain(
      `judge-a , accuracy ${(100 * (overall.accuracy ?? 0)).toFixed(1)} % (${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)})`,
    );
    for (const counted of [overall.correct, overall.wrong, overall.tie, overall.unscored]) {
      expect(page).toContain(`<td class="number">${counted}</td>`);
    }
    expect(text).toContain(`unread_verdict ${overall.unscored}`);
  });

  it("has a section for everything that the report holds", () => {
    expect(headings(page)).toEqual([
      "Accuracy",
      "Other readings of the scores",
      "By subset",
      "By length",
      "Judge diagnostics",
      "Margins",
      "Examples",
      "How this was made",
    ]);
  });

  it("says how it was made, and no day or place", () => {
    const text = textOf(page);
    for (const part of [
      "gold/pairs.jsonl",
      "1.2 MB",
      "200 samples, seed 0",
      report.prefkit,
      report.protocol,
      '{"scorer":"pairwise-judge","version":1,"config":{"orders":"both"}}',
    ]) {
      expect(text).toContain(part);
    }
    expect(htmlReport(structuredClone(report))).toBe(page);
  });

  it("loads nothing and runs nothing: its policy allows its own style sheet alone", () => {
    const style = /<style>([^<]*)<\/style>/.exec(page)?.[1] ?? "";
    const policies = tagsOf(page).filter(({ attributes }) => attributes["http-equiv"] !== undefined);
    expect(policies.map(({ attributes }) => attributes.content?.replaceAll("&#39;", "'"))).toEqual([
      `default-src 'none'; style-src 'sha256-${hash("sha256", style, "base64")}'; base-uri 'none'; form-action 'none'`,
    ]);
    expect(style).not.toMatch(/url\(|@import/);
    const names = new Set(tagsOf(page).map(({ name }) => name));
    for (const name of ["script", "link", "img", "iframe", "object", "form", "base", "foreignObject"]) {
      expect(names).not.toContain(name);
    }
    const attributes = tagsOf(page).flatMap((tag) => Object.entries(tag.attributes));
    for (const [name, value] of attributes) {
      expect(name).not.toMatch(/^on|^style$|^src/);
      if (name === "href") expect(value).toMatch(/^#/);
    }
  });

  it("has its headings in order, captions for its tables, and names for its pictures", () => {
    const tags = tagsOf(page).filter(({ kind }) => kind === "open");
    const levels = tags.flatMap(({ name }) => (/^h[1-6]$/.test(name) ? [Number(name.slice(1))] : []));
    expect(levels[0]).toBe(1);
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    for (const [index, level] of levels.entries()) {
      expect(level - (levels[index - 1] ?? 0)).toBeLessThanOrEqual(1);
    }
    const ids = tags.flatMap(({ attributes }) => attributes.id ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { name, attributes } of tags) {
      for (const id of (attributes["aria-labelledby"] ?? "").split(" ").filter(Boolean))
        expect(ids).toContain(id);
      if (attributes.href?.startsWith("#")) expect(ids).toContain(attributes.href.slice(1));
      if (name === "svg")
        expect(attributes.role === "img" || attributes["aria-hidden"] === "true").toBe(true);
    }
  });

  it("draws dots and intervals where the numbers are", () => {
    const [scorer] = sampleReport().scorers;
    const drawn = htmlReport(
      withFirstScorer(sampleReport(), {
        overall: { ...(scorer as EvalReport["scorers"][0]).overall, accuracy: 0.8, interval: [0.7, 0.9] },
      }),
    );
    // The axis goes from 70 to 90 %: 0.7 at 0, 0.8 in the middle, 0.9 at the end.
    expect(drawn).toContain(
      '<line class="interval" x1="0%" x2="100%" y1="50%" y2="50%"/><circle cx="50%" cy="50%" r="4"/>',
    );
    expect(
      [...(drawn.split("</thead>")[0] ?? "").matchAll(/dy="-9"[^>]*>([^<]*)</g)].map(([, at]) => at),
    ).toEqual(["70", "75", "80", "85", "90"]);
  });
});

describe("a page about names that nobody should trust", () => {
  const HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></style></svg><script>alert(1)</script>",
    "--><!-- ]]>",
    "&lt;script&gt; &#60;b&#62;",
    "a\u202egnp.exe",
    "\u2067\u200b\ufeff\u0000\ud800",
    "javascript:alert(1)",
    "`{{x}} <%= x %>`",
    "e\u0301".repeat(5000),
    "…".repeat(20_000),
  ];

  /** The name in question stands wherever a report has a string of somebody's. */
  const report = sampleReport({
    preset: "ppe-correctness",
    items: 30,
    scorers: ["NAME1", "NAME2"],
    subsets: 2,
    subsetName: (index) => `NAME${index}`,
  });
  const placeholders: EvalReport = {
    ...withFirstScorer(report, {
      examples: [
        {
          id: "NAME",
          subset: "NAME",
          outcome: "wrong",
          prompt: "NAME",
          responses: [{ text: "NAME", correct: true, score: null }],
        },
      ],
      settings: { NAME: "NAME" },
      failed: { NAME: 1 },
      metrics: report.scorers[0]?.metrics.map((metric) => ({ ...metric, label: "NAME", note: "NAME" })) ?? [],
      curves:
        report.scorers[0]?.curves.map((curve) => ({
          ...curve,
          label: "NAME",
          xLabel: "NAME",
          yLabel: "NAME",
        })) ?? [],
      margins: { low: -1, high: 1, counts: [1, 2], xLabel: "NAME" },
    }),
    prefkit: "NAME",
    protocol: "NAME",
    gold: { files: [{ path: "NAME", bytes: 1 }], sha256: "NAME", items: 30, prompts: 30, by: "NAME" },
    warnings: ["NAME"],
  };
  const named = (name: string): EvalReport => renamed(placeholders, name) as EvalReport;
  const renamed = (value: unknown, name: string): unknown => {
    if (typeof value === "string") return value.replace("NAME", () => name);
    if (Array.isArray(value)) return value.map((part) => renamed(part, name));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => [key.replace("NAME", () => name), renamed(part, name)]),
    );
  };
  const harmless = skeletonOf(htmlReport(named("name")));

  it.each(HOSTILE.map((name) => [name.slice(0, 30), name]))("%j stays text everywhere", (_, name) => {
    const page = htmlReport(named(name));
    expect(skeletonOf(page)).toEqual(harmless);
    expect(page.length).toBeLessThan(250_000);
    // Line breaks, letters and signs alone: nothing that turns or hides what stands beside it.
    expect(page).not.toMatch(/[\p{Cs}\p{Bidi_C}\u200b\ufeff]|(?!\n)\p{Cc}/u);
  });

  it("has the same tags whatever the names are", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 40 }), (name) => {
        expect(skeletonOf(htmlReport(named(name)))).toEqual(harmless);
      }),
      { numRuns: 40 },
    );
  });
});

describe("a page about little", () => {
  it("says that there are no gold items, without a plot of nothing", () => {
    const page = htmlReport(emptyReport());
    expect(textOf(page)).toContain("No number for any scorer: there are no gold items.");
    expect(headings(page)).toEqual(["Accuracy", "Other readings of the scores", "How this was made"]);
    expect(tagsOf(page).filter(({ name }) => name === "svg")).toEqual([]);
    expect(page).not.toMatch(/NaN|Infinity|undefined|null/);
  });

  it("shows items that nobody scored as unscored, and draws no dot for them", () => {
    const page = htmlReport(sampleReport({ items: 12, unscoredShare: 1, scorers: ["a", "b"] }));
    expect(textOf(page)).toContain("none of the 12 gold items could be measured");
    expect(page).toContain('aria-label="correct 0, tie 0, wrong 0, unscored 12, gold has no preference 0"');
    expect(page).not.toMatch(/<circle|NaN|Infinity|undefined/);
    tagsOf(page);
  });

  it.each([
    ["one bin, since all margins are alike", { low: 1, high: 1, counts: [7], xLabel: "margin" }],
    ["no margin in any bin", { low: 0, high: 1, counts: [0, 0], xLabel: "margin" }],
    ["a margin that is no number", { low: Number.NaN, high: Number.NaN, counts: [3], xLabel: "margin" }],
  ])("draws %s without a broken path", (_, margins) => {
    const page = htmlReport(withFirstScorer(sampleReport({ items: 20 }), { margins }));
    expect(page).not.toMatch(/NaN|Infinity/);
    tagsOf(page);
  });

  it.each([
    ["one point", [[1, 0.5]] as const],
    ["no point", []],
    [
      "a level line",
      [
        [1, 0.5],
        [2, 0.5],
      ] as const,
    ],
    [
      "points that are no numbers",
      [
        [1, Number.NaN],
        [2, Infinity],
      ] as const,
    ],
    ["a hundred thousand points", Array.from({ length: 100_000 }, (_, at) => [at, Math.sin(at)] as const)],
  ])("draws a curve of %s", (_, points) => {
    const curve = { key: "k", label: "curve", xLabel: "K", yLabel: "share", points };
    const page = htmlReport(withFirstScorer(sampleReport({ items: 20 }), { curves: [curve] }));
    expect(page).not.toMatch(/NaN|Infinity/);
    expect(page.length).toBeLessThan(200_000);
    tagsOf(page);
  });

  it("has a dash for each number that is missing", () => {
    const report = sampleReport({ items: 20, scorers: ["a", "b"] });
    const page = htmlReport({
      ...report,
      comparisons: report.comparisons.map((comparison) => ({
        ...comparison,
        difference: null,
        interval: null,
        kappa: null,
      })),
      agreement: { verdicts: null, scoresOrdinal: 0.5, scoresInterval: null },
    });
    expect(page).toContain('<th scope="row">scores by rank (ordinal)</th><td class="number">0.500</td>');
    expect(page).toContain('<th scope="row">scores by value (interval)</th><td class="number">–</td>');
  });
});

describe("a page about much", () => {
  it("shows the 40 largest of 200 subsets, and the others in a table that can be opened", () => {
    const page = htmlReport(
      sampleReport({ items: 4000, subsets: 200, subsetName: (index) => `part-${index};` }),
    );
    const [shown = "", rest = ""] = page.split("<details><summary>160 smaller subsets</summary>");
    expect(textOf(page)).toContain("The 40 largest of 200 subsets.");
    expect(shown.match(/part-\d+;/g)).toHaveLength(40);
    expect(rest.match(/part-\d+;/g)).toHaveLength(160);
    tagsOf(page);
  });

  it("leaves out subsets beyond some hundreds, and says how many", () => {
    const page = htmlReport(
      sampleReport({ items: 3000, subsets: 3000, subsetName: (index) => `part-${index};` }),
    );
    const [, left = ""] = /(\d[\d,]*) more are in the JSON report alone/.exec(page) ?? [];
    expect(page.match(/part-\d+;/g)).toHaveLength(540);
    expect(Number(left.replaceAll(",", ""))).toBeGreaterThan(500);
  });

  it("holds 12 scorers with long names in less than a megabyte, with every comparison", () => {
    const scorers = Array.from(
      { length: 12 },
      (_, index) => `organisation/model-${"long-".repeat(20)}${index}`,
    );
    const report = sampleReport({ items: 1000, scorers, subsets: 200, samples: 20 });
    const page = htmlReport(report);
    expect(Buffer.byteLength(page)).toBeLessThan(1_000_000);
    expect(textOf(page)).toContain("12 scorers against gold labels");
    expect(textOf(page)).toContain("not corrected for 66 comparisons");
    tagsOf(page);
  });

  it("is made of 100,000 pairs in less than a second and less than a megabyte", () => {
    const report = sampleReport({ items: 100_000, scorers: ["a", "b"], subsets: 30, samples: 20 });
    const start = performance.now();
    const page = htmlReport(report);
    expect(performance.now() - start).toBeLessThan(1000);
    expect(Buffer.byteLength(page)).toBeLessThan(1_000_000);
    expect(textOf(page)).toContain("100,000 gold items");
  });

  it("shows the first warnings at once, and says how many more there are", () => {
    const warnings = Array.from({ length: 70 }, (_, index) => `warning-${index};`);
    const page = htmlReport({ ...sampleReport({ items: 20 }), warnings });
    const [seen = "", rest = ""] = page.split("<details><summary>44 more</summary>");
    expect(seen.match(/warning-\d+;/g)).toHaveLength(6);
    expect(rest.match(/warning-\d+;/g)).toHaveLength(44);
    expect(textOf(page)).toContain("20 more are in the JSON report alone.");
    tagsOf(page);
  });

  it("cuts examples, and says what it leaves out", () => {
    const example = {
      ...EXAMPLE,
      prompt: "long ".repeat(2000),
      responses: Array.from({ length: 12 }, () => EXAMPLE.responses[0]),
    };
    const page = htmlReport(
      withFirstScorer(sampleReport({ items: 20 }), { examples: Array.from({ length: 30 }, () => example) }),
    );
    expect(page.match(/class="example"/g)).toHaveLength(20);
    expect(textOf(page)).toContain("10 more are in the JSON report.");
    expect(textOf(page)).toContain("4 more responses are left out.");
    expect(page.length).toBeLessThan(150_000);
  });
});

describe.each([
  ["rewardbench", "RewardBench scores", "Chat Hard"],
  ["judgebench", "JudgeBench scores", "Mathematics"],
  ["ppe-correctness", "PPE, best of K", "best of K, end"],
  ["groups", "Other readings of the accuracy", ""],
  ["ppe-human", "PPE, human preferences", "Spearman"],
] as const)("the preset %s", (preset, heading, label) => {
  it("has its own numbers in a section", () => {
    const page = htmlReport(
      sampleReport({ preset, items: 60, scorers: ["a", "b"], subsetName: () => "math-prm" }),
    );
    expect(headings(page)).toContain(heading);
    expect(textOf(page)).toContain(label);
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
    tagsOf(page);
  });
});

it("tells about the judge apart from how good it is", () => {
  const page = htmlReport(sampleReport({ preset: "judgebench", items: 60 }));
  const [before = "", after = ""] = page.split('<section id="judge">');
  for (const label of [
    "same verdict in both orders",
    "first place wins",
    "kappa between the orders",
    "the longer response wins",
  ]) {
    expect(textOf(before)).not.toContain(label);
    expect(textOf(after)).toContain(label);
  }
});
