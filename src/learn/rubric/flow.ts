import {
  type Accepted,
  type Candidate,
  childOf,
  initialCandidate,
  type Vote,
  yesCount,
} from "./candidate.ts";
import type { RefineSettings } from "./options.ts";
import type { Steps } from "./steps.ts";
import {
  type Decision,
  type DecisionDetails,
  decisionOn,
  type Reason,
  type RejectionReason,
} from "./trace.ts";

/** Why a refinement ended. */
export type StopReason =
  /** Mode `replace`: nothing is left to look at. */
  | "queue_empty"
  /** Mode `augment`: a whole round added no criterion. */
  | "nothing_added"
  /** Mode `augment`: `maxRounds` rounds were made. */
  | "rounds"
  /** `maxRejections` criteria were turned down. */
  | "rejections"
  /** The proposer named no criterion, or none that could be read. */
  | "nothing_proposed"
  | "no_responses"
  /** The prompt has images, which models are not shown. */
  | "images";

export interface Refined {
  readonly accepted: readonly Accepted[];
  readonly trace: readonly Decision[];
  readonly stop: StopReason;
}

/** Proposes criteria and refines them by the mode of the settings; see `refineRubric`. */
export async function refineCriteria(steps: Steps, settings: RefineSettings): Promise<Refined> {
  const proposed = (await steps.propose()) ?? [];
  const book = newBook(settings);
  if (proposed.length === 0) return { ...book.result(), stop: "nothing_proposed" };
  const initial = proposed.slice(0, settings.maxProposed).map(initialCandidate);
  const flow = settings.mode === "replace" ? replacing : augmenting;
  const stop = await flow(initial, steps, settings, book);
  book.leave(proposed.slice(settings.maxProposed).map(initialCandidate), "over_limit");
  return { ...book.result(), stop };
}

/** What has been decided so far. */
interface Book {
  readonly accepted: readonly Accepted[];
  /** As many were turned down as may be. */
  readonly isFull: boolean;
  /** Whether it was not looked at before; turns it down when it was. */
  isNew(candidate: Candidate): boolean;
  accept(candidate: Candidate, votes: readonly Vote[], reason: Reason, details: DecisionDetails): void;
  decompose(candidate: Candidate, votes: readonly Vote[]): void;
  reject(candidate: Candidate, reason: RejectionReason, details: DecisionDetails): void;
  /** Those that nobody will look at any more. */
  leave(candidates: readonly Candidate[], reason: Reason): void;
  result(): Omit<Refined, "stop">;
}

function newBook({ maxRejections }: RefineSettings): Book {
  const accepted: Accepted[] = [];
  const trace: Decision[] = [];
  const seen = new Set<string>();
  let rejections = 0;
  const reject: Book["reject"] = (candidate, reason, details) => {
    rejections += 1;
    trace.push(decisionOn(candidate, "rejected", reason, details));
  };
  return {
    accepted,
    get isFull() {
      return rejections >= maxRejections;
    },
    isNew(candidate) {
      const isNew = !seen.has(candidate.id);
      seen.add(candidate.id);
      if (!isNew) reject(candidate, "duplicate", { by: "rule" });
      return isNew;
    },
    accept(candidate, votes, reason, details) {
      accepted.push({ candidate, votes });
      trace.push(decisionOn(candidate, "accepted", reason, { by: "judge", ...details, votes }));
    },
    decompose(candidate, votes) {
      trace.push(decisionOn(candidate, "decomposed", "met_by_many", { by: "proposer", votes }));
    },
    reject,
    leave(candidates, reason) {
      for (const candidate of candidates) trace.push(decisionOn(candidate, "left", reason));
    },
    result: () => ({ accepted, trace }),
  };
}

type Flow = (
  initial: readonly Candidate[],
  steps: Steps,
  settings: RefineSettings,
  book: Book,
) => Promise<StopReason>;

/** First in, first out: a criterion met by many gives way to its two children; what is left over is filtered. */
const replacing: Flow = async (initial, steps, { decomposeAbove, maxDepth }, book) => {
  const queue = [...initial];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (book.isFull) {
      book.leave([next, ...queue], "ended");
      return "rejections";
    }
    const candidate = next;
    if (!book.isNew(candidate)) continue;
    const votes = await steps.votes(candidate.text);
    const yes = yesCount(votes);
    if (isMostlyUnread(votes)) {
      book.reject(candidate, "unread_votes", { by: "judge", votes });
      continue;
    }
    if (yes === 0) {
      book.reject(candidate, "met_by_none", { by: "judge", votes });
      continue;
    }
    const isBroad = yes > decomposeAbove;
    if (isBroad && candidate.depth < maxDepth) {
      const others = [...book.accepted.map((one) => one.candidate.text), ...queue.map(({ text }) => text)];
      const children = await steps.decompose({ candidate, votes }, others);
      if (children !== null) {
        book.decompose(candidate, votes);
        queue.push(...children.map((text) => childOf(candidate, text, candidate.round + 1)));
        continue;
      }
    }
    const couldNot = isBroad && candidate.depth < maxDepth;
    const found = await steps.filter(candidate, textsOf(book.accepted), { misalignment: true });
    const flags = [...(couldNot ? (["decomposition_unread"] as const) : []), ...found.flags];
    const details = { by: "judge", votes, references: found.references, said: found.said, flags } as const;
    if (found.rejection !== null) book.reject(candidate, found.rejection, details);
    else book.accept(candidate, votes, reasonFor(isBroad, couldNot), details);
  }
  return "queue_empty";
};

function reasonFor(isBroad: boolean, couldNot: boolean): Reason {
  if (!isBroad) return "fine_enough";
  return couldNot ? "not_decomposed" : "depth_limit";
}

/** In rounds: children stand beside the criterion they come from; what overlaps with earlier ones is turned down. */
const augmenting: Flow = async (initial, steps, { decomposeAbove, maxDepth, maxRounds }, book) => {
  const consider = async (candidate: Candidate, misalignment: boolean): Promise<boolean> => {
    if (!book.isNew(candidate)) return false;
    // A child is contained in its parent by its making: that is no overlap.
    const against = book.accepted.filter((one) => !isAncestor(one.candidate, candidate, book.accepted));
    const { rejection, ...found } = await steps.filter(candidate, textsOf(against), { misalignment });
    if (rejection !== null) {
      book.reject(candidate, rejection, { by: "judge", ...found });
      return false;
    }
    const votes = await steps.votes(candidate.text);
    if (isMostlyUnread(votes)) {
      book.reject(candidate, "unread_votes", { by: "judge", ...found, votes });
      return false;
    }
    book.accept(candidate, votes, "passed_filters", found);
    return true;
  };
  /** How many were accepted; null when the limit of rejections was reached with some left. */
  const considerAll = async (candidates: readonly Candidate[], misalignment: boolean) => {
    let added = 0;
    for (const [index, candidate] of candidates.entries()) {
      if (book.isFull) {
        book.leave(candidates.slice(index), "ended");
        return null;
      }
      if (await consider(candidate, misalignment)) added += 1;
    }
    return added;
  };

  if ((await considerAll(initial, false)) === null) return "rejections";
  const tried = new Set<string>();
  for (let round = 2; round <= maxRounds + 1; round++) {
    let added = 0;
    const parents = book.accepted.filter(
      ({ candidate, votes }) =>
        !tried.has(candidate.id) && candidate.depth < maxDepth && yesCount(votes) > decomposeAbove,
    );
    for (const parent of parents) {
      if (book.isFull) return "rejections";
      const { candidate, votes } = parent;
      tried.add(candidate.id);
      const others = textsOf(book.accepted.filter((one) => one !== parent));
      const children = await steps.decompose(parent, others);
      if (children === null) continue;
      book.decompose(candidate, votes);
      const found = await considerAll(
        children.map((text) => childOf(candidate, text, round)),
        true,
      );
      if (found === null) return "rejections";
      added += found;
    }
    if (added === 0) return "nothing_added";
  }
  return "rounds";
};

function isAncestor(candidate: Candidate, of: Candidate, accepted: readonly Accepted[]): boolean {
  for (let id = of.parentId; id !== null; ) {
    if (id === candidate.id) return true;
    id = accepted.find((one) => one.candidate.id === id)?.candidate.parentId ?? null;
  }
  return false;
}

/** A criterion that the judge hardly ever answers on says nothing about the responses. */
function isMostlyUnread(votes: readonly Vote[]): boolean {
  return 2 * votes.filter((vote) => vote === null).length > votes.length;
}

function textsOf(accepted: readonly Accepted[]): string[] {
  return accepted.map(({ candidate }) => candidate.text);
}
