import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { nodeFiles } from "../../../src/core/files.ts";
import { embeddedSource } from "../../../src/models/embedded.ts";
import { provider } from "../../../src/models/local.ts";
import type { LogprobModel } from "../../../src/models/ports.ts";
import { chatTemplate } from "../../../src/models/template.ts";
import { openParquet } from "../../../src/store/parquet-reader.ts";
import type { Row } from "../../../src/store/table.ts";
import { loadTrainerTokenizer } from "../../../src/trainers/check/index.ts";
import { idsHash, referenceLogprobs } from "../../../src/trainers/train/index.ts";
import { fileOf, RECORDS, rowsOf, smallDataset, temporaryDirectories } from "../../cli/small-dataset.ts";
import { runtimeIn, settings } from "../../models/runtime.ts";
import { TOOLS } from "../layouts.ts";

const directories = temporaryDirectories();
afterEach(() => directories.removeAll());

/** The pairs' responses as the tiny model that comes with prefkit scores them, and the ids that it was sent. */
async function computed(
  maxLength: number,
  change: (model: LogprobModel) => LogprobModel = (model) => model,
  given: { readonly records?: readonly object[]; readonly template?: string } = {},
) {
  const directory = await directories.make();
  const map = { tools: "tools", toolMessages: true };
  const dataset =
    given.records === undefined
      ? await smallDataset(directory)
      : await smallDataset(directory, { input: { path: "prompts.jsonl", map } }, {}, given.records);
  const runtime = runtimeIn(directory);
  const handle = await provider.open(
    provider.options.parse({ model: "embedded:strong", threads: 1 }),
    settings,
    runtime,
  );
  const sent: { ids: readonly number[]; start: number; sum: number }[] = [];
  try {
    const model = handle.ports.logprobs;
    if (model === undefined) throw new Error("no log-probs");
    const watched: LogprobModel = {
      ...model,
      logprobs: async (turn, located, context) => {
        const found = await model.logprobs(turn, located, context);
        const sum = found.tokenLogprobs.reduce((total, logprob) => total + logprob, 0);
        sent.push({ ids: located.ids, start: located.start, sum });
        return found;
      },
    };
    const own = await loadTrainerTokenizer(embeddedSource("embedded:strong"), { runtime });
    const tokenizer =
      given.template === undefined ? own : { ...own, template: chatTemplate(given.template, own.tokens) };
    const out = join(directory, "reference");
    const stop = new AbortController().signal;
    await referenceLogprobs({
      ...{ files: nodeFiles, dataset, out, model: change(watched), tokenizer, maxLength, stop },
      concurrency: 1,
    });
    const table = await openParquet(nodeFiles, join(out, "logprobs/train.parquet"));
    const rows: Row[] = [];
    for await (const batch of table.read()) rows.push(...batch);
    await table.close();
    return { rows, sent, tokenizer, pairs: await rowsOf(dataset, await fileOf(dataset, "pairs")) };
  } finally {
    await handle.close();
  }
}

describe("reference log-probs", () => {
  it("have a row per response of a pair, over the whole rendered turn, with the hash of what was scored", async () => {
    const { rows, sent, tokenizer, pairs } = await computed(4096);
    expect(rows.map(({ response_id }) => response_id)).toEqual(
      pairs.flatMap((pair) => [pair.chosen_id, pair.rejected_id]),
    );
    for (const [index, row] of rows.entries()) {
      const { ids, start, sum } = sent[index] ?? { ids: [], start: 0, sum: 0 };
      expect(row).toMatchObject({
        ids_hash: idsHash(ids),
        token_count: ids.length - start,
        sum_logprob: sum,
      });
      expect(sum).toBeLessThan(0);
      const pair = pairs[index >> 1] as Row;
      const turns = [pair.prompt, pair[index % 2 === 0 ? "chosen" : "rejected"]].flat();
      const whole = tokenizer.template?.render(turns as never, { generationPrompt: false }) ?? "";
      expect(ids).toEqual(tokenizer.tokens.encode(whole));
    }
  });

  it("stop where the trainer cuts, and leave out what it drops", async () => {
    const whole = await computed(4096);
    const starts = whole.sent.map(({ start }) => start);
    const maxLength = Math.min(...starts) + 1;
    const { rows, sent } = await computed(maxLength);
    expect(rows).toHaveLength(starts.filter((start) => start < maxLength).length);
    for (const { ids } of sent) expect(ids.length).toBeLessThanOrEqual(maxLength);
    for (const { token_count } of rows) expect(token_count).toBe(1);
  });

  it("are of prompts with their tools, and only of pairs that the training's export has", async () => {
    const [sum, product, ...others] = RECORDS;
    const called = [
      { role: "assistant", content: "", tool_calls: [{ id: "1", function: { name: "f", arguments: "{}" } }] },
      { role: "tool", content: "42", tool_call_id: "1" },
    ];
    const prompt = [{ role: "user", content: "What is 6 × 7?" }, ...called];
    const records = [{ ...sum, tools: TOOLS }, { ...product, prompt, tools: TOOLS }, ...others];
    const template =
      "{% if tools %}{% for t in tools %}({{ t.function.name }}){% endfor %}{% endif %}" +
      "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";
    const { rows, sent, tokenizer, pairs } = await computed(4096, undefined, { records, template });
    expect(pairs).toHaveLength(2);
    // Of the first pair alone, A: 42 over A: 41: the other one's prompt has tool calls.
    const pair = pairs.find(({ prompt_id }) => prompt_id === "sum");
    expect(rows.map(({ response_id }) => response_id)).toEqual([pair?.chosen_id, pair?.rejected_id]);
    const asked = "(weather)[user]What is 40 + 2?[assistant]";
    for (const [index, text] of ["A: 42", "A: 41"].entries()) {
      const ids = tokenizer.tokens.encode(asked + text);
      expect(sent[index]?.ids).toEqual(ids);
      expect(sent[index]?.start).toBe(tokenizer.tokens.encode(asked).length);
      expect(rows[index]?.ids_hash).toBe(idsHash(ids));
    }
  });

  it("are refused of a model that cannot be sent token ids", async () => {
    await expect(computed(4096, (model) => ({ ...model, takesIds: false }))).rejects.toMatchObject({
      code: "endpoint_unfit",
    });
  });
});
