import { contentHash, imageHash, messageRecord, responseIds } from "../core/ids.ts";
import { abstained } from "../core/scorer.ts";
import type { Group, SampledResponse, ScoreColumn } from "../core/types.ts";
import type { Clock } from "../models/clock.ts";
import { draining } from "./fault.ts";
import type { Rewarded } from "./rewarder.ts";

/** What one request is told about its responses, in their order. JSON, so that it can travel between processes. */
export interface Outcome {
  readonly rewards: readonly (number | null)[];
  readonly columns: readonly ScoreColumn[];
  readonly problem: string | null;
  /** How the group came together, when it was gathered from several requests. */
  readonly gathered: Gathered | null;
}

export interface Gathered {
  readonly expected: number;
  readonly present: number;
}

/** A part of a group: what one request has of it. */
export interface Sample {
  readonly group: Group;
  /** When its request must be answered, in milliseconds since 1970. */
  readonly deadline: number;
}

export interface Gatherer {
  /**
   * Waits for the rest of the group, and gives this part's outcome. `gone` takes a part back whose client has left; a
   * group that is being scored already is scored on.
   */
  add(key: string, sample: Sample, gone: AbortSignal): Promise<Outcome>;
  /** Parts that wait for others. */
  waiting(): number;
  /** Refuses every part that waits, as `draining`: its client may send it to the server that comes after. */
  refuseAll(): void;
}

export interface GatherSetup {
  /** Responses of a whole group. */
  readonly size: number;
  /** How long the first part waits for the last, in milliseconds. */
  readonly windowMs: number;
  readonly clock: Clock;
  score(group: Group, deadline: number): Rewarded | Promise<Rewarded>;
  /** Told whenever a window closes. */
  onClose?(gathered: Gathered): void;
}

interface Part {
  readonly sample: Sample;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
  readonly forget: () => void;
}

interface Window {
  readonly parts: Set<Part>;
  responses: number;
  readonly callOff: () => void;
}

/**
 * Gathers the samples of trainers that send them one by one into groups of `size`: by prompt, in windows. A window closes
 * when it is full, or `windowMs` after its first part; then what is there is scored as one group, so that a scorer that
 * needs more responses abstains. Several windows of one prompt may be open.
 */
export function createGatherer(setup: GatherSetup): Gatherer {
  const open = new Map<string, Window[]>();
  let waiting = 0;

  const remove = (key: string, window: Window): void => {
    window.callOff();
    const left = (open.get(key) ?? []).filter((other) => other !== window);
    if (left.length === 0) open.delete(key);
    else open.set(key, left);
  };
  const windowFor = (key: string, responses: number): Window => {
    const windows = open.get(key) ?? [];
    const roomy = windows.find((window) => window.responses + responses <= setup.size);
    if (roomy) return roomy;
    const fresh: Window = {
      parts: new Set(),
      responses: 0,
      callOff: setup.clock.after(setup.windowMs, () => void close(key, fresh)),
    };
    open.set(key, [...windows, fresh]);
    return fresh;
  };
  const close = async (key: string, window: Window): Promise<void> => {
    remove(key, window);
    const parts = [...window.parts];
    waiting -= parts.length;
    for (const { forget } of parts) forget();
    const gathered: Gathered = { expected: setup.size, present: window.responses };
    setup.onClose?.(gathered);
    try {
      const { group, places } = joined(parts.map(({ sample }) => sample.group));
      const deadline = Math.min(...parts.map(({ sample }) => sample.deadline));
      const rewarded = tellShort(await setup.score(group, deadline), gathered);
      for (const [index, { resolve }] of parts.entries())
        resolve(outcomeOf(rewarded, gathered, places[index] ?? []));
    } catch (error) {
      for (const { reject } of parts) reject(error);
    }
  };
  return {
    add: (key, sample, gone) =>
      new Promise((resolve, reject) => {
        const responses = sample.group.responses.length;
        const window = windowFor(key, responses);
        const leave = (): void => {
          window.parts.delete(part);
          window.responses -= responses;
          waiting -= 1;
          if (window.parts.size === 0) remove(key, window);
          reject(gone.reason);
        };
        const part: Part = {
          sample,
          resolve,
          reject,
          forget: () => gone.removeEventListener("abort", leave),
        };
        window.parts.add(part);
        window.responses += responses;
        waiting += 1;
        if (gone.aborted) leave();
        else if (window.responses >= setup.size) void close(key, window);
        else gone.addEventListener("abort", leave, { once: true });
      }),
    waiting: () => waiting,
    refuseAll: () => {
      for (const [key, windows] of [...open]) {
        for (const window of windows) {
          remove(key, window);
          waiting -= window.parts.size;
          for (const { forget, reject } of window.parts) {
            forget();
            reject(draining());
          }
        }
      }
    },
  };
}

/** Where a scorer abstains for want of responses, the reason says that the window closed before they came. */
function tellShort(rewarded: Rewarded, { expected, present }: Gathered): Rewarded {
  if (present >= expected) return rewarded;
  const lack = `group has ${present} responses`;
  const columns = rewarded.columns.map(({ name, scores }) => ({
    name,
    scores: scores.map((score) =>
      score.kind === "abstained" && score.why.startsWith(lack)
        ? abstained(`${score.why}: the window closed with ${present} of ${expected}`)
        : score,
    ),
  }));
  return { ...rewarded, columns };
}

/** What samples of one group have in common: all that scorers see of the prompt. */
export function gatherKey({ prompt }: Group): string {
  return contentHash({
    id: prompt.id,
    messages: prompt.messages.map(messageRecord),
    reference: prompt.reference,
    tools: prompt.tools ?? null,
    images: (prompt.images ?? []).map(imageHash),
    metadata: prompt.metadata,
  });
}

/** The outcome for those responses of a scored group that stand at `places`. */
export function outcomeOf(
  { rewards, columns, problem }: Rewarded,
  gathered: Gathered | null,
  places: readonly number[],
): Outcome {
  return {
    rewards: places.map((place) => rewards[place] ?? null),
    columns: columns.map(({ name, scores }) => ({
      name,
      scores: places.flatMap((place) => scores[place] ?? []),
    })),
    problem,
    gathered,
  };
}

/**
 * One group of all parts. Its responses stand in the order of their texts, not of their arrival, so that the same samples
 * give the same group, and the same numbers, when they are sent again.
 */
function joined(groups: readonly Group[]): {
  readonly group: Group;
  readonly places: readonly (readonly number[])[];
} {
  const all = groups.flatMap(({ responses }, part) =>
    responses.map((response, at) => ({ response, part, at })),
  );
  all.sort((a, b) => compareTexts(a.response.text, b.response.text) || a.part - b.part || a.at - b.at);
  const prompt = (groups[0] as Group).prompt;
  const ids = responseIds(
    prompt.id,
    all.map(({ response }) => response.text),
  );
  const responses = all.map(
    ({ response }, index): SampledResponse => ({ ...response, id: ids[index] ?? "" }),
  );
  const places: number[][] = groups.map(() => []);
  for (const [index, { part, at }] of all.entries()) (places[part] as number[])[at] = index;
  return { group: { prompt, responses }, places };
}

/** By UTF-16 code units, whatever the machine's language. */
function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
