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
  /** What each of those who wait is told, at deadlines of their own. */
  score(group: Group, deadlines: readonly number[]): readonly (Rewarded | Promise<Rewarded>)[];
  /** Told whenever a window closes. */
  onClose?(gathered: Gathered): void;
}

/** Who waits for a part's outcome. */
interface Client {
  readonly deadline: number;
  readonly gone: AbortSignal;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
  readonly forget: () => void;
}

interface Part {
  readonly group: Group;
  /** null: it has been answered, without a reward, and may be sent again. */
  client: Client | null;
  /** Whether a client that leaves takes it along: until its window has closed once. */
  isNew: boolean;
  /** Whether it still has no reward that its client has seen. */
  isOwed: boolean;
}

interface Window {
  readonly parts: Set<Part>;
  /** Open windows close; resting ones have closed, and are kept for parts that come late or again. */
  isOpen: boolean;
  callOff: () => void;
}

/** How long a window that closed with something owed is kept: trainers ask again after a second or two. */
const KEEP_MS = 10_000;
const MOST_KEPT = 1024;

/**
 * Gathers the samples of trainers that send them one by one into groups of `size`: by prompt, in windows. A window closes
 * when it is full, or `windowMs` after its first part; then what is there is scored as one group, so that a scorer that
 * needs more responses abstains. Several windows of one prompt may be open.
 *
 * A part that got no reward because others were missing or a scorer failed may be sent again within ten seconds: it is
 * then scored among the same responses as before, with those that came late beside them.
 */
export function createGatherer(setup: GatherSetup): Gatherer {
  const { size, windowMs, clock } = setup;
  const windows = new Map<string, readonly Window[]>();
  let waiting = 0;
  let resting = 0;
  let isOver = false;

  const remove = (key: string, window: Window): void => {
    window.callOff();
    if (!window.isOpen) resting -= 1;
    const left = (windows.get(key) ?? []).filter((other) => other !== window);
    if (left.length === 0) windows.delete(key);
    else windows.set(key, left);
  };
  const insert = (key: string, window: Window): void => {
    windows.set(key, [...(windows.get(key) ?? []), window]);
  };
  const open = (key: string, window: Window): void => {
    window.isOpen = true;
    window.callOff = clock.after(windowMs, () => close(key, window));
    insert(key, window);
  };
  const rest = (key: string, window: Window): void => {
    if (isOver || resting >= MOST_KEPT || ![...window.parts].some(({ isOwed }) => isOwed)) return;
    resting += 1;
    window.isOpen = false;
    window.callOff = clock.after(KEEP_MS, () => remove(key, window));
    insert(key, window);
  };
  /** Puts a part where it belongs: its own place, a window with room, or a new one. */
  const placed = (key: string, group: Group): { readonly window: Window; readonly part: Part } => {
    const known = windows.get(key) ?? [];
    const count = group.responses.length;
    for (const window of known) {
      for (const part of window.parts) {
        if (part.client !== null || !part.isOwed || !haveSameResponses(part.group, group)) continue;
        reopen(key, window);
        return { window, part };
      }
    }
    const hasRoom = (window: Window): boolean => present(window) + count <= size;
    const roomy =
      known.find((window) => window.isOpen && hasRoom(window)) ??
      known.find((window) => hasRoom(window) && [...window.parts].every(({ isOwed }) => isOwed));
    const window = roomy ?? { parts: new Set(), isOpen: true, callOff: () => {} };
    if (roomy) reopen(key, window);
    else open(key, window);
    const part: Part = { group, client: null, isNew: true, isOwed: true };
    window.parts.add(part);
    return { window, part };
  };
  const reopen = (key: string, window: Window): void => {
    if (window.isOpen) return;
    remove(key, window);
    open(key, window);
  };
  const isReady = (window: Window): boolean =>
    present(window) >= size && [...window.parts].every(({ client, isOwed }) => client !== null || !isOwed);
  const close = (key: string, window: Window): void => {
    remove(key, window);
    const parts = [...window.parts];
    const asked = parts.flatMap((part, index) => {
      const { client } = part;
      part.client = null;
      part.isNew = false;
      return client === null ? [] : [{ part, client, index }];
    });
    waiting -= asked.length;
    for (const { client } of asked) client.forget();
    const gathered: Gathered = { expected: size, present: present(window) };
    setup.onClose?.(gathered);
    try {
      const { group, places } = joined(parts.map((part) => part.group));
      const told = setup.score(
        group,
        asked.map(({ client }) => client.deadline),
      );
      let unanswered = asked.length;
      // Before the last of them hears, so that whoever asks again finds the window.
      const answered = (): void => {
        unanswered -= 1;
        if (unanswered === 0) rest(key, window);
      };
      const answer = async ({ part, client, index }: (typeof asked)[number], at: number): Promise<void> => {
        try {
          const rewarded = tellShort(await (told[at] as Rewarded | Promise<Rewarded>), gathered);
          const outcome = outcomeOf(rewarded, gathered, places[index] ?? []);
          part.isOwed = client.gone.aborted || mayGetBetter(outcome);
          answered();
          client.resolve(outcome);
        } catch (error) {
          answered();
          client.reject(error);
        }
      };
      for (const [at, each] of asked.entries()) void answer(each, at);
    } catch (error) {
      for (const { client } of asked) client.reject(error);
    }
  };
  return {
    add: (key, { group, deadline }, gone) =>
      new Promise((resolve, reject) => {
        const { window, part } = placed(key, group);
        const leave = (): void => {
          part.client = null;
          if (part.isNew) window.parts.delete(part);
          waiting -= 1;
          if (![...window.parts].some(({ client }) => client !== null)) {
            remove(key, window);
            rest(key, window);
          }
          reject(gone.reason);
        };
        part.client = {
          deadline,
          gone,
          resolve,
          reject,
          forget: () => gone.removeEventListener("abort", leave),
        };
        waiting += 1;
        if (gone.aborted) leave();
        else if (isReady(window)) close(key, window);
        else gone.addEventListener("abort", leave, { once: true });
      }),
    waiting: () => waiting,
    refuseAll: () => {
      isOver = true;
      for (const [key, known] of [...windows]) {
        for (const window of known) {
          remove(key, window);
          for (const { client } of window.parts) {
            if (client === null) continue;
            waiting -= 1;
            client.forget();
            client.reject(draining());
          }
        }
      }
    },
  };
}

function present({ parts }: Window): number {
  let count = 0;
  for (const { group } of parts) count += group.responses.length;
  return count;
}

/** Whether asking again can help: responses were missing, or a scorer failed. A whole group's abstention stays. */
function mayGetBetter({ rewards, columns, gathered }: Outcome): boolean {
  if (rewards.every((reward) => reward !== null)) return false;
  const isShort = gathered !== null && gathered.present < gathered.expected;
  return isShort || columns.some(({ scores }) => scores.some(({ kind }) => kind === "failed"));
}

/** Whether two parts are the same sample, sent twice: all but the ids, which differ with the place in the group. */
function haveSameResponses(first: Group, second: Group): boolean {
  if (first.responses.length !== second.responses.length) return false;
  if (first.responses.some(({ text }, index) => text !== second.responses[index]?.text)) return false;
  const [one, other] = [first, second].map(({ responses }) =>
    contentHash(responses.map((response) => ({ ...response, id: "" }))),
  );
  return one === other;
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
function outcomeOf(
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
