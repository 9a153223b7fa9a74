import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  canonicalJson,
  contentHash,
  messageRecord,
  pairId,
  promptId,
  responseIds,
  sha256,
} from "../../src/core/ids.ts";

// The hex values of this file come from Python's hashlib over json.dumps(value, sort_keys=True,
// separators=(",", ":"), ensure_ascii=False), which is RFC 8785 for values without numbers beyond small integers.
const question = [{ role: "user", content: "What is 9 * 2?" }] as const;
const questionId = "3d6545d8d28ae5e78c5d09350774cb69";

describe("sha256", () => {
  it("is the known hash of abc", () => {
    // FIPS 180-2, appendix B.1.
    expect(sha256("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });

  it("takes bytes and text alike, text as UTF-8", () => {
    expect(sha256("é🙂")).toBe(sha256(Buffer.from("é🙂", "utf8")));
  });

  it("agrees with the streaming hash of Node", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        expect(sha256(bytes)).toBe(createHash("sha256").update(bytes).digest("hex"));
      }),
    );
  });
});

describe("canonicalJson", () => {
  it.each([
    { value: { b: 1, a: 2 }, text: '{"a":2,"b":1}', note: "keys are sorted" },
    {
      value: { a: { d: 1, c: [2, { f: 0, e: 0 }] } },
      text: '{"a":{"c":[2,{"e":0,"f":0}],"d":1}}',
      note: "at every depth",
    },
    {
      value: { "10": 0, "9": 0 },
      text: '{"10":0,"9":0}',
      note: "keys are text, even when they look like numbers",
    },
    // RFC 8785, section 3.2.3: sorted by UTF-16 code units, so U+1F600 (D83D…) stands before U+FB33.
    {
      value: { "\ufb33": "Hebrew", "😀": "Emoji", "\r": "CR", "1": "One", ö: "Latin", "€": "Euro" },
      text: '{"\\r":"CR","1":"One","ö":"Latin","€":"Euro","😀":"Emoji","\ufb33":"Hebrew"}',
      note: "the sorting example of RFC 8785, section 3.2.3",
    },
    // RFC 8785, section 3.2.2: numbers as ECMAScript prints them.
    {
      value: [333333333.3333333, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      text: "[333333333.3333333,1e+30,4.5,0.002,1e-27]",
      note: "the numbers of RFC 8785, section 3.2.2",
    },
    { value: -0, text: "0", note: "minus zero is zero" },
    {
      value: "\u20ac$\u000F\nA'\"\\/",
      text: '"€$\\u000f\\nA\'\\"\\\\/"',
      note: "control characters in lower-case hex",
    },
    { value: { a: undefined, b: null }, text: '{"b":null}', note: "an undefined field is no field" },
  ])("writes $text ($note)", ({ value, text }) => {
    expect(canonicalJson(value)).toBe(text);
  });

  it.each([Number.NaN, Infinity, -Infinity, [Number.NaN], { deep: { value: Infinity } }])(
    "refuses %j",
    (value) => {
      expect(() => canonicalJson(value)).toThrow();
    },
  );

  it("refuses what JSON cannot say", () => {
    expect(() => canonicalJson(undefined)).toThrow(TypeError);
    expect(() => canonicalJson(() => 0)).toThrow(TypeError);
  });

  it("says the same of an object whatever the order its fields were given in, and JSON reads it back", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (record) => {
        const reversed = Object.fromEntries(Object.entries(record).reverse());
        expect(canonicalJson(reversed)).toBe(canonicalJson(record));
        expect(canonicalJson(JSON.parse(canonicalJson(record)))).toBe(canonicalJson(record));
      }),
    );
  });
});

describe("contentHash", () => {
  it("is the first 32 hex digits of the hash of the canonical JSON", () => {
    expect(contentHash({ b: [], a: null })).toBe(sha256('{"a":null,"b":[]}').slice(0, 32));
  });
});

describe("messageRecord", () => {
  it("has a role and a content, and the tool fields only where the message has them", () => {
    expect(messageRecord({ role: "user", content: "hi" })).toEqual({ role: "user", content: "hi" });
    expect(
      messageRecord({ role: "tool", content: "42", toolCallId: "c1", name: "add", toolCalls: "[{}]" }),
    ).toEqual({ role: "tool", content: "42", tool_call_id: "c1", name: "add", tool_calls: "[{}]" });
  });
});

describe("promptId", () => {
  it.each([
    { content: { messages: question }, id: questionId },
    {
      content: {
        messages: [
          { role: "system", content: "Be brief." },
          { role: "user", content: "Où est l'été ? 🙂" },
        ],
        tools: "[]",
        images: [
          { bytes: new Uint8Array([1, 2, 3]), path: "ignored when there are bytes" },
          { bytes: null, path: "cat.png" },
        ],
      },
      id: "0a7cdb7d818edb9825e06d8e4a35403b",
    },
    {
      content: {
        messages: [
          { role: "tool", content: "42", toolCallId: "c1", name: "add" },
          { role: "assistant", content: "", toolCalls: "[{}]" },
        ],
      },
      id: "8932819f7274c46b39778572434a28a1",
    },
  ] as const)("is $id by Python too", ({ content, id }) => {
    expect(promptId(content)).toBe(id);
  });

  it("does not change with an empty list of images, and does with an empty text of tools", () => {
    expect(promptId({ messages: question, images: [] })).toBe(questionId);
    expect(promptId({ messages: question, tools: "" })).not.toBe(questionId);
  });

  it("tells texts apart that only Unicode normalisation would make equal", () => {
    const composed = promptId({ messages: [{ role: "user", content: "\u00e9" }] });
    const decomposed = promptId({ messages: [{ role: "user", content: "e\u0301" }] });
    expect(composed).not.toBe(decomposed);
  });

  it("tells apart where a turn ends", () => {
    const one = promptId({ messages: [{ role: "user", content: "a b" }] });
    const two = promptId({
      messages: [
        { role: "user", content: "a" },
        { role: "user", content: " b" },
      ],
    });
    expect(one).not.toBe(two);
  });
});

describe("responseIds", () => {
  it("hash the prompt's id, the text and how often the text stood before", () => {
    expect(responseIds(questionId, ["18", "26", "18", "18"])).toEqual([
      "bff038fe5b778a00b144d73d47545b2a", // ["3d65…", "18", 0]
      "a08979aaa8cb40c9fc22b12a93738fe7", // ["3d65…", "26", 0]
      "08e03844be56e3506304392da80e5408", // ["3d65…", "18", 1]
      "5543b9a76a4aea0d4dea3d030d6b86b3", // ["3d65…", "18", 2]
    ]);
  });

  it("are as many as the texts, all different, and stay with their texts when others come between", () => {
    const texts = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 12 });
    fc.assert(
      fc.property(texts, fc.string(), (given, other) => {
        const ids = responseIds("p", given);
        expect(new Set(ids).size).toBe(given.length);
        const fresh = `other ${other}`;
        const between = responseIds(
          "p",
          given.flatMap((text) => [text, fresh]),
        );
        expect(between.filter((_, index) => index % 2 === 0)).toEqual(ids);
      }),
    );
  });
});

describe("pairId", () => {
  it("hashes prompt, chosen, rejected and rule, in this order", () => {
    expect(pairId("p", "c", "r", "best-vs-worst")).toBe("34a776434cf39b45215ab14c427ea19f");
    expect(pairId("p", "r", "c", "best-vs-worst")).not.toBe(pairId("p", "c", "r", "best-vs-worst"));
  });
});
