import { groupsRowSet, logprobsRowSet, pairsRowSet, scoresRowSet } from "../../src/store/row-sets.ts";
import type { Row, RowSet } from "../../src/store/table.ts";

/**
 * What the files beside this one hold. They were written by prefkit 0.1.0 and are never written again: a later version
 * must read them as they are. A new version of a row set adds files and rows here.
 */
const message = (role: string, content: string): Row => ({
  role,
  content,
  tool_calls: null,
  tool_call_id: null,
  name: null,
});

const pairs: Row[] = ["a", "b", "c"].map((letter, index) => ({
  pair_id: `pair ${letter}`,
  prompt_id: `prompt ${letter}`,
  prompt: [message("system", ""), message("user", `question ${letter} 🙂 \uFEFF\0`)],
  chosen: [message("assistant", "yes")],
  rejected: [message("assistant", "")],
  score_chosen: 1,
  score_rejected: index / 4,
  reward_margin: 1 - index / 4,
  chosen_id: `yes ${letter}`,
  rejected_id: `no ${letter}`,
  rule: "best-vs-worst",
  metadata: '{"level":1}',
  tools: index === 0 ? null : "[]",
  images: index === 0 ? null : [{ bytes: Buffer.from([0, 255]), path: null }],
}));

const groups: Row[] = ["a", "b", "c"].map((letter, index) => ({
  prompt_id: `prompt ${letter}`,
  prompt: [{ role: "user", content: `question ${letter}` }],
  reference: index === 0 ? null : "4",
  responses: Array.from({ length: index }, (_, place) => ({
    response_id: `r${place}`,
    text: "four",
    reasoning: null,
    role: place === 0 ? "candidate" : "baseline",
    model: "m",
    finish_reason: "stop",
    token_count: Number.MAX_SAFE_INTEGER,
    sum_logprob: -0.125,
    reward: place === 0 ? null : -0,
    metadata: "{}",
  })),
  sibling_id: null,
  metadata: "{}",
}));

const scores: Row[] = ["scored", "abstained", "failed"].map((kind) => ({
  prompt_id: "prompt a",
  response_id: "r0",
  name: "correct",
  scorer: "math-answer",
  version: 1,
  config_hash: "00ff",
  kind,
  value: kind === "scored" ? 0.1 + 0.2 : null,
  code: kind === "failed" ? "timeout" : null,
  why: kind === "scored" ? null : "because",
  parts: kind === "scored" ? [{ name: "strong", value: -1.5 }] : null,
  spans: kind === "scored" ? [] : null,
  raw: null,
}));

const logprobs: Row[] = [
  {
    prompt_id: "prompt a",
    response_id: "r0",
    model: "m",
    template_hash: null,
    ids_hash: "00ff",
    token_count: 3,
    sum_logprob: -1.25,
  },
];

const everything = { tools: true, images: true, toolMessages: true };

export const GOLDEN: readonly { readonly rowSet: RowSet; readonly rows: readonly Row[] }[] = [
  { rowSet: pairsRowSet(everything), rows: pairs },
  { rowSet: groupsRowSet(), rows: groups },
  { rowSet: scoresRowSet, rows: scores },
  { rowSet: logprobsRowSet, rows: logprobs },
];
