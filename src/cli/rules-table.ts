import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import pc from "picocolors";
import { z } from "zod";
import { loadRubric, rubricHash } from "../core/rubric/load-rubric.ts";
import { unreadable } from "../core/rubric/unreadable.ts";
import type { ExtractionReport, RuleReport } from "../learn/rules/rule-set.ts";
import { number } from "./run-summary.ts";
import type { Terminal } from "./terminal.ts";
import { visibleJson, visibleLine } from "./visible.ts";

type Figures = Pick<ExtractionReport, "rules" | "set">;

/** `rules show`. */
export async function showRules(given: string, terminal: Terminal, json: boolean): Promise<void> {
  const file = resolve(terminal.directory, given);
  const ruleSet = await loadRubric(file);
  const report = await reportBeside(file, rubricHash(ruleSet));
  if (json) {
    terminal.out(
      visibleJson({ ok: true, ruleSet, ...(report && { figures: report.rules, set: report.set }) }),
    );
    return;
  }
  terminal.out(
    `${pc.bold(visibleLine(ruleSet.name))}, version ${ruleSet.version}, ${number(ruleSet.criteria.length)} rules`,
  );
  const rules = ruleSet.criteria.map(({ id, text }) => ({ id, text, heldOut: null, leftOut: null }));
  for (const line of figuresLines(report ?? { rules, set: null })) terminal.out(line);
}

const share = z.number().nullable();
const interval = z.tuple([z.number(), z.number()]).nullable();
const figuresSchema = z.looseObject({
  report: z.literal(1),
  ruleSet: z.looseObject({ hash: z.string() }),
  rules: z.array(
    z.looseObject({
      id: z.string().nullable(),
      text: z.string(),
      heldOut: z
        .looseObject({ agreement: share, agreementInterval: interval, coverage: share, unread: z.number() })
        .nullable(),
      leftOut: z.string().nullable(),
    }),
  ),
  set: z
    .looseObject({
      ...{ correct: z.number(), wrong: z.number(), ties: z.number(), unscored: z.number() },
      ...{ accuracy: share, interval },
    })
    .nullable(),
});

/** null where there is none, or it is that of another rule set, of another program or not whole. */
async function reportBeside(file: string, hash: string): Promise<Figures | null> {
  const path = join(dirname(file), "report.json");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (["EISDIR", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) return null;
    throw unreadable(path, error);
  }
  try {
    const { data: report } = figuresSchema.safeParse(JSON.parse(text));
    return report?.ruleSet.hash === hash ? (report as unknown as Figures) : null;
  } catch (error) {
    // Another program's file of that name.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

type Row = Pick<RuleReport, "heldOut" | "id" | "leftOut" | "text">;

/** The rules of a set, how each tells chosen from rejected responses, and how the set does. */
export function figuresLines({
  rules,
  set,
}: {
  readonly rules: readonly Row[];
  readonly set: Figures["set"];
}): string[] {
  const kept = rules.filter(({ leftOut }) => leftOut === null);
  const isMeasured = kept.some(({ heldOut }) => heldOut !== null);
  const headings = isMeasured
    ? ["rule", "agreement", "95 % interval", "coverage", "unread", ""]
    : ["rule", ""];
  const rows = kept.map(({ id, text, heldOut }) => [
    id ?? "",
    ...(isMeasured
      ? [
          percent(heldOut?.agreement ?? null),
          between(heldOut?.agreementInterval ?? null),
          percent(heldOut?.coverage ?? null),
          number(heldOut?.unread ?? 0),
        ]
      : []),
    visibleLine(text, 90),
  ]);
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        if (column === row.length - 1) return cell;
        return column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
      })
      .join("  ")
      .trimEnd();
  const left = rules.length - kept.length;
  return [
    pc.dim(line(headings)),
    ...rows.map(line),
    ...(left === 0
      ? []
      : [`${left === 1 ? "1 more rule was" : `${number(left)} more rules were`} left out; see report.json.`]),
    ...(set === null ? [] : ["", setLine(set)]),
  ];
}

function setLine({
  correct,
  wrong,
  ties,
  unscored,
  accuracy,
  interval,
}: NonNullable<Figures["set"]>): string {
  const counts = `${number(correct)} correct, ${number(wrong)} wrong, ${number(ties)} ties, ${number(unscored)} unscored`;
  return `The fraction of rules followed on held-out pairs: ${counts}; accuracy ${percent(accuracy)} (${between(interval)}).`;
}

function percent(share: number | null): string {
  return share === null ? "–" : `${(100 * share).toFixed(1)} %`;
}

function between(interval: readonly [number, number] | null): string {
  return interval === null ? "–" : `${(100 * interval[0]).toFixed(1)}–${percent(interval[1])}`;
}
