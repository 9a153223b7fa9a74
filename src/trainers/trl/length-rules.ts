import type { ExampleLengths, LengthRule } from "../trainer-adapter.ts";
import type { Format } from "./turns.ts";

/** What TRL adds to strings: the tokenizer's own BOS, and EOS after a completion. Conversations have both from the template. */
function addsOf(format: Format): Pick<LengthRule, "adds"> {
  return format === "text" ? { adds: { bos: "tokenizer", eos: true } } : {};
}

/** Drops what leaves no room for a completion; cuts the end of the others. trainer/dpo_trainer.py, kto_trainer.py. */
const keepStart: LengthRule["kept"] = ({ prompt, responses }, maxLength) =>
  prompt >= maxLength
    ? null
    : { prompt, responses: responses.map((length) => Math.min(length, maxLength - prompt)) };

export const dpoLengths = (format: Format): LengthRule => ({
  method: "DPO",
  defaultMaxLength: 1024,
  ...addsOf(format),
  kept: keepStart,
});

export const ktoLengths = (format: Format): LengthRule => ({
  method: "KTO",
  defaultMaxLength: 1024,
  ...addsOf(format),
  kept: keepStart,
});

/**
 * CPO, and so SimPO: where the prompt and the longer response do not fit, both responses are cut to `max_length` less the longer
 * response, not less the prompt; the prompt is never cut. A negative rest counts from the end, as Python's slices do.
 * BOS goes in front and EOS behind in both formats, unless they are there. experimental/cpo/cpo_trainer.py, tokenize_row.
 *
 * Worked: prompt 400, responses 700 and 300, max_length 1024: 1100 is too long, so both are cut to 1024 − 700 = 324 and 300.
 */
export const cpoLengths: LengthRule = {
  method: "CPO (SimPO)",
  defaultMaxLength: 1024,
  adds: { bos: "always", eos: true },
  kept: ({ prompt, responses }, maxLength): ExampleLengths => {
    const longer = Math.max(...responses);
    if (prompt + longer <= maxLength) return { prompt, responses };
    const rest = maxLength - longer;
    return {
      prompt,
      responses: responses.map((length) => (rest >= 0 ? Math.min(length, rest) : Math.max(0, length + rest))),
    };
  },
};

/** A row with a side longer than `max_length` is dropped whole. trainer/reward_trainer.py. */
export const rewardLengths = (format: Format): LengthRule => ({
  method: "reward",
  defaultMaxLength: 1024,
  ...addsOf(format),
  kept: (lengths, maxLength) =>
    lengths.responses.every((length) => lengths.prompt + length <= maxLength) ? lengths : null,
});

/** The end is cut, labels and all; a row whose prompt fills the length stays, without a label. experimental/prm/prm_trainer.py. */
export const prmLengths: LengthRule = {
  method: "PRM",
  defaultMaxLength: 1024,
  adds: { bos: "always" },
  kept: ({ prompt, responses }, maxLength) => {
    const kept = Math.min(prompt, maxLength);
    return { prompt: kept, responses: responses.map((length) => Math.min(length, maxLength - kept)) };
  },
};
