import { describe, expect, it } from "vitest";
import { isCallFailure } from "../core/errors.ts";
import type { Message } from "../core/types.ts";
import type {
  CallContext,
  ChatModel,
  Embedder,
  LogprobModel,
  ModelPorts,
  RewardModel,
} from "../models/ports.ts";

/** Makes the model afresh for each law, so that no law sees the calls of another. */
export type MakeModel<Port extends keyof ModelPorts> = () => ModelPorts[Port] | Promise<ModelPorts[Port]>;

export interface ModelContractOptions {
  /** The model gives one answer to one request, as a greedy one does; default true. */
  readonly deterministic?: boolean;
  /** Closes what was made, after each law. */
  readonly close?: () => Promise<void>;
}

const QUESTION: readonly Message[] = [{ role: "user", content: "What is 9 * 2?" }];
const UNUSUAL: readonly Message[] = [
  { role: "user", content: 'naïve 数学 👩‍👩‍👧 \u202e \ttabs\r\nlines, and a quote " and \\' },
];

const calm = (): CallContext => ({ signal: new AbortController().signal });
const stopped = (): CallContext => ({ signal: AbortSignal.abort() });

async function withModel<Model>(
  make: () => Model | Promise<Model>,
  { close }: ModelContractOptions,
  law: (model: Model) => Promise<void>,
): Promise<void> {
  const model = await make();
  try {
    await law(model);
  } finally {
    await close?.();
  }
}

/**
 * Registers the laws of a chat model: a reply of the port's shape, for unusual texts too; one answer to one request; an aborted
 * call is `cancelled`; the request is never written to.
 */
export function chatModelContract(make: MakeModel<"chat">, options: ModelContractOptions = {}): void {
  const holds = (law: (model: ChatModel) => Promise<void>) => () => withModel(make, options, law);
  const sampling = { maxTokens: 32, temperature: 0 };
  describe("a chat model keeps its contract", () => {
    it(
      "has an id",
      holds(async ({ id }) => expect(id).toMatch(/\S/)),
    );

    it.each([["plain", QUESTION] as const, ["unusual", UNUSUAL] as const])(
      "gives a text, a finish reason, a model and usage for %s messages",
      (_, messages) =>
        holds(async (model) => {
          const reply = await model.generate({ messages, sampling }, calm());
          expect(typeof reply.text).toBe("string");
          for (const name of [reply.finishReason, reply.model])
            expect(name === null || name !== "").toBe(true);
          for (const tokens of [reply.usage.promptTokens, reply.usage.outputTokens]) {
            expect(tokens === null || (Number.isSafeInteger(tokens) && tokens >= 0)).toBe(true);
          }
        })(),
    );

    it.skipIf(options.deterministic === false)(
      "gives the same answer to the same request",
      holds(async (model) => {
        const request = { messages: QUESTION, sampling };
        const first = await model.generate(request, calm());
        expect((await model.generate(request, calm())).text).toBe(first.text);
      }),
    );

    it(
      "never writes to the request",
      holds(async (model) => {
        const request = { messages: QUESTION, sampling };
        const before = structuredClone(request);
        await model.generate(request, calm());
        expect(request).toEqual(before);
      }),
    );

    it(
      "is cancelled by a signal that is aborted",
      holds((model) => expectCancelled(model.generate({ messages: QUESTION, sampling }, stopped()))),
    );
  });
}

const RESPONSES = ["18", " leading space", "two\nlines\n", "naïve 数学 👩‍👩‍👧", "a", "x".repeat(300)];

/**
 * Registers the laws of a log-prob model: the response stands in the rendering as it is; one finite log-prob at most 0 per
 * token; equal answers to equal requests; special tokens written in a response are read as text; an aborted call is `cancelled`.
 *
 * The model must have a chat template.
 */
export function logprobModelContract(make: MakeModel<"logprobs">, options: ModelContractOptions = {}): void {
  const holds = (law: (model: LogprobModel) => Promise<void>) => () => withModel(make, options, law);
  describe("a log-prob model keeps its contract", () => {
    it.each(RESPONSES)("renders the response as it is: %j", (response) =>
      holds(async (model) => {
        for (const countEnd of [true, false]) {
          const turn = model.render(QUESTION, response, { countEnd });
          expect(turn.text.slice(turn.responseStart, turn.responseEnd)).toBe(response);
          expect(turn.responseStart).toBeGreaterThan(0);
          if (!countEnd) expect(turn.responseEnd).toBe(turn.text.length);
        }
      })(),
    );

    it.each(RESPONSES)("gives one log-prob per token, finite and at most 0: %j", (response) =>
      holds(async (model) => {
        const { turn, located } = turnOf(model, response, true);
        expect(located.start).toBeGreaterThan(0);
        const { tokenLogprobs } = await model.logprobs(turn, located, calm());
        expect(tokenLogprobs).toHaveLength(located.ids.length - located.start);
        for (const value of tokenLogprobs) {
          expect(Number.isFinite(value)).toBe(true);
          expect(value).toBeLessThanOrEqual(0);
        }
      })(),
    );

    it(
      "counts one token more with the end of the turn",
      holds(async (model) => {
        const [counted, uncounted] = [turnOf(model, "18", true), turnOf(model, "18", false)];
        expect(counted.located.ids.slice(0, -1)).toEqual(uncounted.located.ids);
        expect(counted.located.start).toBe(uncounted.located.start);
      }),
    );

    it(
      "reads special tokens in a response as text",
      holds(async (model) => {
        const end = turnOf(model, "18", true).located.ids.at(-1);
        for (const special of model.specialTokens) {
          if ([...special].length < 2) continue;
          const { located } = turnOf(model, `18${special}`, true);
          const inside = located.ids.slice(located.start, -1);
          expect(inside).not.toContain(end);
          expect(inside.length).toBeGreaterThan(turnOf(model, "18", true).located.ids.length - located.start);
        }
      }),
    );

    it(
      "gives the same answer to the same request",
      holds(async (model) => {
        const { turn, located } = turnOf(model, "18", true);
        const first = await model.logprobs(turn, located, calm());
        expect(await model.logprobs(turn, located, calm())).toEqual(first);
      }),
    );

    it(
      "gives distributions where it says so, and refuses where not",
      holds(async (model) => {
        const { turn, located } = turnOf(model, "18", true);
        const asked = model.logprobs(turn, located, { ...calm(), distributions: true });
        if (!model.givesDistributions) {
          expect(await codeOf(asked)).toBe("no_logprobs");
          return;
        }
        const { tokenLogprobs, entropies = [], selfCertainties = [] } = await asked;
        expect(entropies).toHaveLength(tokenLogprobs.length);
        expect(selfCertainties).toHaveLength(tokenLogprobs.length);
        for (const value of [...entropies, ...selfCertainties]) expect(value).toBeGreaterThanOrEqual(-1e-6);
      }),
    );

    it(
      "is cancelled by a signal that is aborted",
      holds(async (model) => {
        const { turn, located } = turnOf(model, "18", true);
        await expectCancelled(model.logprobs(turn, located, stopped()));
      }),
    );
  });
}

function turnOf(model: LogprobModel, response: string, countEnd: boolean) {
  const turn = model.render(QUESTION, response, { countEnd });
  const located = model.locate(turn, "whole") ?? model.locate(turn, "joined");
  if (located === null) throw new Error("locate gave null for the rule joined");
  return { turn, located };
}

/**
 * Registers the laws of an embedder: a finite vector per text, all of one length, in order; equal texts get equal vectors; no
 * texts give no vectors; an aborted call is `cancelled`.
 */
export function embedderContract(make: MakeModel<"embed">, options: ModelContractOptions = {}): void {
  const holds = (law: (model: Embedder) => Promise<void>) => () => withModel(make, options, law);
  describe("an embedder keeps its contract", () => {
    it(
      "gives each text a finite vector of one length",
      holds(async (model) => {
        const vectors = await model.embed(["a", "naïve 数学 👩‍👩‍👧", "two\nlines", "a"], calm());
        expect(vectors).toHaveLength(4);
        expect(new Set(vectors.map(({ length }) => length)).size).toBe(1);
        for (const number of vectors.flatMap((vector) => [...vector]))
          expect(Number.isFinite(number)).toBe(true);
        expect(vectors[3]).toEqual(vectors[0]);
      }),
    );

    it(
      "keeps the order of the texts",
      holds(async (model) => {
        const [first, second] = await model.embed(["one text", "another"], calm());
        expect(await model.embed(["another", "one text"], calm())).toEqual([second, first]);
      }),
    );

    it(
      "gives no texts no vectors",
      holds(async (model) => expect(await model.embed([], calm())).toEqual([])),
    );

    it(
      "is cancelled by a signal that is aborted",
      holds((model) => expectCancelled(model.embed(["a"], stopped()))),
    );
  });
}

/** Registers the laws of a reward model: a finite value; equal requests get equal values; an aborted call is `cancelled`. */
export function rewardModelContract(make: MakeModel<"reward">, options: ModelContractOptions = {}): void {
  const holds = (law: (model: RewardModel) => Promise<void>) => () => withModel(make, options, law);
  describe("a reward model keeps its contract", () => {
    it.each(RESPONSES)("gives a finite value: %j", (response) =>
      holds(async (model) => {
        const { value, values } = await model.score(QUESTION, response, calm());
        for (const number of [value, ...values.map((entry) => entry.value)]) {
          expect(Number.isFinite(number)).toBe(true);
        }
      })(),
    );

    it(
      "gives the same answer to the same request",
      holds(async (model) => {
        const first = await model.score(QUESTION, "18", calm());
        expect(await model.score(QUESTION, "18", calm())).toEqual(first);
      }),
    );

    it(
      "is cancelled by a signal that is aborted",
      holds((model) => expectCancelled(model.score(QUESTION, "18", stopped()))),
    );
  });
}

async function expectCancelled(promise: Promise<unknown>): Promise<void> {
  expect(await codeOf(promise)).toBe("cancelled");
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "no failure";
  } catch (error) {
    return isCallFailure(error) ? error.code : String(error);
  }
}
