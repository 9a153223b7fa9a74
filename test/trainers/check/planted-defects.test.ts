import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFiles } from "../../../src/core/files.ts";
import { required } from "../../../src/store/schema.ts";
import type { Row } from "../../../src/store/table.ts";
import {
  checkExport,
  loadTrainerTokenizer,
  type TrainerTokenizer,
} from "../../../src/trainers/check/index.ts";
import { trainers } from "../../../src/trainers/index.ts";
import { llamaFactory } from "../../../src/trainers/llama-factory.ts";
import { msSwift } from "../../../src/trainers/ms-swift.ts";
import { nemoRl } from "../../../src/trainers/nemo-rl.ts";
import { openrlhf } from "../../../src/trainers/openrlhf.ts";
import type { ExportKind, TrainerAdapter } from "../../../src/trainers/trainer-adapter.ts";
import { trl } from "../../../src/trainers/trl.ts";
import { byteLevel, TEMPLATES, writeTokenizer } from "../../models/fixtures/make-tokenizers.ts";
import { runtimeIn } from "../../models/runtime.ts";
import {
  dataFile,
  editManifest,
  editRows,
  type MadeExport,
  makeExport,
  manifestOf,
  numberedPair,
  pairs,
  plain,
  QUESTION,
  rowAt,
} from "./exports.ts";

let scratch: string;
const tokenizers: Record<string, TrainerTokenizer> = {};

/** Templates with one fault each, beside ChatML. */
const TOKENIZERS = {
  chatml: byteLevel({ template: TEMPLATES.chatml }),
  chatmlWithBos: byteLevel({ template: TEMPLATES.chatml, bos: true }),
  /** Opens a reply otherwise than it writes one: the generation prompt holds a tag that the whole conversation lacks. */
  tagged: byteLevel({
    template: TEMPLATES.chatml.replace("<|im_start|>assistant\n{%", "<|im_start|>assistant\n<think>{%"),
  }),
  twoBos: byteLevel({ template: `{{ bos_token }}{{ bos_token }}${TEMPLATES.chatml}`, bos: true }),
  endless: byteLevel({
    template:
      "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}",
  }),
  noSystem: byteLevel({ template: TEMPLATES.noSystem }),
  /** Drops what stands before `</think>` in an answer. */
  thinking: byteLevel({ template: TEMPLATES.thinking }),
  trimming: byteLevel({ template: TEMPLATES.chatml.replace("{{ m.content }}", "{{ m.content | trim }}") }),
  dropsSystem: byteLevel({
    template: TEMPLATES.chatml.replace("for m in messages", "for m in messages if m.role != 'system'"),
  }),
} as const;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "prefkit-export-check-"));
  for (const [name, made] of Object.entries(TOKENIZERS)) {
    const folder = await writeTokenizer(join(scratch, `tokenizer-${name}`), made);
    tokenizers[name] = await loadTrainerTokenizer(folder, { runtime: runtimeIn(scratch) });
  }
});

afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
});

const FROM_PAIRS: Readonly<Partial<Record<ExportKind, Readonly<Record<string, unknown>>>>> = {
  unpaired: { from: "pairs" },
};

/** Everything that can be made without scores: their layouts want to be told which. */
const EXPORTS = [...trainers, plain].flatMap((trainer) =>
  (Object.keys(trainer.layouts) as ExportKind[])
    .filter((kind) => trainer.layouts[kind]?.options.safeParse(FROM_PAIRS[kind] ?? {}).success)
    .map((kind) => [trainer.name, kind, trainer] as const),
);

let made = 0;
async function fresh(
  ...[trainer, kind, splits, options]: Parameters<typeof makeExport> extends [string, ...infer Rest]
    ? Rest
    : never
) {
  made += 1;
  return await makeExport(join(scratch, `export-${made}`), trainer, kind, splits, options);
}

async function check(directory: string, tokenizer: string | null = "chatml") {
  return await checkExport({
    files: nodeFiles,
    directory,
    trainers: [...trainers, plain],
    ...(tokenizer === null ? {} : { tokenizer: tokenizers[tokenizer] as TrainerTokenizer }),
  });
}

describe("clean exports", () => {
  it.each(EXPORTS)("of %s %s have no problem", async (_, kind, trainer) => {
    // Some layouts take single questions alone.
    const splits = { train: [...pairs(3), ...ONE_TURN.train], test: [] };
    const { directory } = await fresh(trainer, kind, splits, FROM_PAIRS[kind]);
    const found = await check(directory);
    expect(found).toMatchObject({ state: "sound", problems: [], notes: [] });
    expect(found.rows.train).toBeGreaterThanOrEqual(4);
    expect(found.rows).toMatchObject((await manifestOf(directory)).rows);
  });
});

type Turn = { role: string; content: string };

/** Changes the text of the first turn of a side. */
const saying = (column: string, change: (text: string) => string) =>
  rowAt(2, (row) => {
    const turns = row[column] as readonly Turn[];
    return { ...row, [column]: turns.map((turn) => ({ ...turn, content: change(turn.content) })) };
  });
const withTurns = (column: string, change: (turns: readonly Turn[]) => readonly Turn[]) =>
  rowAt(2, (row) => ({ ...row, [column]: change(row[column] as readonly Turn[]) }));

interface Defect {
  readonly title: string;
  readonly trainer: TrainerAdapter;
  readonly kind: ExportKind;
  readonly plant: (made: MadeExport) => Promise<void>;
  /** Every kind that must be found, and no other. */
  readonly found: readonly string[];
  /** Of the first of them; 2 unless said. */
  readonly row?: number | null;
  readonly tokenizer?: string | null;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly records?: Parameters<typeof makeExport>[3];
}

const rows = (change: (rows: Row[]) => readonly Row[]) => (made: MadeExport) => editRows(made, change);
const inDirectory =
  (work: (directory: string, file: string) => Promise<void>) =>
  async ({ directory }: MadeExport) =>
    work(directory, await dataFile(directory));
const preference = { trainer: trl, kind: "preference" } as const;
const TEXT = { format: "text" };
const ONE_TURN = {
  train: Array.from({ length: 4 }, (_, n) =>
    numberedPair(n, { prompt: [{ role: "user", content: `${QUESTION} (${n})\n` }] }),
  ),
};
const text = { ...preference, options: TEXT, records: ONE_TURN } as const;

const DEFECTS: readonly Defect[] = [
  {
    title: "a file that is gone",
    ...preference,
    plant: inDirectory((directory, file) => rm(join(directory, file))),
    found: ["missing_file"],
    row: null,
  },
  {
    title: "a file beside the data",
    ...preference,
    plant: inDirectory((directory) => writeFile(join(directory, "data/train-more.jsonl"), "{}\n")),
    found: ["extra_file"],
    row: null,
  },
  {
    title: "bytes that were changed",
    trainer: plain,
    kind: "reward",
    plant: ({ directory }) =>
      editManifest(directory, (manifest) => ({
        ...manifest,
        files: manifest.files.map((file) =>
          file.split === null ? file : { ...file, sha256: "0".repeat(64) },
        ),
      })),
    found: ["wrong_hash"],
    row: null,
  },
  {
    title: "a Parquet file cut short",
    ...preference,
    plant: inDirectory((directory, file) => writeFile(join(directory, file), "PAR1")),
    found: ["wrong_hash", "unreadable_file"],
    row: null,
  },
  {
    title: "rows that are gone",
    trainer: openrlhf,
    kind: "preference",
    plant: rows((all) => all.slice(1)),
    found: ["wrong_row_count"],
    row: null,
  },
  {
    title: "a line that is no JSON",
    trainer: plain,
    kind: "unpaired",
    plant: (made) =>
      editRows(
        made,
        rowAt(2, () => "lost" as unknown as Row),
      ),
    found: ["bad_line"],
  },
  {
    title: "a margin column in a file of pairs",
    trainer: openrlhf,
    kind: "reward",
    plant: (made) =>
      editRows(made, (all) => all.map((row) => ({ ...row, margin: 3 })), {
        columns: [...made.layout.rowSet.columns, required("margin", "double")],
      }),
    found: ["loss_column"],
    row: null,
  },
  {
    title: "reference log-probs in lines of JSON",
    trainer: plain,
    kind: "unpaired",
    plant: rows(rowAt(2, (row) => ({ ...row, ref_logps: -50 }))),
    found: ["loss_column"],
  },
  {
    title: "a bookkeeping column",
    trainer: nemoRl,
    kind: "preference",
    plant: (made) =>
      editRows(made, (all) => all.map((row) => ({ ...row, pair_id: "x" })), {
        columns: [...made.layout.rowSet.columns, required("pair_id", "string")],
      }),
    found: ["extra_column"],
    row: null,
  },
  {
    title: "a column that is not there",
    ...preference,
    plant: (made) =>
      editRows(made, (all) => all.map(({ rejected: _, ...row }) => row), {
        columns: made.layout.rowSet.columns.filter(({ name }) => name !== "rejected"),
      }),
    found: ["missing_column"],
    row: null,
  },
  {
    title: "text where a conversation belongs",
    ...preference,
    plant: (made) =>
      editRows(made, (all) => all.map((row) => ({ ...row, chosen: "The answer is 42." })), {
        columns: made.layout.rowSet.columns.map((column) =>
          column.name === "chosen" ? required("chosen", "string") : column,
        ),
      }),
    found: ["wrong_type"],
    row: null,
  },
  {
    title: "a number where text belongs, in lines of JSON",
    trainer: plain,
    kind: "reward",
    plant: rows(rowAt(2, (row) => ({ ...row, chosen: 42 }))),
    found: ["wrong_type"],
  },
  {
    title: "a null in a required column",
    trainer: openrlhf,
    kind: "preference",
    plant: rows(rowAt(2, (row) => ({ ...row, chosen: null }))),
    found: ["null_value"],
  },
  {
    title: "a null inside a turn",
    trainer: llamaFactory,
    kind: "preference",
    plant: rows(rowAt(2, (row) => ({ ...row, rejected: { ...(row.rejected as Row), content: null } }))),
    found: ["null_value"],
  },
  {
    title: "a role that no template knows",
    ...preference,
    plant: rows(
      withTurns("prompt", (turns) =>
        turns.map((turn) => (turn.role === "user" ? { ...turn, role: "human" } : turn)),
      ),
    ),
    found: ["unknown_role"],
  },
  {
    title: "a system turn behind the user's",
    ...preference,
    plant: rows(withTurns("prompt", (turns) => [...turns].reverse())),
    found: ["roles_out_of_order"],
  },
  {
    title: "a prompt that ends with the assistant",
    trainer: openrlhf,
    kind: "preference",
    plant: rows(withTurns("prompt", (turns) => [...turns, { role: "assistant", content: "It" }])),
    found: ["assistant_prefill"],
  },
  {
    title: "a user's turn as a response",
    ...preference,
    plant: rows(withTurns("chosen", () => [{ role: "user", content: "Thank you." }])),
    found: ["not_assistant", "prompt_not_prefix"],
  },
  {
    title: "a whole conversation as a response",
    ...preference,
    plant: rows(
      rowAt(2, (row) => ({ ...row, chosen: [...(row.prompt as Turn[]), ...(row.chosen as Turn[])] })),
    ),
    found: ["prompt_in_response", "prompt_not_prefix"],
  },
  {
    title: "a prompt repeated in a text",
    trainer: plain,
    kind: "reward",
    plant: rows(rowAt(2, (row) => ({ ...row, chosen: `${row.prompt}${row.chosen}` }))),
    found: ["begins_with_prompt"],
  },
  {
    title: "a prompt repeated as a turn in a text",
    trainer: plain,
    kind: "reward",
    plant: rows(rowAt(2, (row) => ({ ...row, chosen: `\n\nHuman: ${row.prompt}\n\nAssistant: 42` }))),
    found: ["prompt_in_response"],
  },
  {
    title: "a dialogue as the prompt, repeated in a text",
    trainer: plain,
    kind: "reward",
    plant: rows(
      rowAt(2, (row) => {
        const prompt = `Human: ${row.prompt}\n\nAssistant:`;
        return { ...row, prompt, chosen: `${prompt} 42` };
      }),
    ),
    found: ["prompt_in_response"],
  },
  {
    title: "sides that differ only in reasoning that the template drops",
    ...preference,
    plant: rows(
      rowAt(2, (row) => ({
        ...row,
        chosen: [{ role: "assistant", content: "<think>Forty and two.</think>42" }],
        rejected: [{ role: "assistant", content: "<think>A guess.</think>42" }],
      })),
    ),
    found: ["equal_sides", "text_lost"],
    tokenizer: "thinking",
  },
  {
    title: "sides that differ only in white space that the template trims",
    ...preference,
    plant: rows(
      rowAt(2, (row) => ({
        ...row,
        rejected: (row.chosen as Turn[]).map((turn) => ({ ...turn, content: `${turn.content}\n` })),
      })),
    ),
    found: ["equal_sides"],
    tokenizer: "trimming",
  },
  {
    title: "a system turn that the template drops without a word",
    ...preference,
    plant: async () => {},
    found: ["text_lost"],
    row: 0,
    tokenizer: "dropsSystem",
  },
  {
    title: "an empty response",
    ...preference,
    plant: rows(saying("chosen", () => " \n")),
    found: ["empty_side"],
  },
  {
    title: "a response without a turn",
    trainer: nemoRl,
    kind: "preference",
    plant: rows(
      rowAt(2, (row) => ({
        ...row,
        completions: (row.completions as Row[]).map((each) =>
          each.rank === 1 ? { ...each, completion: [] } : each,
        ),
      })),
    ),
    found: ["empty_side", "prompt_not_prefix"],
  },
  {
    title: "an empty user's turn",
    ...preference,
    plant: rows(saying("prompt", () => "")),
    found: ["empty_turn"],
  },
  {
    title: "a prompt without a turn",
    ...preference,
    plant: rows(withTurns("prompt", () => [])),
    found: ["empty_turn"],
  },
  {
    title: "two equal sides",
    trainer: msSwift,
    kind: "preference",
    plant: rows(rowAt(2, (row) => ({ ...row, rejected_response: (row.messages as Turn[]).at(-1)?.content }))),
    found: ["equal_sides"],
  },
  {
    title: "a rendered template in a conversation",
    ...preference,
    plant: rows(saying("chosen", (said) => `<|im_start|>assistant\n${said}<|im_end|>`)),
    found: ["rendered_template"],
  },
  {
    title: "another model's rendered template",
    ...preference,
    plant: rows(saying("prompt", (said) => `[INST] ${said} [/INST]`)),
    found: ["rendered_template"],
    tokenizer: null,
  },
  {
    title: "a rendered template in a text",
    ...text,
    plant: rows(rowAt(2, (row) => ({ ...row, prompt: `<|im_start|>user\n${row.prompt}<|im_end|>\n` }))),
    found: ["rendered_template"],
  },
  {
    title: "a special token in a text",
    ...preference,
    plant: rows(saying("rejected", (said) => `${said}<|endoftext|>`)),
    found: ["special_token_in_text"],
  },
  {
    title: "the model's own special token, which no list knows",
    ...preference,
    plant: rows(saying("rejected", (said) => `<|begin|>${said}`)),
    found: ["special_token_in_text"],
  },
  {
    title: "half a surrogate pair",
    trainer: plain,
    kind: "reward",
    plant: rows(rowAt(2, (row) => ({ ...row, chosen: "half \ud83d of it" }))),
    found: ["lone_surrogate"],
  },
  {
    title: "a form feed from \\frac",
    ...preference,
    plant: rows(saying("chosen", () => "\frac{1}{2}")),
    found: ["control_character"],
  },
  {
    title: "a label too few",
    trainer: plain,
    kind: "stepwise",
    plant: rows(rowAt(2, (row) => ({ ...row, labels: [true] }))),
    found: ["steps_and_labels"],
  },
  {
    title: "an empty step",
    trainer: plain,
    kind: "stepwise",
    plant: rows(rowAt(2, (row) => ({ ...row, completions: ["One.", ""] }))),
    found: ["empty_side"],
  },
  {
    title: "a prompt beside itself",
    trainer: llamaFactory,
    kind: "unpaired",
    options: FROM_PAIRS.unpaired ?? {},
    // Of four pairs: 0, 1, 2, 3, 0, 1, 2, 3; then 0, 1, 1, 2, 3, 0, 2, 3.
    plant: rows((all) => [...all.slice(0, 2), all[5] as Row, ...all.slice(2, 5), ...all.slice(6)]),
    found: ["repeated_prompt"],
  },
  {
    title: "labels of one kind",
    trainer: trl,
    kind: "unpaired",
    options: FROM_PAIRS.unpaired ?? {},
    plant: rows((all) => all.map((row) => ({ ...row, label: true }))),
    found: ["one_label"],
    row: null,
  },
  {
    title: "a template that refuses the system turn",
    ...preference,
    plant: async () => {},
    found: ["template_refused"],
    row: 0,
    tokenizer: "noSystem",
  },
  {
    title: "a template whose prompt does not begin the whole",
    ...preference,
    plant: async () => {},
    found: ["prompt_not_prefix"],
    row: 0,
    tokenizer: "tagged",
  },
  {
    title: "a template that writes two BOS tokens",
    ...preference,
    plant: async () => {},
    found: ["doubled_bos"],
    row: 0,
    tokenizer: "twoBos",
  },
  {
    title: "a text with a BOS token before which the tokenizer puts another",
    ...text,
    plant: rows(rowAt(2, (row) => ({ ...row, prompt: `<|begin|>${row.prompt}` }))),
    found: ["special_token_in_text", "doubled_bos"],
    tokenizer: "chatmlWithBos",
  },
  {
    title: "a template without a turn end",
    ...preference,
    plant: async () => {},
    found: ["no_turn_end"],
    row: 0,
    tokenizer: "endless",
  },
];

describe("planted defects", () => {
  it.each(DEFECTS)("$title ($trainer.name $kind) is found", async (defect) => {
    const { trainer, kind, plant, found, row = 2, tokenizer = "chatml", options = {}, records } = defect;
    const written = await fresh(trainer, kind, records, options);
    expect((await check(written.directory)).problems).toEqual([]);
    await plant(written);
    const { problems, state } = await check(written.directory, tokenizer);
    expect(problems.map((each) => each.kind)).toEqual(found);
    expect(problems[0]?.first[0]).toMatchObject({ row });
    expect(state).toBe(problems.some(({ severity }) => severity === "problem") ? "faulty" : "sound");
  });

  it("are at least 20, of at least five trainers", () => {
    expect(new Set(DEFECTS.flatMap(({ found }) => found)).size).toBeGreaterThanOrEqual(20);
    expect(new Set(DEFECTS.map(({ trainer }) => trainer.name)).size).toBeGreaterThanOrEqual(5);
  });
});
