import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFiles } from "../../../src/core/files.ts";
import type { Image, Json, Message } from "../../../src/core/types.ts";
import type { Row } from "../../../src/store/table.ts";
import { partsMessage, textsOf } from "../../../src/trainers/check/image-rows.ts";
import {
  checkExport,
  loadTrainerTokenizer,
  type TrainerTokenizer,
} from "../../../src/trainers/check/index.ts";
import type { PairRecord, TrainerAdapter } from "../../../src/trainers/trainer-adapter.ts";
import { trl } from "../../../src/trainers/trl.ts";
import { verl } from "../../../src/trainers/verl.ts";
import { byteLevel, TEMPLATES, writeTokenizer } from "../../models/fixtures/make-tokenizers.ts";
import { runtimeIn } from "../../models/runtime.ts";
import { layoutFrom } from "../layouts.ts";
import { editRows, makeExport, numberedPair } from "./exports.ts";

const LOOP = "{% for m in messages %}<|im_start|>{{ m.role }}\n";
const PARTS = (image: string) =>
  `{% for p in m.content %}{% if p.type == 'image' %}${image}{% else %}{{ p.text }}{% endif %}{% endfor %}`;
const END = "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
/** Refuses contents that are text, as some vision templates do. */
const REFUSES_TEXT =
  "{% for m in messages %}{% if m.content is string %}{{ raise_exception('Give lists of parts') }}{% endif %}{% endfor %}";

const TEMPLATE_OF = {
  vision: `${REFUSES_TEXT}${LOOP}${PARTS("<image>")}${END}`,
  blind: `${LOOP}${PARTS("")}${END}`,
  /** Writes a list of parts as it stands. */
  text: TEMPLATES.chatml,
  /** Fails at a list of parts. */
  strict: TEMPLATES.chatml.replace("{{ m.content }}", "{{ m.content | trim }}"),
} as const;

let scratch: string;
const tokenizers = {} as Record<keyof typeof TEMPLATE_OF, TrainerTokenizer>;
let made = 0;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "prefkit-image-rows-"));
  for (const [name, template] of Object.entries(TEMPLATE_OF)) {
    const small = byteLevel({ template });
    const added = small.json.added_tokens as readonly Json[];
    // `<image>` is one special token, as LLaVA has it.
    const image = { ...(added[0] as { readonly [key: string]: Json }), id: 5000, content: "<image>" };
    const json = { ...small.json, added_tokens: [...added, image] };
    const folder = await writeTokenizer(join(scratch, name), { ...small, json });
    tokenizers[name as keyof typeof TEMPLATE_OF] = await loadTrainerTokenizer(folder, {
      runtime: runtimeIn(scratch),
    });
  }
});

afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
});

const BYTES: Image = { bytes: new Uint8Array([1, 2]), path: null };
const asked = (content: string): readonly Message[] => [{ role: "user", content }];
const WITH_IMAGES = numberedPair(0, { prompt: asked("<image>What is it? <image>"), images: [BYTES, BYTES] });
const WITHOUT = numberedPair(1, { prompt: asked("What is nine times two?") });

async function exported(
  records: readonly PairRecord[],
  options: Record<string, unknown> = { images: "bytes" },
) {
  made += 1;
  return await makeExport(join(scratch, `export-${made}`), trl, "preference", { train: records }, options, {
    tools: false,
    images: true,
    toolMessages: false,
  });
}

async function checked(
  directory: string,
  name: keyof typeof TEMPLATE_OF | null,
  trainer: TrainerAdapter = trl,
) {
  const report = await checkExport({
    files: nodeFiles,
    directory,
    trainers: [trainer],
    ...(name === null ? {} : { tokenizer: tokenizers[name] }),
  });
  const problems = report.problems.map(({ kind, count }) => `${kind} ${count}`);
  return { ...report, kinds: problems };
}

describe("the check of an export with images", () => {
  it("renders lists of parts, finds the places of images no text, and says whose lengths it did not look at", async () => {
    const { directory } = await exported([WITH_IMAGES, WITHOUT]);
    const report = await checked(directory, "vision");
    expect(report.kinds).toEqual([]);
    expect(report.state).toBe("sound");
    expect(report.lengths?.prompt?.count).toBe(1);
    expect(report.lengths?.responses?.count).toBe(2);
    expect(report.notes).toEqual([expect.stringMatching(/^1 examples have images.* were not looked at/)]);
  });

  it("gives the template the very parts that the rows hold", () => {
    const extras = { tools: false, images: true, toolMessages: false };
    const layout = layoutFrom(trl, "preference", "pairs", { images: "bytes" }, { extras, scores: [] });
    const piece = fc.constantFrom("<image>", "<", "image>", " a", "\n");
    const content = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(content, (text) => {
        const images = textsOf(text)
          .slice(1)
          .map(() => BYTES);
        const [row = {}] = layout.rows(numberedPair(0, { prompt: asked(text), images })).rows;
        const given = layout
          .examples(row)
          .flatMap(({ prompt }) => (typeof prompt === "string" ? [] : prompt.map(partsMessage)));
        const written = (row.prompt as readonly { role: string; content: readonly Row[] }[]).map((turn) => ({
          role: turn.role,
          content: turn.content.map(({ type, text: own }) =>
            type === "image" ? { type } : { type, text: own },
          ),
        }));
        expect(given).toEqual(written);
      }),
      { seed: 20260821 },
    );
  });

  it("says nothing of lengths that it did look at", async () => {
    const { directory } = await exported([WITHOUT]);
    expect((await checked(directory, "vision")).notes).toEqual([]);
  });

  it("has no lengths where all rows have images, and none of them is counted as whole", async () => {
    const { directory } = await exported([WITH_IMAGES]);
    expect((await checked(directory, "vision")).lengths).toEqual({
      prompt: null,
      responses: null,
      total: null,
    });
  });

  it.each([
    { name: "text", kinds: ["template_refused 2"], note: "a text model's, which writes the list itself" },
    { name: "strict", kinds: ["template_refused 2"], note: "a text model's, which fails at a list" },
    { name: "blind", kinds: ["text_lost 1"], note: "one that writes nothing for an image" },
  ] as const)("finds a template unfit: $note", async ({ name, kinds }) => {
    const { directory } = await exported([WITH_IMAGES, WITHOUT]);
    expect((await checked(directory, name)).kinds).toEqual(kinds);
  });

  it("still finds the image's token where no image stands", async () => {
    const one = await exported([WITH_IMAGES, WITHOUT]);
    const text = (value: string) => [{ role: "assistant", content: [{ type: "text", text: value }] }];
    await editRows(one, ([first, ...rest]) => [{ ...first, chosen: text("It is <image>.") }, ...rest]);
    expect((await checked(one.directory, "vision")).kinds).toEqual(["special_token_in_text 1"]);
  });

  it.each([{ name: "vision" as const }, { name: null }])(
    "finds a row with fewer images than places, with tokenizer $name",
    async ({ name }) => {
      const one = await exported([WITH_IMAGES]);
      await editRows(one, (rows) => rows.map((row) => ({ ...row, images: [BYTES] })));
      const { problems, kinds } = await checked(one.directory, name);
      expect(kinds).toEqual(["unreadable_row 1"]);
      expect(problems[0]?.first[0]?.problem).toBe("are 1, and the prompt has 2 places for them");
    },
  );

  it("renders text with `<image>` as parts for other trainers where the template takes them", async () => {
    made += 1;
    const definition = verl.layouts.prompts;
    if (definition === undefined) throw new Error("verl has no prompts");
    const extras = { tools: false, images: true, toolMessages: false };
    const layout = definition.create(definition.options.parse({}), { extras, scores: [] });
    if (layout.from !== "groups") throw new Error("verl's prompts are made from groups");
    // The fixture's groups have no images: as pairs they have.
    const trainer: TrainerAdapter = {
      ...verl,
      layouts: {
        prompts: {
          ...definition,
          create: () => ({
            ...layout,
            from: "pairs",
            rows: ({ promptId: id, prompt: messages, images = [] }) =>
              layout.rows({
                group: {
                  prompt: { id, messages, images, reference: null, metadata: {} },
                  responses: [],
                },
                rewards: [],
                columns: [],
              }),
          }),
        },
      },
    };
    const directory = join(scratch, `export-${made}`);
    await makeExport(directory, trainer, "prompts", { train: [WITH_IMAGES, WITHOUT] }, {}, extras);
    const report = await checked(directory, "vision", trainer);
    // The row without an image is rendered as text, which this template refuses.
    expect(report.kinds).toEqual(["template_refused 1"]);
    const plain = await checked(directory, "text", trainer);
    expect(plain.kinds).toEqual([]);
    expect(plain.fates[0]?.whole).toBe(1);
    expect(plain.notes).toHaveLength(1);
  });
});
