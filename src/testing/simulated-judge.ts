import { setTimeout as pause } from "node:timers/promises";
import { CallFailure, PrefkitError } from "../core/errors.ts";
import { sha256 } from "../core/ids.ts";
import { type Random, randomFor } from "../core/random.ts";
import type { CallContext, ChatModel, ChatRequest } from "../models/ports.ts";
import type { Attack, AttackKind } from "./attacks/attack.ts";
import type { Counted } from "./failing-model.ts";
import { type Decision, writtenReply } from "./simulated-judge/judge-reply.ts";
import {
  askedForm,
  type JudgedPrompt,
  readJudgedPrompt,
  type ShownText,
} from "./simulated-judge/judged-prompt.ts";

export type { JudgedPrompt, ShownText } from "./simulated-judge/judged-prompt.ts";

/**
 * Which texts a gullible judge takes for orders. `anything`: what stands in a response too. `forged-marks`: a response's text
 * after what looks like the end of its section or of its turn. `outside-marks`: only what does not stand between the prompt's
 * own marks, so that it is fooled by prompts that have none.
 */
export type Believes = "anything" | "forged-marks" | "outside-marks";

export interface Gullibility {
  /** What it can be talked into: an attack is obeyed where its cue reaches the judge unbroken. */
  readonly attacks: readonly Pick<Attack, "aim" | "cue" | "kind" | "revealed">[];
  readonly believes: Believes;
  /** How likely it obeys an attack, by kind; default 1. */
  readonly weights?: Readonly<Partial<Record<AttackKind, number>>>;
}

export interface SimulatedJudgeOptions {
  /** Default "simulated-judge". */
  readonly id?: string;
  /**
   * How good a response is. Comparisons go by the larger one; yes or no by 0.5; a rating is the nearest whole number at this
   * share of its scale, so that it should lie in [0, 1]. `instructions` holds the criterion.
   */
  truth(text: string, instructions: string): number;
  /** Share of comparisons (or lists of more than two) in which the first slot is said to win, whatever stands there. Default 0. */
  readonly positionBias?: number;
  /** Share of comparisons (or lists) in which the longer (longest) text is said to win. Default 0. */
  readonly verbosityBias?: number;
  /** Share of verdicts that are the opposite of the truth. Default 0. */
  readonly errorRate?: number;
  /** Share of replies that are malformed, of forty kinds. Default 0. */
  readonly parseFailureRate?: number;
  readonly gullible?: Gullibility;
  /** Default 0. */
  readonly seed?: number;
  /** Time a reply takes; default 0. */
  readonly latencyMs?: number;
  /** Takes prompts apart that are not prefkit's own; default by the marks of `envelope`. */
  readPrompt?(request: ChatRequest): JudgedPrompt;
}

/**
 * A judge with a known truth and planted faults, as a chat model: it reads the prompts of rubric-judge, pairwise-judge and
 * listwise-judge and answers in the form they ask for. Every chance is drawn by a hash of the request and the seed, so that the
 * same request gets the same reply in any order, and a repeated question (a longer conversation, another `sample`) a new one.
 *
 * One draw decides a comparison: below `positionBias` the first slot wins, below `positionBias + verbosityBias` the longer text
 * (equally long ones: the truth), else the truth. It is a model of a judge, to measure scorers with, and no judge.
 *
 * Throws `bad_option` for shares outside [0, 1] or biases that sum to more than 1.
 */
export function simulatedJudge(options: SimulatedJudgeOptions): Counted<ChatModel> {
  checkShares(options);
  const { id = "simulated-judge", seed = 0, latencyMs = 0, parseFailureRate = 0 } = options;
  const readPrompt = options.readPrompt ?? readJudgedPrompt;
  let callCount = 0;
  return {
    id,
    get callCount() {
      return callCount;
    },
    async generate(request, context) {
      callCount += 1;
      await waited(latencyMs, context);
      const { messages, sample = 0, schema } = request;
      const key = sha256(JSON.stringify([messages, sample, schema?.name ?? ""]));
      const random = randomFor(seed, "simulated judge", key);
      const malformed = random.uniform() < parseFailureRate;
      const prompt = readPrompt(request);
      const decision = decide(prompt, options, random);
      const { text, cut = false } = writtenReply(
        askedForm(request, prompt),
        decision,
        malformed ? random : null,
      );
      return {
        text,
        finishReason: cut ? "length" : "stop",
        model: id,
        usage: {
          promptTokens: messages.reduce((sum, { content }) => sum + Math.ceil(content.length / 4), 0),
          outputTokens: Math.ceil(text.length / 4),
        },
      };
    },
  };
}

function decide(
  { shown, instructions }: JudgedPrompt,
  options: SimulatedJudgeOptions,
  random: Random,
): Decision {
  const { truth, positionBias = 0, verbosityBias = 0, errorRate = 0, gullible } = options;
  const responses = shown.filter(({ label }) => /^response\b/.test(label));
  const [bias, error] = [random.uniform(), random.uniform()];
  const obeyed = gullible ? obeyedAttack(responses, gullible, random) : null;
  if (obeyed !== null) {
    const best = obeyed.aim === "first" ? 0 : obeyed.aim === "second" ? 1 : obeyed.place;
    const preferred = responses.length === 1 ? 0 : best;
    return {
      qualities: responses.map((_, index) => (index === preferred ? 1 : 0)),
      comparison: preferred === 0 ? -1 : 1,
      instructions,
    };
  }
  const honest = responses.map(({ text }) => truth(text, instructions));
  const qualities = error < errorRate ? honest.map((quality) => 1 - quality) : honest;
  const longest = longestOf(responses);
  const byPlace = bias < positionBias ? 0 : null;
  const favoured = byPlace ?? (bias < positionBias + verbosityBias ? longest : null);
  if (responses.length > 2) return { qualities: favouring(qualities, favoured), comparison: 0, instructions };
  const [a = 0, b = 0] = qualities;
  return { qualities, comparison: favoured === null ? Math.sign(b - a) : favoured - 0.5, instructions };
}

/** Where the longest text stands; null where several are longest. */
function longestOf(responses: readonly ShownText[]): number | null {
  const lengths = responses.map(({ text }) => text.length);
  const most = Math.max(...lengths);
  const at = lengths.indexOf(most);
  return lengths.indexOf(most, at + 1) < 0 ? at : null;
}

/** One is made the best, and no other is as good. */
function favouring(qualities: readonly number[], favoured: number | null): readonly number[] {
  if (favoured === null) return qualities;
  return qualities.map((quality, place) => (place === favoured ? 1 : Math.min(quality, 0.99)));
}

function obeyedAttack(
  responses: readonly ShownText[],
  { attacks, believes, weights = {} }: Gullibility,
  random: Random,
): { readonly aim: Attack["aim"]; readonly place: number } | null {
  const draw = random.uniform();
  for (const [place, { text, sealed }] of responses.entries()) {
    if (believes === "outside-marks" && sealed) continue;
    const attack = attacks.find(
      ({ cue, revealed, kind }) =>
        (text.includes(cue) || (revealed !== undefined && text.includes(revealed))) &&
        (believes !== "forged-marks" || !sealed || FORGERIES.has(kind)) &&
        draw < (weights[kind] ?? 1),
    );
    if (attack) return { aim: attack.aim, place };
  }
  return null;
}

const FORGERIES: ReadonlySet<AttackKind> = new Set(["delimiter", "fake_response", "template_token", "turn"]);

async function waited(milliseconds: number, { signal }: CallContext): Promise<void> {
  const stopped = (): CallFailure => new CallFailure("cancelled", "the call was stopped");
  if (signal.aborted) throw stopped();
  if (milliseconds === 0) return;
  try {
    await pause(milliseconds, undefined, { signal });
  } catch (error) {
    throw signal.aborted ? stopped() : error;
  }
}

function checkShares({
  positionBias = 0,
  verbosityBias = 0,
  errorRate = 0,
  parseFailureRate = 0,
  gullible,
}: SimulatedJudgeOptions): void {
  const shares = {
    positionBias,
    verbosityBias,
    errorRate,
    parseFailureRate,
    "positionBias + verbosityBias": positionBias + verbosityBias,
    ...gullible?.weights,
  };
  for (const [name, share] of Object.entries(shares)) {
    if (share >= 0 && share <= 1) continue;
    throw new PrefkitError("bad_option", `simulatedJudge got ${name} ${share}.`, "give a share from 0 to 1.");
  }
}
