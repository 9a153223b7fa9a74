import { reasonOf } from "../../core/errors.ts";
import type { ExportedExample, ExportLayout } from "../trainer-adapter.ts";
import { valueCheck } from "./columns.ts";
import { conversationFindings } from "./conversations.ts";
import { besideImages, imagesIn, partsSupport, placesFindings, writesParts } from "./image-rows.ts";
import { countFates, fateOf, type LengthSummary, lengthHistogram, type MethodFates } from "./lengths.ts";
import { type Finding, finding } from "./problems.ts";
import type { ReadRow } from "./read-rows.ts";
import {
  lengthsFor,
  type RenderedExample,
  renderExample,
  type TrainerTokenizer,
  templateFindings,
  tokenFindings,
} from "./rendering.ts";
import { textCheck } from "./texts.ts";

/** Token lengths of the rendered examples, before anything is cut; `total` is prompt and longest response. */
export interface ExportLengths {
  readonly prompt: LengthSummary | null;
  /** chosen and rejected, or completions, together. */
  readonly responses: LengthSummary | null;
  readonly total: LengthSummary | null;
}

export interface RowChecks {
  /** What is wrong with a row. `file` and `row` are where it stands, `split` what it belongs to. */
  check(
    read: ReadRow,
    place: { readonly file: string; readonly row: number; readonly split: string },
  ): readonly Finding[];
  readonly examples: () => number;
  /** Those with images: rendered, and their lengths neither counted nor held against a maximum. */
  readonly withImages: () => number;
  /** Of unpaired examples, by split. */
  readonly labels: () => Readonly<
    Record<string, { readonly desirable: number; readonly undesirable: number }>
  >;
  readonly lengths: () => ExportLengths | null;
  readonly fates: () => readonly MethodFates[];
}

export interface RowCheckOptions {
  readonly layout: ExportLayout;
  readonly tokenizer: TrainerTokenizer | null;
  readonly maxLength: number | undefined;
  readonly limit: number;
}

/** Everything that is looked at row by row. What it keeps does not grow with the rows. */
export function rowChecks({ layout, tokenizer, maxLength, limit }: RowCheckOptions): RowChecks {
  const checkValues = valueCheck(layout.rowSet);
  const checkText = textCheck(
    tokenizer && {
      specialTokens: tokenizer.tokens.specialTokens,
      opening: tokenizer.opening,
      sample: tokenizer.sample,
    },
  );
  const lengths = { prompt: lengthHistogram(), responses: lengthHistogram(), total: lengthHistogram() };
  const rules = layout.lengthRules.map((rule) => ({ rule, fates: countFates(rule, maxLength, limit) }));
  const labels: Record<string, { desirable: number; undesirable: number }> = {};
  const allParts = writesParts(layout.rowSet);
  const checkBesideImages = besideImages(checkText);
  const support = tokenizer?.template ? partsSupport(tokenizer.template) : null;
  let examples = 0;
  let withImages = 0;
  let before: { readonly split: string; readonly prompt: string } | null = null;

  /** Whether an unpaired example has the prompt of the one before. Of equal texts with images nothing is known. */
  const repeatsPrompt = ({ kind, prompt }: ExportedExample, images: number, split: string): boolean => {
    const last = before;
    before = kind === "unpaired" && images === 0 ? { split, prompt: JSON.stringify(prompt) } : null;
    return before !== null && last?.split === split && last.prompt === before.prompt;
  };

  const checkExample = (
    example: ExportedExample,
    images: number,
    place: { readonly file: string; readonly row: number; readonly split: string },
  ): readonly Finding[] => {
    examples += 1;
    if (example.kind === "unpaired") {
      labels[place.split] ??= { desirable: 0, undesirable: 0 };
      const counts = labels[place.split];
      if (counts) counts[example.label ? "desirable" : "undesirable"] += 1;
    }
    const hasPlaces = allParts || images > 0;
    const found = [
      ...conversationFindings(example, hasPlaces ? checkBesideImages : checkText),
      ...(hasPlaces ? placesFindings(example, images) : []),
      ...(repeatsPrompt(example, images, place.split) ? [REPEATED] : []),
    ];
    if (images > 0) withImages += 1;
    if (tokenizer === null || found.some(({ kind }) => kind === "mixed_turns")) return found;
    if (allParts && support !== null && support.refusal !== null)
      return [...found, finding("template_refused", null, support.refusal)];
    // Trainers of text with `<image>` make parts of it where their template takes them.
    const asParts = hasPlaces && support?.refusal === null;
    const rendered = renderExample(example, tokenizer, asParts);
    if ("refused" in rendered) return [...found, rendered.refused];
    if (images === 0) count(rendered, tokenizer, place);
    return [
      ...found,
      ...(asParts && images > 0 && !support.showsImages ? [NO_PLACE] : []),
      ...templateFindings(example, rendered, found, asParts),
      ...tokenFindings(example, rendered, tokenizer, layout.lengthRules),
    ];
  };

  const count = (
    rendered: RenderedExample,
    measured: TrainerTokenizer,
    { file, row }: { readonly file: string; readonly row: number },
  ): void => {
    const prompt = rendered.prompt.length;
    const responses = rendered.wholes.map((whole) => Math.max(0, whole.length - prompt));
    lengths.prompt.add(prompt);
    for (const length of responses) lengths.responses.add(length);
    lengths.total.add(prompt + Math.max(0, ...responses));
    for (const { rule, fates } of rules) {
      const fate =
        fates.maxLength === null
          ? WHOLE
          : fateOf(rule, lengthsFor(rule, rendered, measured), fates.maxLength);
      fates.add(fate, { file, row });
    }
  };

  return {
    check(read, place) {
      if ("finding" in read) return [read.finding];
      const { row, findings } = checkValues(read.row);
      if (row === null) return findings;
      let found: readonly ExportedExample[];
      try {
        found = layout.examples(row);
      } catch (error) {
        return [...findings, finding("unreadable_row", null, reasonOf(error))];
      }
      return [...findings, ...found.flatMap((example) => checkExample(example, imagesIn(row), place))];
    },
    examples: () => examples,
    withImages: () => withImages,
    labels: () => labels,
    lengths: () =>
      tokenizer === null
        ? null
        : {
            prompt: lengths.prompt.build(),
            responses: lengths.responses.build(),
            total: lengths.total.build(),
          },
    fates: () => (tokenizer === null ? [] : rules.map(({ fates }) => fates.build())),
  };
}

const REPEATED = finding("repeated_prompt", "prompt", "is that of the row before");

const NO_PLACE = finding(
  "text_lost",
  "prompt",
  "has images, and the template writes nothing in their places",
);

const WHOLE = { fate: "whole", emptied: false } as const;
