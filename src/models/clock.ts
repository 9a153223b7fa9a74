/** Time as the call path reads it; another one can be put in its place, so that tests need no waiting. */
export interface Clock {
  /** Milliseconds since 1970, never going back within a process, so that processes can compare them. */
  now(): number;
  /** Calls `work` once, `ms` from now at the earliest; the result calls it off. */
  after(ms: number, work: () => void): () => void;
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  after: (ms, work) => {
    const timer = setTimeout(work, Math.min(Math.max(0, ms), LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
};
