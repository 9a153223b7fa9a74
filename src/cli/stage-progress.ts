import { number } from "./run-summary.ts";

const LINE_EVERY_MS = 5000;

/** A line when a stage begins, and every few seconds while it lasts. */
export function stageProgress(
  note: (text: string) => void,
): (stage: string, done: number, total: number | null) => void {
  let last = 0;
  return (stage, done, total) => {
    const now = performance.now();
    if (done > 0 && now - last < LINE_EVERY_MS) return;
    last = now;
    const of = total === null ? "" : ` of ${number(total)}`;
    note(
      done === 0
        ? `${stage}: ${total === null ? "begun" : `${number(total)} to do`}`
        : `${stage}: ${number(done)}${of}`,
    );
  };
}
