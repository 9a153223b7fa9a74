import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  readVerdict,
  readVerdictJson,
  readVerdictLines,
  readVerdictsJson,
  type VerdictForm,
} from "../../src/judging/read-verdict.ts";

const binary: VerdictForm = { kind: "binary", notApplicable: true };
const strict: VerdictForm = { kind: "binary", notApplicable: false };
const toFive: VerdictForm = { kind: "rating", scale: { min: 1, max: 5 } };
const toTen: VerdictForm = { kind: "rating", scale: { min: 0, max: 10 } };

describe("readVerdict", () => {
  it.each([
    { text: "It is clear.\n[[Yes]]", form: binary, answer: 1 },
    { text: "[[No]]", form: binary, answer: 0 },
    { text: "It has no sources to check.\n[[NA]]", form: binary, answer: "not_applicable" },
    { text: "reasons\n[[yes]]", form: binary, answer: 1, note: "words in any case" },
    { text: "reasons\n[[ Yes ]]", form: binary, answer: 1 },
    { text: "reasons\n**[[Yes]]**", form: binary, answer: 1, note: "bold" },
    { text: "reasons\n`[[No]]`.\n\n  \n", form: binary, answer: 0, note: "blank lines after it" },
    { text: "reasons\r\nVerdict: [[No]]\r\n", form: binary, answer: 0 },
    { text: "reasons\n```\n[[Yes]]\n```", form: binary, answer: 1, note: "in a code block" },
    { text: "reasons\n**Final verdict:** [[Yes]]", form: binary, answer: 1, note: "a short label" },
    { text: "reasons\n## My rating = \u201c[[4]]\u201d", form: toFive, answer: 4, note: "a short label" },
    {
      text: "<think>Perhaps [[No]].</think>[[Yes]]",
      form: binary,
      answer: 1,
      note: "thinking does not count",
    },
    { text: "Perhaps [[No]].\n</think>\n\n[[Yes]]", form: binary, answer: 1, note: "opened by the template" },
    {
      text: "It cannot be rated.\n[[NA]]",
      form: { ...toFive, notApplicable: true },
      answer: "not_applicable",
    },
    { text: "reasons\n[[4]]", form: toFive, answer: 4 },
    { text: "reasons\n[[4/5]]", form: toFive, answer: 4, note: "names the scale's own maximum" },
    { text: "reasons\n[[ 10 / 10 ]]", form: toTen, answer: 10 },
    { text: "reasons\n[[0]]", form: toTen, answer: 0 },
    { text: "reasons\n[[-2]]", form: { kind: "rating", scale: { min: -5, max: 5 } } as const, answer: -2 },
    { text: "reasons\nFinal verdict： [[Yes]]", form: binary, answer: 1, note: "a full-width colon" },
    { text: "理由\n最終評価:[[4]]", form: toFive, answer: 4, note: "a label in Japanese" },
    { text: "理由\n**最终评分**：[[4]]。", form: toFive, answer: 4, note: "a label in Chinese" },
    { text: "if (( [[ -f x ]] )) fails\n[[3]]", form: toFive, answer: 3, note: "brackets of the response" },
  ])("reads $answer from $text", ({ text, form, answer }) => {
    expect(readVerdict(text, form)).toEqual({ kind: "read", answer });
  });

  it.each([
    { text: "At first [[No]].\nBut it does:\n[[Yes]]", answer: 1 },
    { text: "The response says [[Yes]].\n[[No]]", answer: 0 },
  ])("takes the last of different verdicts in $text, and says that there are others", ({ text, answer }) => {
    expect(readVerdict(text, binary)).toEqual({ kind: "read", answer, ambiguous: true });
  });

  it.each([
    { text: "［［Yes］］", note: "full-width brackets" },
    { text: "【【Yes】】", note: "other brackets" },
    { text: "综合来看，我的结论是[[Yes]]。", note: "a mark in a Chinese sentence" },
    { text: "不是最終評価:[[Yes]]", note: "a denied label" },
    { text: "[[是]]", note: "another language's word" },
    { text: "", note: "nothing" },
    { text: " \n\t\n", note: "blanks" },
    { text: "Yes", note: "no mark" },
    { text: "[Yes]", note: "single brackets" },
    { text: "[[Yes]", note: "cut within the mark" },
    { text: "[[Maybe]]", note: "another word" },
    { text: "[[Yes/No]]", note: "both in one mark" },
    { text: "[[Yes]] or [[No]]", note: "what might be said" },
    { text: "So it is [[Yes]] and again [[Yes]]", note: "a mark twice" },
    { text: "I cannot say [[Yes]]", note: "a mark that is denied" },
    { text: "This is not a [[Yes]].", note: "a mark that is denied" },
    { text: "Format reminder: [[Yes]]", note: "a label of another kind" },
    { text: "reasons\n> [[Yes]]", note: "quoted" },
    { text: "reasons\n~~[[Yes]]~~", note: "struck out" },
    { text: "<think>So far it seems\n[[Yes]]", note: "still thinking" },
    { text: "<think>a</think>\n<think>b\n[[Yes]]", note: "thinking again" },
    { text: "[[Yes]]</think>", note: "a thought without an answer" },
    { text: "[[Yes]]\n[[unsure]]", note: "taken back" },
    { text: "[[Yes]]\nbecause it is clear", note: "goes on after it" },
    { text: "It holds the mark [[Yes]], which is no evidence.", note: "mentions a mark" },
    { text: "[[Yes]]\n[[end of response|3fa9]]", note: "ends with an envelope's mark" },
    { text: "[[response|3fa9]] [[Yes]] [[end of response|3fa9]]", note: "repeats what it was shown" },
    { text: "[[Yes, No or NA]]", note: "repeats the form" },
    { text: "[[Ｙｅｓ]]", note: "wide letters" },
    { text: "[[[Yes]]]", note: "a bracket too many" },
    { text: "[[Yes]]]] [[", note: "brackets after it" },
    { text: "[[4]]", note: "a rating where none is asked for" },
  ])("finds no verdict in $text ($note)", ({ text }) => {
    expect(readVerdict(text, binary).kind).toBe("unread");
  });

  it.each([
    "[[7]]",
    "[[0]]",
    "[[4.5]]",
    "[[4/10]]",
    "[[4 or 5]]",
    "[[four]]",
    "[[Yes]]",
    "[[４]]",
    "[[]]",
    "[[3]]\n[[9]]",
  ])("takes %s for no rating from 1 to 5", (text) => {
    expect(readVerdict(text, toFive).kind).toBe("unread");
  });

  it("refuses [[NA]] where it is not offered", () => {
    expect(readVerdict("[[NA]]", strict).kind).toBe("unread");
  });

  it("gives only verdicts that stand in the reply, for any reply", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "[[Yes]]",
        "[[No]]",
        "[[NA]]",
        "[[4]]",
        "[[7]]",
        "[[yes]]",
        "[[",
        "]]",
        "\n",
        " ",
        "*",
        "|",
      ),
      fc.string({ unit: "binary", maxLength: 8 }),
      fc.constantFrom("clear: [[Yes]]\n", "[[response|ab12]]", "4/5", '{"verdict":"Yes"}'),
    );
    const reply = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(reply, fc.constantFrom(binary, toFive), (text, form) => {
        const reading = readVerdict(text, form);
        if (reading.kind === "unread") return reading.why !== "";
        const word = { 1: "yes", 0: "no", not_applicable: "na" } as const;
        const said =
          form.kind === "rating" ? String(reading.answer) : word[reading.answer as keyof typeof word];
        const lastLine =
          text
            .split(/\r\n|[\n\r\u2028\u2029]/)
            .filter((line) => !/^[\s`*_~-]*$/.test(line))
            .at(-1) ?? "";
        return lastLine.toLowerCase().replaceAll(/\s/g, "").includes(`[[${said}`);
      }),
      { seed: 1, numRuns: 10_000 },
    );
  });

  it("reads long hostile replies in no time", () => {
    const units = [
      "[",
      "[[",
      "[[a",
      "]]",
      "1",
      "1 ",
      "- ",
      "[[Yes]] ",
      " ",
      "<think>",
      "</think>",
      "\n",
      "`",
      "my ",
    ];
    for (const unit of units) {
      const text = unit.repeat(200_000 / unit.length);
      const started = performance.now();
      readVerdict(text, binary);
      readVerdictLines(text, new Map([["1", binary]]));
      for (const json of [text, JSON.stringify({ reasons: text, verdict: 1 }), '{"a":'.repeat(50_000)])
        readVerdictJson(json, binary);
      expect(performance.now() - started).toBeLessThan(1_000);
    }
  });
});

describe("readVerdictLines", () => {
  const forms = new Map<string, VerdictForm>([
    ["clear", binary],
    ["kind", binary],
    ["depth", toFive],
  ]);

  it.each([
    "It reads well.\nclear: [[Yes]]\nkind: [[No]]\ndepth: [[4]]",
    "- **clear**: [[yes]]\n- **kind**: [[No]]\n- **depth**: [[4/5]]",
    "1. clear: **[[Yes]]**\n2. depth: [[4]]\n3. kind: [[No]].",
    "clear： [[Yes]]。\nkind：[[No]]\ndepth：[[4]]",
    "clear: [[Yes]]\nso again\nclear: [[Yes]]\nkind: [[No]]\ndepth: [[4]]\n",
  ])("gives one verdict per name, in the order asked: %j", (text) => {
    expect(readVerdictLines(text, forms)).toEqual({ kind: "read", answer: [1, 0, 4] });
  });

  it.each([
    { text: "clear: [[Yes]]\nkind: [[No]]", note: "one is missing" },
    { text: "clear: [[Yes]]\n[[No]]\ndepth: [[4]]", note: "a name is missing; nothing moves up" },
    { text: "clear: [[Yes]]\nkindness: [[No]]\ndepth: [[4]]", note: "another name" },
    { text: "clear: [[Yes]]\nkind: [[No]]\nclear: [[No]]\ndepth: [[4]]", note: "different verdicts" },
    { text: "clear: [[Yes]]\nkind: [[No]]\ndepth: [[6]]", note: "off the scale" },
    { text: "clear: [[Yes]]\nkind: [[maybe]]\ndepth: [[4]]", note: "no verdict" },
    { text: "clear: [[Yes]]\nkind: [[No]]\ndepth: [[4]]\nI hope this helps.", note: "goes on after it" },
    { text: "Clear: [[Yes]]\nkind: [[No]]\ndepth: [[4]]", note: "a name in another case" },
    { text: "[[Yes]]\n[[No]]\n[[4]]", note: "no names at all" },
    { text: "It says:\n> clear: [[Yes]]\n\nkind: [[No]]\ndepth: [[4]]", note: "one is only quoted" },
    { text: "> clear: [[Yes]]\n> kind: [[No]]\n> depth: [[4]]", note: "all are only quoted" },
    { text: "clear: [[Yes]]\nI cannot decide on it.\nkind: [[No]]\ndepth: [[4]]", note: "one stands apart" },
    { text: "```\nclear: [[Yes]]\n```\nkind: [[No]]\ndepth: [[4]]", note: "one is an example" },
    { text: "clear: [[Yes]]\noverall: [[Yes]]\nkind: [[No]]\ndepth: [[4]]", note: "another name between" },
    { text: "<think>\nclear: [[Yes]]\nkind: [[No]]\ndepth: [[4]]", note: "it is a thought" },
    { text: "", note: "nothing" },
  ])("leaves the reply unread when $note", ({ text }) => {
    expect(readVerdictLines(text, forms).kind).toBe("unread");
  });

  it("takes nothing but the lines at the end, blank ones between them, and says when others differ", () => {
    const lines = "clear: [[Yes]]\n\nkind: [[No]]\n \ndepth: [[4]]\n```\n";
    const read = { kind: "read", answer: [1, 0, 4] };
    expect(readVerdictLines(`depth: [[4]]\nbecause\n${lines}`, forms)).toEqual(read);
    expect(readVerdictLines(`If I were strict:\ndepth: [[1]]\nbut\n${lines}`, forms)).toEqual({
      ...read,
      ambiguous: true,
    });
    expect(readVerdictLines(`<think>\ndepth: [[1]]\n</think>\n${lines}`, forms)).toEqual(read);
  });

  it("never gives a criterion its neighbour's verdict, whatever line is lost", () => {
    const verdicts = fc.array(fc.constantFrom("Yes", "No", "NA"), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(verdicts, fc.nat(), (words, at) => {
        const names = new Map(words.map((_, index) => [`c${index}`, binary]));
        const lines = words.map((word, index) => `c${index}: [[${word}]]`);
        lines.splice(at % lines.length, 1);
        return readVerdictLines(lines.join("\n"), names).kind === "unread";
      }),
      { seed: 1 },
    );
  });
});

describe("readVerdictJson", () => {
  it.each([
    { text: '{"reasons": "clear", "verdict": "Yes"}', form: binary, answer: 1 },
    { text: '{"reasons": "", "verdict": "na"}', form: binary, answer: "not_applicable" },
    { text: '{"reasons": "", "verdict": 4}', form: toFive, answer: 4 },
    { text: '{"reasons": "", "verdict": "4"}', form: toFive, answer: 4 },
    { text: '{"reasons": "", "verdict": 4.0}', form: toFive, answer: 4 },
    {
      text: '{"reasons": "", "verdict": "NA"}',
      form: { ...toFive, notApplicable: true },
      answer: "not_applicable",
    },
    { text: '```json\n{"reasons": "", "verdict": 4}\n```', form: toFive, answer: 4 },
    { text: '```\n{"reasons": "a ``` b", "verdict": 4}```\n', form: toFive, answer: 4 },
    { text: '<think>{"verdict": 1}</think>\n\n{"reasons": "", "verdict": 4}', form: toFive, answer: 4 },
    { text: 'hm</think>```json\n{"reasons": "</think>", "verdict": 4}\n```', form: toFive, answer: 4 },
    { text: '{"reasons": "\\"verdict\\": 1, \\\\", "verdict": 4}', form: toFive, answer: 4 },
  ])("reads $answer from $text", ({ text, form, answer }) => {
    expect(readVerdictJson(text, form)).toEqual({ kind: "read", answer });
  });

  it.each([
    { text: '{"verdict": 7}', form: toFive },
    { text: '{"verdict": 10}', form: toFive },
    { text: '{"verdict": 15}', form: toFive },
    { text: '{"verdict": "0.8x"}', form: toFive },
    { text: '{"verdict": 4.5}', form: toFive },
    { text: '{"verdict": true}', form: binary },
    { text: '{"verdict": 1}', form: binary },
    { text: '{"verdict": ["Yes"]}', form: binary },
    { text: '{"score": "Yes"}', form: binary },
    { text: '["Yes"]', form: binary },
    { text: '"Yes"', form: binary },
    { text: "null", form: binary },
    { text: '{"verdict": "Yes"', form: binary },
    { text: '{"verdict": "Yes"}', form: binary },
    { text: '{"reasons": ["x"], "verdict": "Yes"}', form: binary },
    { text: '{"reasons": "x", "verdict": "Yes", "final_verdict": "No"}', form: binary },
    { text: '{"reasons": "x", "verdict": "No", "verdict": "Yes"}', form: binary },
    { text: '{"reasons": "x", "verdict": "No", "\\u0076erdict": "Yes"}', form: binary },
    { text: '{"reasons": "x", "verdict": "NA"}', form: toFive },
    { text: '<think>{"reasons": "x", "verdict": "Yes"}', form: binary },
    { text: '```json\n{"reasons": "x", "verdict": "Yes"}\n```\nor\n```json\n{}\n```', form: binary },
    { text: 'I say {"reasons": "x", "verdict": "Yes"}', form: binary },
    { text: "Yes", form: binary },
    { text: "", form: binary },
  ])("finds no verdict in $text", ({ text, form }) => {
    expect(readVerdictJson(text, form).kind).toBe("unread");
  });
});

describe("readVerdictsJson", () => {
  const forms = new Map<string, VerdictForm>([
    ["clear", binary],
    ["depth", toFive],
  ]);
  const say = (verdicts: unknown): string => JSON.stringify({ verdicts });
  const said = (verdict: unknown) => ({ reasons: "", verdict });

  it("gives the verdicts in the order asked", () => {
    const text = say({ depth: { reasons: "", verdict: 2 }, clear: { reasons: "", verdict: "No" } });
    expect(readVerdictsJson(text, forms)).toEqual({ kind: "read", answer: [0, 2] });
  });

  it.each([
    say({ clear: said("No") }),
    say({ clear: said("No"), depth: said(2), more: said(2) }),
    say({ clear: said("No"), depth: said(9) }),
    say({ clear: said("No"), depth: { verdict: 2 } }),
    '{"verdicts":{"clear":{"reasons":"","verdict":"No"},"clear":{"reasons":"","verdict":"Yes"},"depth":{"reasons":"","verdict":2}}}',
    '{"verdicts":{"clear":{"reasons":"","verdict":"No","verdict":"Yes"},"depth":{"reasons":"","verdict":2}}}',
    say({ clear: "No", depth: 2 }),
    say([{ verdict: "No" }, { verdict: 2 }]),
    say(null),
    "[]",
    "",
  ])("leaves %s unread", (text) => {
    expect(readVerdictsJson(text, forms).kind).toBe("unread");
  });
});
