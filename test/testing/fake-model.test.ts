import { describe, expect, it } from "vitest";
import {
  chatModelContract,
  embedderContract,
  failingChatModel,
  failingEmbedder,
  failingLogprobModel,
  failingRewardModel,
  fakeChatModel,
  fakeEmbedder,
  fakeLogprobModel,
  fakeRewardModel,
  logprobModelContract,
  rewardModelContract,
} from "../../src/testing/index.ts";

const calm = { signal: new AbortController().signal };
const asked = { messages: [{ role: "user" as const, content: "hi" }], sampling: { maxTokens: 4 } };

describe("fake models", () => {
  chatModelContract(() => fakeChatModel());
  logprobModelContract(() =>
    fakeLogprobModel({
      merges: ["ab", "\n18", "two"],
      specialTokens: ["[X]"],
      distribution: () => ({ entropy: 1, selfCertainty: 2 }),
    }),
  );
  embedderContract(() => fakeEmbedder());
  rewardModelContract(() => fakeRewardModel());

  it("a chat model gives its texts out in turn and stays at the last one", async () => {
    const model = fakeChatModel({ reply: ["one", "two"] });
    const texts = [];
    for (let call = 0; call < 3; call++) texts.push((await model.generate(asked, calm)).text);
    expect(texts).toEqual(["one", "two", "two"]);
    expect(model.calls).toHaveLength(3);
  });

  it("a chat model answers by the request, with any field of the reply", async () => {
    const model = fakeChatModel({
      reply: ({ messages }, index) => ({ text: `${messages[0]?.content}${index}`, finishReason: "length" }),
    });
    expect(await model.generate(asked, calm)).toMatchObject({ text: "hi0", finishReason: "length" });
  });

  it("a chat model that is told nothing answers equal requests alike and others not", async () => {
    const model = fakeChatModel();
    const text = async (sample: number) => (await model.generate({ ...asked, sample }, calm)).text;
    expect(await text(0)).toBe(await text(0));
    expect(await text(0)).not.toBe(await text(1));
  });

  it("a log-prob model is told the log-prob of each token", async () => {
    const model = fakeLogprobModel({ logprob: ({ token }) => (token === "a" ? -1 : -2) });
    const turn = model.render(asked.messages, "ab", { countEnd: false });
    const located = model.locate(turn, "whole");
    if (located === null) throw new Error("unreachable");
    expect(await model.logprobs(turn, located, calm)).toEqual({ tokenLogprobs: [-1, -2] });
  });

  it("a log-prob model with a merge over the response's edge has a joined span alone", () => {
    // The prompt ends with "assistant\n", so "\na" is one token of the whole text.
    const model = fakeLogprobModel({ merges: ["\na"] });
    const turn = model.render(asked.messages, "ab", { countEnd: false });
    expect(model.locate(turn, "whole")).toBeNull();
    const joined = model.locate(turn, "joined");
    expect(joined?.ids.slice(joined.start)).toEqual([97, 98]);
  });

  it("a base model renders nothing", () => {
    const model = fakeLogprobModel({ template: false });
    expect(() => model.render(asked.messages, "a", { countEnd: true })).toThrow(
      expect.objectContaining({ code: "template" }),
    );
  });
});

describe("failing models", () => {
  it("fails the chosen calls with the chosen code and lets the others through", async () => {
    const model = failingChatModel(fakeChatModel({ reply: "yes" }), { failAt: [2], code: "rate_limited" });
    expect((await model.generate(asked, calm)).text).toBe("yes");
    await expect(model.generate(asked, calm)).rejects.toMatchObject({ code: "rate_limited" });
    expect((await model.generate(asked, calm)).text).toBe("yes");
    expect(model.callCount).toBe(3);
  });

  it("fails each kind of model", async () => {
    const failAt = () => true;
    const fake = fakeLogprobModel();
    const logprobs = failingLogprobModel(fake, { failAt, code: "no_logprobs" });
    const turn = logprobs.render(asked.messages, "a", { countEnd: true });
    const located = logprobs.locate(turn, "whole") ?? { ids: [], start: 0, rule: "whole" as const };
    await expect(logprobs.logprobs(turn, located, calm)).rejects.toMatchObject({ code: "no_logprobs" });
    const embedder = failingEmbedder(fakeEmbedder(), { failAt });
    await expect(embedder.embed(["a"], calm)).rejects.toMatchObject({ code: "server_error" });
    const reward = failingRewardModel(fakeRewardModel(), { failAt: 1, why: "down" });
    await expect(reward.score(asked.messages, "a", calm)).rejects.toThrow("down");
    expect((await reward.score(asked.messages, "abc", calm)).value).toBe(3);
  });
});
