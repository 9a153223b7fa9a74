import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../src/core/ids.ts";
import { withLogprobHead } from "../../src/models/log-prob-head.ts";
import { type OnnxModel, selfTest, shareModel } from "../../src/models/onnx-model.ts";
import { onnxRuntime } from "../../src/models/onnx-runtime.ts";
import { type TableModel, tableModel } from "./fixtures/make-onnx.ts";

let scratch = "";
let made = 0;
const models: OnnxModel[] = [];
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "prefkit-head-"));
});
afterAll(async () => {
  for (const model of models) await model.release();
  await rm(scratch, { recursive: true, force: true });
});

async function load(table: TableModel): Promise<OnnxModel> {
  const { model, data } = tableModel(table);
  const path = join(scratch, `${made++}.onnx`);
  await writeFile(path, model);
  if (table.external !== undefined) await writeFile(join(scratch, table.external), data);
  const file = { path, dataPaths: [] };
  const loaded = await shareModel({ runtime: onnxRuntime(), file, hash: sha256(model), threads: 1 });
  models.push(loaded);
  return loaded;
}

const ln = Math.log;
// After 0: probabilities 1/4, 1/2, 1/4. After 1: even. After 2: 1/8, 1/8, 3/4, from logits far from 0.
const TABLE = [
  [ln(1), ln(2), ln(1)],
  [5, 5, 5],
  [100 + ln(1), 100 + ln(1), 100 + ln(6)],
];
const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 5));

describe("the log-prob head", () => {
  it.each([
    { note: "operator set 13", change: { opset: 13 } },
    { note: "operator set 17", change: { opset: 17 } },
    { note: "operator set 18", change: { opset: 18 } },
    { note: "operator set 20", change: { opset: 20 } },
    { note: "half-precision logits", change: { half: true } },
    { note: "weights in a file beside the graph", change: { external: "weights.bin" } },
  ])("gives the log-prob of each next token, $note", async ({ change }) => {
    const model = await load({ table: TABLE, ...change });
    const digits = "half" in change ? 1 : 5;
    const near = (values: readonly number[]) => values.map((value) => expect.closeTo(value, digits));
    const [row] = await model.score([[0, 1, 2, 2, 0]], { distributions: true });
    // 1 after 0: 1/2; 2 after 1: 1/3; 2 after 2: 3/4; 0 after 2: 1/8.
    expect(row?.logprobs).toEqual(near([ln(1 / 2), ln(1 / 3), ln(3 / 4), ln(1 / 8)]));
    // H = -Σ p ln p: 1/2 ln 2 + 2·1/4 ln 4; ln 3; 2·1/8 ln 8 + 3/4 ln(4/3).
    const last = (2 / 8) * ln(8) + (3 / 4) * ln(4 / 3);
    expect(row?.entropies).toEqual(near([1.5 * ln(2), ln(3), last, last]));
    // KL(U‖p) = Σ 1/3 ln((1/3)/p) = -ln 3 - 1/3 Σ ln p.
    const kl = (p: readonly number[]): number => -ln(3) - p.reduce((sum, value) => sum + ln(value), 0) / 3;
    expect(row?.selfCertainties).toEqual(
      near([kl([1 / 4, 1 / 2, 1 / 4]), 0, kl([1 / 8, 1 / 8, 3 / 4]), kl([1 / 8, 1 / 8, 3 / 4])]),
    );
  });

  it("gives the same with and without distributions, and no entropies unasked", async () => {
    const model = await load({ table: TABLE });
    const [plain] = await model.score([[0, 1, 2]], { distributions: false });
    const [full] = await model.score([[0, 1, 2]], { distributions: true });
    expect(plain).toEqual({ logprobs: full?.logprobs, entropies: [], selfCertainties: [] });
  });

  it("gives rows of a padded batch what they get alone", async () => {
    const model = await load({ table: TABLE });
    const rows = [
      [0, 1],
      [2, 2, 2, 0, 1],
      [1, 0, 0],
    ];
    const together = await model.score(rows, { distributions: true });
    for (const [index, row] of rows.entries()) {
      expect(together[index]).toEqual((await model.score([row], { distributions: true }))[0]);
    }
    expect(await selfTest(model, [0, 1, 2, 0, 1, 2])).toBeNull();
  });

  it("is found out by the self-test where rows leak into each other", async () => {
    const model = await load({
      table: [
        [0.1, 0.2, 0.3],
        [0.1, 0.3, 0.2],
        [0.9, 0.1, 0.1],
      ],
      leaks: true,
    });
    expect(await selfTest(model, [0, 1, 0, 1, 2, 2])).toMatch(/change by .* nats/);
  });

  it.each([
    { note: "NaN", logit: Number.NaN },
    { note: "minus infinity for the token", logit: Number.NEGATIVE_INFINITY },
    { note: "infinite", logit: Number.POSITIVE_INFINITY },
  ])("fails with not_finite when a logit is $note", async ({ logit }) => {
    const model = await load({
      table: [
        [logit, 0],
        [0, 0],
      ],
    });
    await expect(model.score([[0, 0]], { distributions: false })).rejects.toMatchObject({
      code: "not_finite",
    });
  });

  it("fails with in_process for a token that the model does not have", async () => {
    const model = await load({ table: TABLE });
    await expect(model.score([[0, 7]], { distributions: false })).rejects.toMatchObject({
      code: "in_process",
    });
  });

  it("gives logits of the next token", async () => {
    const model = await load({ table: TABLE });
    const { logits, read } = await model.next([2, 1, 0], null);
    expect([...logits]).toEqual(close([ln(1), ln(2), ln(1)]));
    expect(read).toBeNull();
  });

  it("refuses what it cannot fill or read, and says what to do", async () => {
    await expect(load({ table: TABLE, extraInput: "pixel_values" })).rejects.toMatchObject({
      code: "endpoint_unfit",
      message: expect.stringContaining("pixel_values"),
    });
    await expect(load({ table: TABLE, opset: 12 })).rejects.toMatchObject({ code: "endpoint_unfit" });
    const { model } = tableModel({ table: TABLE });
    for (const bytes of [
      model.subarray(0, 40),
      Buffer.from("version https://git-lfs.github.com/spec/v1\n"),
      Buffer.alloc(0),
    ]) {
      expect(() => withLogprobHead(bytes, { distributions: false })).toThrow(
        expect.objectContaining({ code: "damaged_file" }),
      );
    }
  });
});
