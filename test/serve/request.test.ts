import { describe, expect, it } from "vitest";
import { promptId, responseIds } from "../../src/core/ids.ts";
import { ServeFault } from "../../src/serve/fault.ts";
import { DEFAULT_LIMITS, readScoreRequest } from "../../src/serve/request.ts";
import { askedOf } from "./support.ts";

const response = { id: "r", text: "4" };

function faultOf(body: unknown, limits = DEFAULT_LIMITS): ServeFault {
  try {
    askedOf(body, limits);
  } catch (error) {
    if (error instanceof ServeFault) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("a request of /score", () => {
  it("is read as a row of a file would be, and keeps the client's ids apart from the content's", () => {
    const body = {
      groups: [
        {
          prompt: "2 + 2?",
          reference: 4,
          metadata: { level: 1 },
          responses: [{ id: 7, text: "4", token_count: 3, finish_reason: "stop" }, "5"],
        },
      ],
      deadline_ms: 500,
    };
    const id = promptId({ messages: [{ role: "user", content: "2 + 2?" }] });
    const ids = responseIds(id, ["4", "5"]);
    expect(readScoreRequest(body).deadlineMs).toBe(500);
    expect(askedOf(body)).toEqual([
      {
        id,
        group: {
          prompt: {
            id,
            messages: [{ role: "user", content: "2 + 2?" }],
            reference: "4",
            metadata: { level: 1 },
          },
          responses: [
            { id: ids[0], text: "4", role: "candidate", tokenCount: 3, finishReason: "stop", metadata: {} },
            { id: ids[1], text: "5", role: "candidate", metadata: {} },
          ],
        },
        responseIds: ["7", ids[1]],
      },
    ]);
  });

  it("takes messages under either name, with tools", () => {
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: [{ type: "text", text: "Hi" }] },
    ];
    const [first] = askedOf({
      groups: [{ messages, tools: [{ name: "f" }], responses: ["a"] }],
    });
    const [second] = askedOf({
      groups: [{ prompt: messages, tools: [{ name: "f" }], responses: ["a"] }],
    });
    expect(first).toEqual(second);
    expect(first?.group.prompt.tools).toBe('[{"name":"f"}]');
  });

  it("may hold one prompt twice, as long as the responses' ids differ", () => {
    const group = (id: string) => ({ id: "p", prompt: "Q", responses: [{ id, text: "a" }] });
    expect(askedOf({ groups: [group("1"), group("2")] })).toHaveLength(2);
    expect(faultOf({ groups: [group("1"), group("1")] }).message).toContain("was there before");
  });

  it("without groups has nothing to score", () => {
    expect(askedOf({ groups: [] })).toEqual([]);
  });

  it.each([
    ["a text", "hello", "no list `groups`"],
    ["null", null, "no list `groups`"],
    ["groups that are an object", { groups: {} }, "no list `groups`"],
    ["a group that is a list", { groups: [[]] }, "groups[0] is no object"],
    ["a group without responses", { groups: [{ prompt: "Q" }] }, "groups[0] has no responses"],
    [
      "an empty list of responses",
      { groups: [{ prompt: "Q", responses: [] }] },
      "groups[0] has no responses",
    ],
    ["a group without a prompt", { groups: [{ responses: [response] }] }, "groups[0], prompt"],
    ["an empty prompt", { groups: [{ prompt: " ", responses: [response] }] }, "the prompt is empty"],
    [
      "a prompt that ends with the assistant",
      { groups: [{ prompt: [{ role: "assistant", content: "x" }], responses: [response] }] },
      "ends with an assistant turn",
    ],
    ["a misspelt field", { groups: [{ prompt: "Q", refrence: "4", responses: [response] }] }, "not known"],
    ["a response without text", { groups: [{ prompt: "Q", responses: [{ id: "r" }] }] }, "no text"],
    ["a response that is null", { groups: [{ prompt: "Q", responses: [null] }] }, "null"],
    [
      "an id that is an object",
      { groups: [{ prompt: "Q", responses: [{ id: {}, text: "" }] }] },
      "responses[0].id",
    ],
    ["an empty id", { groups: [{ prompt: "Q", responses: [{ id: "", text: "" }] }] }, "responses[0].id"],
    [
      "a group id that is empty",
      { groups: [{ id: "", prompt: "Q", responses: [response] }] },
      "the id is empty",
    ],
    [
      "two responses of one id",
      { groups: [{ prompt: "Q", responses: [response, response] }] },
      "was there before",
    ],
    ["a deadline of 0", { groups: [], deadline_ms: 0 }, "deadline_ms"],
    ["a deadline that is text", { groups: [], deadline_ms: "1" }, "deadline_ms"],
  ])("with %s is refused", (_, body, message) => {
    const fault = faultOf(body);
    expect([fault.code, fault.status]).toEqual(["bad_request", 400]);
    expect(fault.message).toContain(message);
  });

  it("beyond the limits on groups, responses and lengths is refused", () => {
    const limits = { maxGroups: 2, maxResponses: 3, maxTextLength: 5 };
    const group = (id: string, texts: readonly string[]) => ({ id, prompt: "Q", responses: texts });
    expect(faultOf({ groups: ["a", "b", "c"].map((id) => group(id, ["x"])) }, limits).message).toContain(
      "3 groups",
    );
    expect(faultOf({ groups: [group("a", ["1", "2"]), group("b", ["1", "2"])] }, limits).message).toContain(
      "more than 3 responses",
    );
    expect(faultOf({ groups: [group("a", ["1", "2", "3", "4"])] }, limits).message).toContain("4 responses");
    expect(faultOf({ groups: [group("a", ["123456"])] }, limits).message).toContain("more than 5 characters");
  });

  it("is refused without its texts being repeated", () => {
    const secret = "SECRET";
    for (const body of [
      { groups: [{ prompt: [{ role: secret, content: "x" }], responses: [response] }] },
      { groups: [{ prompt: "Q", [secret]: 1, responses: [response] }] },
      { groups: [{ prompt: "Q", responses: [{ role: "assistant", content: [{ type: secret }] }] }] },
    ]) {
      const { message, fix } = faultOf(body);
      expect(message + fix).not.toContain(secret);
    }
  });
});
