import { isCallFailure } from "../../core/errors.ts";
import type { Prompt, SampledResponse } from "../../core/types.ts";
import type { Reading } from "../../judging/ask.ts";
import { readVerdict } from "../../judging/read-verdict.ts";
import type { ChatModel, Sampling } from "../../models/ports.ts";
import { readJsonList, readNumbers } from "../json-list.ts";
import type { Asker, RefineStage } from "./asking.ts";
import type { Accepted, Candidate, Vote } from "./candidate.ts";
import type { RefineSettings } from "./options.ts";
import {
  type Asking,
  decomposeAsking,
  overlapAsking,
  proposeAsking,
  type Shown,
  voteAsking,
  weighAsking,
} from "./prompts.ts";
import type { Flag, RejectionReason } from "./trace.ts";

export interface RefineInput {
  readonly prompt: Pick<Prompt, "id" | "images" | "messages" | "tools">;
  readonly responses: readonly Pick<SampledResponse, "text">[];
  /** An answer that is known to be strong, and one that is known to be weak; null: the misalignment filter is skipped. */
  readonly references: { readonly strong: string; readonly weak: string } | null;
}

export interface RefineModels {
  readonly proposer: ChatModel;
  readonly judge: ChatModel;
}

export interface Filtered {
  /** null: it passed. */
  readonly rejection: RejectionReason | null;
  readonly said: string | null;
  readonly references: { readonly strong: Vote; readonly weak: Vote } | null;
  /** Filters that were skipped, or whose answer could not be read: they let pass. */
  readonly flags: readonly Flag[];
}

/** The questions that a refinement asks about one prompt. */
export interface Steps {
  /** null: unread. */
  propose(): Promise<readonly string[] | null>;
  votes(criterion: string): Promise<readonly Vote[]>;
  /** The two children; null: unread. */
  decompose(parent: Accepted, others: readonly string[]): Promise<readonly string[] | null>;
  filter(
    candidate: Candidate,
    against: readonly string[],
    options: { readonly misalignment: boolean },
  ): Promise<Filtered>;
  /** One number per criterion; null: unread. */
  weigh(criteria: readonly string[]): Promise<readonly number[] | null>;
}

export function refineSteps(
  { prompt, responses, references }: RefineInput,
  { proposer, judge }: RefineModels,
  settings: RefineSettings,
  asker: Asker,
): Steps {
  const shown: Shown = { prompt, maxChars: settings.maxChars };
  const texts = responses.map(({ text }) => text);
  const { temperature, maxTokens, seed } = settings;
  const at = (degree: number): Pick<Sampling, "temperature"> =>
    temperature === null ? {} : { temperature: degree };
  const proposing: Sampling = { ...at(temperature ?? 0), maxTokens, ...(seed === undefined ? {} : { seed }) };
  const judging: Sampling = { ...at(0), maxTokens: settings.judgeMaxTokens };

  const judged = (stage: RefineStage, asking: Asking) =>
    asker.ask<0 | 1>({
      stage,
      model: judge,
      sampling: judging,
      read: ({ text }) => readYesOrNo(text),
      ...asking,
    });
  const list = (stage: RefineStage, asking: Asking, read: (text: string) => Reading<readonly string[]>) =>
    asker.ask({ stage, model: proposer, sampling: proposing, read: ({ text }) => read(text), ...asking });

  const misaligned = async (criterion: string): Promise<Filtered> => {
    if (references === null) return { ...PASSED, flags: ["no_references"] };
    const [strong, weak] = await allEnded(
      [references.strong, references.weak].map((text) =>
        judged("references", voteAsking(shown, criterion, text)),
      ),
    );
    const votes = { strong: strong?.answer ?? null, weak: weak?.answer ?? null };
    return {
      rejection: votes.weak === 1 && votes.strong === 0 ? "misaligned" : null,
      said: null,
      references: votes,
      flags: votes.weak === null || votes.strong === null ? ["references_unread"] : [],
    };
  };

  const overlaps = async (
    kind: "conflict" | "redundancy",
    criterion: string,
    against: readonly string[],
  ): Promise<Filtered> => {
    if (against.length === 0) return PASSED;
    const { answer, said } = await judged(kind, overlapAsking(shown, kind, criterion, against));
    if (answer === null) return { ...PASSED, flags: [`${kind}_unread`] };
    if (answer === 0) return PASSED;
    return { ...PASSED, rejection: kind === "redundancy" ? "redundant" : "conflict", said };
  };

  return {
    propose: async () =>
      (await list("propose", proposeAsking(shown, texts, settings.maxProposed), readJsonList)).answer,
    votes: async (criterion) => {
      const answers = await allEnded(
        texts.map((text) => judged("votes", voteAsking(shown, criterion, text))),
      );
      return answers.map(({ answer }) => answer);
    },
    decompose: async ({ candidate, votes }, others) => {
      const met = texts.filter((_, index) => votes[index] === 1);
      const asking = decomposeAsking(shown, candidate.text, met, others);
      return (await list("decompose", asking, readTwo)).answer;
    },
    filter: async ({ text }, against, { misalignment }) => {
      const first = misalignment ? await misaligned(text) : PASSED;
      const { references: seen } = first;
      let flags = first.flags;
      if (first.rejection !== null) return first;
      for (const kind of ["redundancy", "conflict"] as const) {
        const found = await overlaps(kind, text, against);
        flags = [...flags, ...found.flags];
        if (found.rejection !== null) return { ...found, references: seen, flags };
      }
      return { rejection: null, said: null, references: seen, flags };
    },
    weigh: async (criteria) => {
      const { answer } = await asker.ask({
        stage: "weights",
        model: judge,
        sampling: judging,
        read: ({ text }) => readNumbers(text, criteria.length),
        ...weighAsking(shown, criteria),
      });
      return answer;
    },
  };
}

const PASSED: Filtered = { rejection: null, said: null, references: null, flags: [] };

/** [[Yes]] or [[No]] at the end of a reply. */
function readYesOrNo(text: string): Reading<0 | 1> {
  return readVerdict(text, { kind: "binary", notApplicable: false }) as Reading<0 | 1>;
}

function readTwo(text: string): Reading<readonly string[]> {
  const reading = readJsonList(text);
  if (reading.kind === "unread" || reading.answer.length === 2) return reading;
  return { kind: "unread", why: `it has ${reading.answer.length} criteria, and was asked for exactly two` };
}

/** All results, once all have ended: what was paid for is kept even when one fails. A fault of our own goes first. */
async function allEnded<Result>(work: readonly Promise<Result>[]): Promise<Result[]> {
  const ended = await Promise.allSettled(work);
  const errors = ended.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
  const fault = errors.find((error) => !isCallFailure(error)) ?? errors[0];
  if (fault !== undefined) throw fault;
  return ended.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
}
