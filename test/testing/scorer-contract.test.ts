import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { perGroup, perResponse, scored } from "../../src/core/scorer.ts";
import { anyGroup, groupOf } from "../../src/testing/arbitraries.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";

describe("scorerContract", () => {
  const length = { name: "length", version: 1, range: [0, Infinity] as const };
  scorerContract(perResponse(length, ({ text }) => scored(text.length)));

  const needy = {
    reference: true,
    minResponses: 2,
    tokenCounts: true,
    logprobs: true,
    sibling: true,
  } as const;
  scorerContract(
    perResponse({ ...length, name: "needy", needs: needy }, () => scored(0)),
    anyGroup({ sibling: true, minResponses: 2, tokenCounts: true, logprobs: true }),
  );

  const position = perGroup({ ...length, name: "position" }, (group) =>
    group.responses.map((_, index) => scored(index)),
  );
  scorerContract(position, anyGroup(), { orderSensitive: true });
});

describe("groupOf", () => {
  it("gives equal texts different ids, and the same group the same ids", () => {
    const ids = (texts: string[]) => groupOf(texts).responses.map(({ id }) => id);
    expect(new Set(ids(["a", "a", "b"])).size).toBe(3);
    expect(ids(["a", "a", "b"])).toEqual(ids(["a", "a", "b"]));
  });

  it("names the sibling and does not nest siblings", () => {
    const twin = groupOf(["18"], { prompt: "What is 2 * 9?", sibling: groupOf([]) });
    const group = groupOf(["18"], { sibling: twin });
    expect(group.siblingId).toBe(twin.prompt.id);
    expect(group.sibling).not.toHaveProperty("sibling");
  });
});

describe("anyGroup", () => {
  it("keeps what the options promise", () => {
    const groups = anyGroup({
      minResponses: 2,
      maxResponses: 4,
      tokenCounts: true,
      logprobs: false,
      baselines: false,
    });
    fc.assert(
      fc.property(groups, ({ responses }) => {
        expect(responses.length).toBeGreaterThanOrEqual(2);
        expect(responses.length).toBeLessThanOrEqual(4);
        for (const response of responses) {
          expect(response.tokenCount).toBeTypeOf("number");
          expect(response).not.toHaveProperty("sumLogprob");
          expect(response.role).toBe("candidate");
        }
      }),
      { seed: 1, numRuns: 50 },
    );
  });
});
