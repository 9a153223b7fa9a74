import { number } from "./run-summary.ts";

const LINE_EVERY_MS = 5000;

/** A line when a stage begins, and every few seconds while it lasts. `titles` says what stages are called, where not by their names. */
export function stageProgress<Stage extends string>(
  note: (text: string) => void,
  titles: Partial<Readonly<Record<Stage, string>>> = {},
): (stage: Stage, done: number, total: number | null) => void {
  let last = 0;
  return (stage, done, total) => {
    const now = performance.now();
    if (done > 0 && now - last < LINE_EVERY_MS) return;
    last = now;
    const title = titles[stage] ?? stage;
    const of = total === null ? "" : ` of ${number(total)}`;
    note(
      done === 0
        ? `${title}: ${total === null ? "begun" : `${number(total)} to do`}`
        : `${title}: ${number(done)}${of}`,
    );
  };
}
