import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Importer } from "../../../datasets/importer.ts";
import { importerNamed, importers } from "../../../datasets/index.ts";
import type { Group } from "../../../src/core/types.ts";
import { PUBLISHED } from "./published-rows.ts";

function groupAt(name: string, index: number): Group {
  const { groups } = importerNamed(name).rows(PUBLISHED[name]?.[index] ?? {});
  const [group] = groups;
  if (group === undefined) throw new Error("the row became no group");
  return group;
}

const whyAt = (name: string, index: number): string =>
  importerNamed(name)
    .rows(PUBLISHED[name]?.[index] ?? {})
    .leftOut.map(({ column = "", why }) => `${column} ${why}`.trim())
    .join("; ");

const shown = ({ responses }: Group) => responses.map(({ text, model, metadata }) => [text, model, metadata]);

describe.each(importers.map((importer) => [importer.name, importer] as const))(
  "%s",
  (name, importer: Importer) => {
    it("makes a group of its first published row, with the ratings that it names", () => {
      const { groups } = importer.rows(PUBLISHED[name]?.[0] ?? {});
      expect(groups).toHaveLength(1);
      const metadata = groups[0]?.responses[0]?.metadata ?? {};
      for (const rating of importer.ratings) expect(Object.keys(metadata)).toContain(rating.split(".")[0]);
      expect("preferred" in metadata).toBe(importer.preference);
    });

    it("finds its columns in the published rows", () => {
      for (const column of importer.columns) expect(PUBLISHED[name]?.[0]).toHaveProperty([column]);
    });

    it("never throws and never quotes the data, whatever a row holds", () => {
      const value = fc.oneof(
        fc.string(),
        fc.double(),
        fc.constant(null),
        fc.array(fc.jsonValue()),
        fc.jsonValue(),
      );
      const columns = [...new Set((PUBLISHED[name] ?? []).flatMap((row) => Object.keys(row)))];
      fc.assert(
        fc.property(fc.record(Object.fromEntries(columns.map((column) => [column, value]))), (row) => {
          const { groups, leftOut } = importer.rows({ ...PUBLISHED[name]?.[0], ...row });
          expect(groups.length + leftOut.length).toBeGreaterThan(0);
          for (const { prompt, responses } of groups) {
            expect(prompt.messages.at(-1)?.role).toBe("user");
            for (const { text } of responses) expect(text.trim()).not.toBe("");
          }
        }),
        { numRuns: 200 },
      );
      const secret = "TOPSECRET";
      const damaged = Object.fromEntries(columns.map((column) => [column, { [secret]: secret }]));
      expect(JSON.stringify(importer.rows(damaged))).not.toContain(secret);
    });

    it("says what is missing of an empty row", () => {
      const { groups, leftOut } = importer.rows({});
      expect(groups).toEqual([]);
      expect(leftOut[0]?.column).toBeDefined();
    });
  },
);

describe("ultrafeedback", () => {
  it("keeps every rating of a completion, and leaves out a completion without text", () => {
    const group = groupAt("ultrafeedback", 0);
    expect(group.prompt.messages).toEqual([
      { role: "user", content: "Which city is the capital of France?" },
    ]);
    expect(group.prompt.reference).toBe("Paris");
    expect(group.prompt.metadata).toEqual({
      source: "truthful_qa",
      correct_answers: ["Paris"],
      incorrect_answers: ["Lyon", "Nice"],
    });
    expect(group.responses.map(({ text }) => text)).toEqual(["Lyon.", "Paris.", "Paris, I think."]);
    expect(group.responses[2]).toMatchObject({
      model: "ultralm-13b",
      metadata: {
        ratings: { instruction_following: 4, honesty: 3, truthfulness: 5, helpfulness: null },
        overall_score: 7,
        fine_grained_score: 3.25,
        principle: "helpfulness",
        system_prompt: "Be helpful, ultralm-13b.",
      },
    });
    expect(whyAt("ultrafeedback", 0)).toBe("completions completion 2 has no text.");
  });

  it("leaves out an instruction without completions", () => {
    expect(whyAt("ultrafeedback", 1)).toBe("no response is left.");
  });

  it("takes several correct answers, or none, for no reference", () => {
    const several = { ...PUBLISHED.ultrafeedback?.[0], correct_answers: ["Paris", "Paris."] };
    expect(importerNamed("ultrafeedback").rows(several).groups[0]?.prompt.reference).toBeNull();
    const none = { ...PUBLISHED.ultrafeedback?.[0], correct_answers: ["None"] };
    const prompt = importerNamed("ultrafeedback").rows(none).groups[0]?.prompt;
    expect(prompt?.reference).toBeNull();
    expect(prompt?.metadata).not.toHaveProperty("correct_answers");
  });

  it("takes a score that is NaN, as data frames write missing ones, for none", () => {
    const [first] = (PUBLISHED.ultrafeedback?.[0]?.completions ?? []) as readonly object[];
    const row = { instruction: "x", completions: [{ ...first, overall_score: Number.NaN }] };
    expect(
      importerNamed("ultrafeedback").rows(row).groups[0]?.responses[0]?.metadata.overall_score,
    ).toBeNull();
  });
});

describe("ultrafeedback-binarized", () => {
  it("takes the shared turns for the prompt", () => {
    const group = groupAt("ultrafeedback-binarized", 0);
    expect(group.prompt.messages).toEqual([{ role: "user", content: "Name a sea." }]);
    expect(group.prompt.metadata).toEqual({ source_id: "f00d" });
    expect(shown(group)).toEqual([
      ["The North Sea.", undefined, { score: 8.5, preferred: 1 }],
      ["Everest.", undefined, { score: 2, preferred: 0 }],
    ]);
  });

  it("sees no preference where both scores are equal", () => {
    const metadata = groupAt("ultrafeedback-binarized", 1).responses.map((response) => response.metadata);
    expect(metadata.map(({ preferred }) => preferred)).toEqual([null, null]);
  });

  it("leaves out sides that answer different prompts", () => {
    expect(whyAt("ultrafeedback-binarized", 2)).toBe("chosen the prompt is empty.");
  });
});

describe("helpsteer2", () => {
  it("reads the turns of a prompt", () => {
    expect(groupAt("helpsteer2", 2).prompt.messages).toEqual([
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Hello!" },
      { role: "user", content: "And now?" },
    ]);
  });

  it("leaves out lists of ratings, as of the disagreements", () => {
    expect(whyAt("helpsteer2", 3)).toBe("helpfulness must be a number and is a list.");
  });

  it.each([
    "Hi\n<extra_id_1>Assistant\nHello!",
    "Hi\n<extra_id_1>User\nYou?",
    "\n<extra_id_1>Assistant\n\n<extra_id_1>User\nx",
  ])("leaves out turns out of order: %j", (prompt) => {
    const { leftOut } = importerNamed("helpsteer2").rows({ ...PUBLISHED.helpsteer2?.[0], prompt });
    expect(leftOut).toEqual([{ column: "prompt", why: expect.stringContaining("turns are not user") }]);
  });
});

describe("helpsteer2-preference", () => {
  it("puts the preferred response first, its strength as the margin", () => {
    expect(shown(groupAt("helpsteer2-preference", 0))).toEqual([
      ["The sum is 4.", undefined, { strength: 2, published_as: 2, preferred: 1 }],
      ["4", undefined, { strength: 0, published_as: 1, preferred: 0 }],
    ]);
    expect(shown(groupAt("helpsteer2-preference", 1)).map(([text]) => text)).toEqual(["3", "5"]);
    expect(groupAt("helpsteer2-preference", 1).prompt.metadata.split).toBe("val");
  });

  it("sees no preference at strength 0", () => {
    expect(shown(groupAt("helpsteer2-preference", 2))).toEqual([
      ["2", undefined, { strength: 0, published_as: 1, preferred: null }],
      ["two", undefined, { strength: 0, published_as: 2, preferred: null }],
    ]);
  });

  it("leaves out strengths that mean nothing", () => {
    expect(whyAt("helpsteer2-preference", 3)).toBe("preference_strength is no whole number from -3 to 3.");
  });
});

describe("psychocounsel-preference", () => {
  it("keeps the seven ratings and their sum", () => {
    const group = groupAt("psychocounsel-preference", 0);
    expect(group.prompt.metadata).toEqual({ source_id: "q-1", pref_id: 0 });
    // 5+5+4+5+4+4+4 = 31 and 3+3+3+5+2+2+2 = 20.
    expect(group.responses.map(({ model, metadata }) => [model, metadata.sum])).toEqual([
      ["model-a", 31],
      ["model-b", 20],
    ]);
    expect(group.responses[1]?.metadata.ratings).toEqual({
      empathy: 3,
      relevance: 3,
      clarity: 3,
      safety: 5,
      exploration: 2,
      autonomy: 2,
      staging: 2,
    });
  });

  it("reads 64-bit integers, as Parquet gives them, and a missing rating leaves no sum", () => {
    const row = {
      ...PUBLISHED["psychocounsel-preference"]?.[0],
      chosen_empathy_rating: 5n,
      rejected_staging_rating: null,
    };
    const responses = importerNamed("psychocounsel-preference").rows(row).groups[0]?.responses;
    expect(responses?.map(({ metadata }) => metadata.sum)).toEqual([31, null]);
  });

  it("leaves out an empty side", () => {
    expect(whyAt("psychocounsel-preference", 1)).toBe("rejected is empty.");
  });
});

describe("hh-rlhf", () => {
  it("takes the shared turns for the prompt, with blank lines inside a turn", () => {
    const group = groupAt("hh-rlhf", 0);
    expect(group.prompt.messages).toEqual([
      { role: "user", content: "Hello" },
      { role: "assistant", content: "Hi!" },
      { role: "user", content: "What is\n\n2+2?" },
    ]);
    expect(shown(group)).toEqual([
      ["4", undefined, { preferred: 1 }],
      ["5", undefined, { preferred: 0 }],
    ]);
  });

  it.each([
    [1, "chosen a turn is empty."],
    [2, 'chosen the transcript does not begin with "\\n\\nHuman:".'],
    [3, "chosen the same speaker has two turns in a row."],
    [4, "chosen the conversations part before their last assistant turn."],
    [5, "both conversations are the same."],
    [6, "chosen the prompt ends with an assistant turn."],
  ])("leaves out malformed row %i: %s", (index, why) => {
    expect(whyAt("hh-rlhf", index)).toBe(why);
  });

  it("leaves out a reply that goes on as another one, as some rows of harmless-base have it", () => {
    const { groups, leftOut } = importerNamed("hh-rlhf").rows({
      chosen: "\n\nHuman: a\n\nAssistant: b\n\nAssistant: c",
      rejected: "\n\nHuman: a\n\nAssistant: d",
    });
    expect(groups).toEqual([]);
    expect(leftOut).toEqual([
      { column: "chosen", why: expect.stringContaining("the same speaker has two turns") },
    ]);
  });
});

describe("rewardbench", () => {
  it("keeps models, subset and id", () => {
    const group = groupAt("rewardbench", 0);
    expect(group.prompt.metadata).toEqual({ subset: "alpacaeval-easy", source_id: 7 });
    expect(shown(group)).toEqual([
      ["Old pond.", "gpt-4", { preferred: 1 }],
      ["No.", "alpaca", { preferred: 0 }],
    ]);
  });
});

describe("distilabel", () => {
  it("reads instruction and system prompt, models, ratings and rationales", () => {
    const group = groupAt("distilabel", 0);
    expect(group.prompt.messages).toEqual([
      { role: "system", content: "Be brief." },
      { role: "user", content: "Name a colour." },
    ]);
    expect(shown(group)).toEqual([
      ["Red.", "small", { rating: 5, rationale: "Right." }],
      ["A colour is light.", "large", { rating: 2, rationale: "Evasive." }],
    ]);
    expect(whyAt("distilabel", 0)).toBe("generations generation 2 has no text.");
  });

  it("reads conversations, and a rating that is missing stays missing", () => {
    const group = groupAt("distilabel", 1);
    expect(group.prompt.messages).toHaveLength(3);
    expect(shown(group)).toEqual([
      ["Cod.", "m", { rating: 4 }],
      ["Crab.", "n", { rating: null }],
    ]);
  });

  it("leaves out a row whose ratings cannot be told apart", () => {
    expect(whyAt("distilabel", 2)).toBe("ratings has 2 entries for 1 generations.");
  });
});

describe("distilabel-dpo", () => {
  it("keeps the system turn in the prompt, and sees no preference in equal ratings", () => {
    const group = groupAt("distilabel-dpo", 0);
    expect(group.prompt.messages.map(({ role }) => role)).toEqual(["system", "user"]);
    expect(shown(group)).toEqual([
      ["Oak.", "large", { rating: 5, preferred: 1 }],
      ["Rock.", "small", { rating: 1, preferred: 0 }],
    ]);
    expect(groupAt("distilabel-dpo", 1).responses[0]?.metadata.preferred).toBeNull();
  });
});

describe("ids", () => {
  it("differ where the responses do, and are the same for the same row", () => {
    const [first] = PUBLISHED.rewardbench ?? [];
    const id = (row: object) => importerNamed("rewardbench").rows({ ...first, ...row }).groups[0]?.prompt.id;
    expect(id({})).toBe(id({ subset: "other" }));
    expect(id({})).not.toBe(id({ rejected: "Never." }));
    expect(id({})).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe("importerNamed", () => {
  it("names the nearest layout for one that does not exist", () => {
    expect(() => importerNamed("helpsteer")).toThrow(/helpsteer2.*\[unknown_name\]/s);
  });
});
