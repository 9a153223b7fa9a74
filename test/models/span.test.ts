import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Message } from "../../src/core/types.ts";
import type { LogprobModel, RenderedTurn } from "../../src/models/ports.ts";
import { responseLogprobs } from "../../src/models/span.ts";
import { loadTokenizer, type TurnTokenizer } from "../../src/models/tokenizer.ts";
import {
  byteLevel,
  metaspace,
  type SmallTokenizer,
  TEMPLATES,
  writeTokenizer,
} from "./fixtures/make-tokenizers.ts";
import { quiet, runtimeIn } from "./runtime.ts";

let scratch = "";
let made = 0;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "prefkit-span-"));
});
afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
});

async function load(small: SmallTokenizer): Promise<TurnTokenizer> {
  const folder = await writeTokenizer(join(scratch, String(made++)), small);
  return await loadTokenizer(folder, { runtime: runtimeIn(scratch) });
}

const question: readonly Message[] = [{ role: "user", content: "Hello?" }];

/** A model whose log-prob of each token is minus its place in the turn, so that a span can be read off the numbers. */
function countingModel(tokenizer: TurnTokenizer, takesIds = true): LogprobModel {
  return {
    id: "counting",
    specialTokens: tokenizer.specialTokens,
    templateHash: tokenizer.templateHash,
    contextLength: null,
    givesDistributions: false,
    takesIds,
    render: tokenizer.render,
    locate: tokenizer.locate,
    logprobs: async (_turn, { ids, start }) => ({
      tokenLogprobs: ids.map((_, place) => -place).slice(start),
    }),
  };
}

describe("responseLogprobs", () => {
  it("takes the whole text where no token straddles an edge", async () => {
    const model = countingModel(await load(byteLevel({ template: TEMPLATES.chatml })));
    const { tokenLogprobs, rule } = await responseLogprobs(
      model,
      question,
      "Hello",
      { countEnd: true },
      quiet,
    );
    expect(rule).toBe("whole");
    // <|im_start|> user \n Hello ? <|im_end|> \n <|im_start|> assistant \n, then places 10 and 11.
    expect(tokenLogprobs).toEqual([-10, -11]);
  });

  it("joins parts where one does, and says so", async () => {
    const model = countingModel(await load(byteLevel({ template: TEMPLATES.completion })));
    const { tokenLogprobs, rule } = await responseLogprobs(
      model,
      question,
      "the",
      { countEnd: false },
      quiet,
    );
    expect(rule).toBe("joined");
    // user : space Hello ? \n assistant : space, then t h e.
    expect(tokenLogprobs).toEqual([-9, -10, -11]);
  });

  it("fails with span_merged where parts must be joined and ids cannot be sent", async () => {
    const model = countingModel(await load(byteLevel({ template: TEMPLATES.completion })), false);
    await expect(responseLogprobs(model, question, "the", { countEnd: false }, quiet)).rejects.toMatchObject({
      code: "span_merged",
    });
  });

  it("lets a model without a template read another's rendering", async () => {
    const strong = await load(byteLevel({ template: TEMPLATES.chatml }));
    const weak = await load(metaspace("prepend"));
    const specialTokens = [...strong.specialTokens, ...weak.specialTokens];
    const turn = strong.render([{ role: "user", content: "a</s>b" }], "the <s>answer", {
      countEnd: true,
      specialTokens,
    });
    for (const tokenizer of [strong, weak]) {
      const located = tokenizer.locate(turn, "whole") ?? tokenizer.locate(turn, "joined");
      const ids = located?.ids.slice(located.start) ?? [];
      expect(tokenizer.decode(ids).replaceAll(" ", "")).toBe("the<s>answer<|im_end|>");
      expect(ids.slice(0, -1).some((id) => tokenizer.idOf("<s>") === id)).toBe(false);
    }
  });
});

/**
 * Two rules in public code that count the prompt's tokens, here to show what they do: that of CDR-preference-annotation
 * (src/dpo_vllm.py) and that of reward_hub (reward_hub/drsow.py). Both read the response's tokens from the list that a server gives for the whole text.
 */
const countRules = {
  /** The prompt encoded without special tokens; the server's list includes BOS where it adds one. */
  withoutSpecial: (tokenizer: TurnTokenizer, turn: RenderedTurn): readonly number[] =>
    served(tokenizer, turn).slice(tokenizer.encode(turn.text.slice(0, turn.responseStart)).length),
  /** The prompt encoded with special tokens, less one, on a list without its first entry, which has no log-prob. */
  lessOne: (tokenizer: TurnTokenizer, turn: RenderedTurn): readonly number[] => {
    const prompt = tokenizer.encode(turn.text.slice(0, turn.responseStart));
    const length = prompt.length + (tokenizer.addsBos ? 1 : 0);
    return served(tokenizer, turn)
      .slice(1)
      .slice(length - 1);
  },
};

function served(tokenizer: TurnTokenizer, { text }: RenderedTurn): readonly number[] {
  return tokenizer.promptIds({ text, breaks: [] });
}

describe("rules that count the prompt's tokens, where ours is exact", () => {
  const bosTemplate = `{{ bos_token }}${TEMPLATES.chatml}`;
  it.each([
    {
      note: "prompt and response share a token",
      small: byteLevel({ template: TEMPLATES.completion }),
      response: "the answer",
      wrong: ["withoutSpecial", "lessOne"],
    },
    {
      note: "the server adds BOS",
      small: byteLevel({ template: TEMPLATES.chatml, bos: true }),
      response: "Hello",
      wrong: ["withoutSpecial"],
    },
    {
      note: "BOS stands in the template too",
      small: byteLevel({ template: bosTemplate, bos: true }),
      response: "Hello",
      wrong: ["lessOne"],
    },
    {
      note: "a space is injected and merges with the response",
      small: metaspace("prepend", { template: TEMPLATES.bracketed }),
      response: "the answer",
      wrong: ["withoutSpecial", "lessOne"],
    },
    {
      note: "nothing is special",
      small: byteLevel({ template: TEMPLATES.chatml }),
      response: "Hello",
      wrong: [],
    },
  ])("$note: wrong are $wrong", async ({ small, response, wrong }) => {
    const tokenizer = await load(small);
    const turn = tokenizer.render(question, response, { countEnd: false });
    const located = tokenizer.locate(turn, "whole") ?? tokenizer.locate(turn, "joined");
    const ours = located?.ids.slice(located.start) ?? [];
    expect(tokenizer.decode(ours)).toBe(response);
    const found = Object.entries(countRules).filter(
      ([, rule]) => tokenizer.decode(rule(tokenizer, turn)) !== response,
    );
    expect(found.map(([name]) => name)).toEqual(wrong);
  });
});
