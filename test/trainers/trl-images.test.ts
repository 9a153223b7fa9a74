import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Image, Message } from "../../src/core/types.ts";
import { rowChecker } from "../../src/store/check-row.ts";
import { trl } from "../../src/trainers/trl.ts";
import { layoutFrom, NO_EXTRAS, pairOf } from "./layouts.ts";

const MAPPED = { extras: { tools: true, images: true, toolMessages: true }, scores: [] };
const BYTES: Image = { bytes: new Uint8Array([1, 2]), path: "cat.png" };
const PATH: Image = { bytes: null, path: "pictures/cat.png" };

const layout = layoutFrom(trl, "preference", "pairs", { images: "bytes" }, MAPPED);

function asked(...contents: readonly string[]): readonly Message[] {
  return contents.map((content, index) => ({ role: index % 2 === 0 ? "user" : "assistant", content }));
}

const text = (content: string) => ({ type: "text", text: content });
const IMAGE = { type: "image", text: null };

describe("TRL's rows with images", () => {
  it("hold each image where `<image>` stood, the images in their order, and responses as parts too", () => {
    const prompt = asked("<image>What is it?", "A cat.", "And <image><image>");
    const pair = pairOf({ prompt, images: [BYTES, BYTES, BYTES] });
    const [row = {}] = layout.rows(pair).rows;
    expect(row).toEqual({
      prompt: [
        { role: "user", content: [IMAGE, text("What is it?")] },
        { role: "assistant", content: [text("A cat.")] },
        { role: "user", content: [text("And "), IMAGE, IMAGE] },
      ],
      chosen: [{ role: "assistant", content: [text("It is 18, twice nine.")] }],
      rejected: [{ role: "assistant", content: [text("It is 26, I think.")] }],
      images: [BYTES, BYTES, BYTES],
    });
    rowChecker(layout.rowSet)(row, 0);
    expect(layout.examples(row)).toEqual([
      { kind: "preference", prompt, chosen: pair.chosen, rejected: pair.rejected },
    ]);
  });

  it("hold no image, and an empty list of them, where a record has none", () => {
    const [row = {}] = layout.rows(pairOf({ prompt: asked("") })).rows;
    expect(row).toMatchObject({ prompt: [{ role: "user", content: [text("")] }], images: [] });
  });

  it("are read back as they were, wherever the images stand", () => {
    const content = fc
      .array(fc.constantFrom("<image>", "<", "image>", " a", "\n"), { maxLength: 8 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.tuple(content, content, content), (contents) => {
        const prompt = asked(...contents);
        const count = contents.join("\0").split("<image>").length - 1;
        const pair = pairOf({ prompt, images: Array.from({ length: count }, () => BYTES) });
        const [row] = layout.rows(pair).rows;
        if (row === undefined) throw new Error("left out");
        expect(layout.examples(row)).toMatchObject([{ prompt }]);
      }),
    );
  });

  it("have one row for each labelled response in KTO", () => {
    const unpaired = layoutFrom(trl, "unpaired", "pairs", { images: "bytes" }, MAPPED);
    const { rows } = unpaired.rows(pairOf({ prompt: asked("<image>?"), images: [BYTES] }));
    expect(rows).toMatchObject([
      { completion: [{ content: [text("It is 18, twice nine.")] }], label: true, images: [BYTES] },
      { completion: [{ content: [text("It is 26, I think.")] }], label: false, images: [BYTES] },
    ]);
    expect(unpaired.examples(rows[1] ?? {})).toMatchObject([
      { kind: "unpaired", completion: [{ role: "assistant", content: "It is 26, I think." }], label: false },
    ]);
  });

  it.each([
    { what: "one image too few", pair: pairOf({ prompt: asked("<image>") }), why: /one <image> per image/ },
    {
      what: "one image too many",
      pair: pairOf({ prompt: asked("Look."), images: [BYTES] }),
      why: /one <image> per image/,
    },
    {
      what: "an image that is a path alone",
      pair: pairOf({ prompt: asked("<image>"), images: [PATH] }),
      why: /images=paths/,
    },
    {
      what: "an image of no bytes",
      pair: pairOf({ prompt: asked("<image>"), images: [{ bytes: new Uint8Array(), path: null }] }),
      why: /no bytes/,
    },
    {
      what: "<image> in a response",
      pair: pairOf({
        prompt: asked("<image>"),
        images: [BYTES],
        rejected: [{ role: "assistant", content: "See <image>." }],
      }),
      why: /a response holds <image>/,
    },
    { what: "tools", pair: pairOf({ tools: "[]" }), why: /tools/ },
    {
      what: "a developer turn",
      pair: pairOf({ prompt: [{ role: "developer", content: "Be brief." }, ...asked("?")] }),
      why: /developer/,
    },
    {
      what: "an image in a tool turn",
      pair: pairOf({
        prompt: [...asked("?", "!"), { role: "tool", content: "<image>" }],
        images: [BYTES],
      }),
      why: /tool turn/,
    },
  ])("leave out a pair with $what", ({ pair, why }) => {
    expect(layout.rows(pair)).toEqual({
      rows: [],
      leftOut: [{ id: pair.pairId, why: expect.stringMatching(why) }],
    });
  });

  it("hold paths when they are asked for", () => {
    const paths = layoutFrom(trl, "preference", "pairs", { images: "paths" }, MAPPED);
    const pair = pairOf({ prompt: asked("<image><image>"), images: [PATH, BYTES] });
    expect(paths.rows(pair).rows[0]).toMatchObject({ images: [PATH, BYTES] });
  });

  it("are trained on by a script that reads the column as pictures, uncut; SimPO's trainer has no place for them", () => {
    const companions = layout.companions({ files: { train: [] } });
    expect(companions.map(({ path }) => path)).toEqual(["dpo.yaml", "train_images.py"]);
    const [settings] = companions;
    expect(settings?.text).toContain("python train_images.py dpo --config dpo.yaml");
    expect(parse(settings?.text ?? "")).toMatchObject({ max_length: null, dataset_name: "data" });
    expect(layout.lengthRules).toEqual([]);
  });

  it("are those without images in a dataset that maps none", () => {
    const plain = layoutFrom(trl, "preference", "pairs", { images: "bytes" }, NO_EXTRAS);
    expect(plain.rows(pairOf())).toEqual(layoutFrom(trl, "preference", "pairs").rows(pairOf()));
    expect(plain.rowSet).toEqual(layoutFrom(trl, "preference", "pairs").rowSet);
  });

  it("are left out unless they are asked for, and the reason says how", () => {
    const without = layoutFrom(trl, "preference", "pairs", {}, MAPPED);
    const { leftOut } = without.rows(pairOf({ prompt: asked("<image>"), images: [BYTES] }));
    expect(leftOut[0]?.why).toMatch(/images=bytes/);
  });

  it("are refused as texts", () => {
    expect(() => layoutFrom(trl, "preference", "pairs", { images: "bytes", format: "text" }, MAPPED)).toThrow(
      expect.objectContaining({ code: "bad_option" }),
    );
  });
});
