import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { instructionChecks } from "../../rewards/instruction-checks.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import { CASE_IDS, type Case, casesFor } from "../rewards/instructions/cases.ts";
import { absentFrom, python, root } from "./python.ts";

const absent = absentFrom(
  "import immutabledict, langdetect, lm_eval, nltk, packaging",
  "test/python/requirements-rules.txt",
);

/** Per id; twenty-five times that many in all. */
const CASES = Number(process.env.PREFKIT_IFEVAL_CASES ?? 100);

/** These rest on language libraries, which differ; all others are exact. */
const APPROXIMATE = [
  "language:response_language",
  "length_constraints:number_sentences",
  "change_case:capital_word_frequency",
  "change_case:english_capital",
  "change_case:english_lowercase",
];

interface Reference {
  /** Strict and loose; null where the id could not be run. */
  readonly verdicts: readonly (readonly [boolean, boolean] | null)[];
  readonly absent: Readonly<Record<string, string>>;
}

async function reference(cases: readonly Case[]): Promise<Reference> {
  const folder = await mkdtemp(join(tmpdir(), "prefkit-ifeval-"));
  try {
    const path = join(folder, "cases.jsonl");
    await writeFile(path, cases.map((one) => JSON.stringify(one)).join("\n"));
    const script = join(root, "test/python/ifeval_reference.py");
    const options = { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 } as const;
    const { status, stdout, stderr } = spawnSync(python, [script, path], options);
    expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
    return JSON.parse(stdout) as Reference;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function ours({ id, kwargs, prompt, response }: Case): Promise<readonly [boolean, boolean]> {
  const group = groupOf([response], { prompt, metadata: { instruction_id_list: [id], kwargs: [kwargs] } });
  const [score] = await instructionChecks().score(group, { signal: new AbortController().signal, seed: 0 });
  if (score?.kind !== "scored") throw new Error(`${id}: ${JSON.stringify(score)}`);
  return [score.parts?.strict === 1, score.parts?.loose === 1];
}

interface Agreement {
  readonly compared: number;
  readonly followed: number;
  readonly strict: number;
  readonly loose: number;
  readonly unlike: readonly string[];
}

describe.skipIf(absent !== "")(
  `instruction checks against lm-eval's IFEval${absent}`,
  { timeout: 600_000 },
  () => {
    const agreement = new Map<string, Agreement>();
    let notRun: Readonly<Record<string, string>> = {};

    beforeAll(async () => {
      const cases = CASE_IDS.flatMap((id) => casesFor(id, CASES));
      const { verdicts, absent: ids } = await reference(cases);
      notRun = ids;
      for (const id of CASE_IDS) agreement.set(id, await compared(id, cases, verdicts));
      process.stdout.write(`${table(agreement, notRun)}\n`);
    }, 600_000);

    it("looks at 25 ids and at least 500 responses", () => {
      expect(CASE_IDS.length).toBe(25);
      expect(CASE_IDS.length * CASES).toBeGreaterThanOrEqual(500);
    });

    it.each(CASE_IDS)("agrees on %s", (id) => {
      const found = agreement.get(id);
      if (id in notRun || found === undefined) return;
      // Both outcomes are tried.
      expect(found.followed).toBeGreaterThan(0.1 * found.compared);
      expect(found.followed).toBeLessThan(0.95 * found.compared);
      if (APPROXIMATE.includes(id)) {
        expect(Math.min(found.strict, found.loose) / found.compared).toBeGreaterThanOrEqual(0.97);
      } else expect(found.unlike).toEqual([]);
    });
  },
);

async function compared(
  id: string,
  cases: readonly Case[],
  verdicts: Reference["verdicts"],
): Promise<Agreement> {
  const unlike: string[] = [];
  let [count, followed, strict, loose] = [0, 0, 0, 0];
  for (const [index, one] of cases.entries()) {
    const theirs = verdicts[index];
    if (one.id !== id || !theirs) continue;
    const mine = await ours(one);
    count++;
    if (theirs[0]) followed++;
    if (mine[0] === theirs[0]) strict++;
    if (mine[1] === theirs[1]) loose++;
    if (mine[0] !== theirs[0] || mine[1] !== theirs[1]) {
      unlike.push(
        `${JSON.stringify(one.kwargs)} ${JSON.stringify(one.response)}: ours ${mine}, theirs ${theirs}`,
      );
    }
  }
  return { compared: count, followed, strict, loose, unlike };
}

function table(agreement: ReadonlyMap<string, Agreement>, notRun: Readonly<Record<string, string>>): string {
  const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;
  const rows = [...agreement].map(([id, { compared, followed, strict, loose }]) =>
    id in notRun
      ? `${id.padEnd(46)} not compared: ${notRun[id]}`
      : `${id.padEnd(46)} ${compared} cases, ${followed} followed; strict ${percent(strict, compared)}, loose ${percent(loose, compared)}`,
  );
  const examples = process.env.PREFKIT_IFEVAL_SHOW
    ? [...agreement.values()].flatMap(({ unlike }) => unlike)
    : [];
  return ["agreement with lm-eval's IFEval", ...rows, ...examples].join("\n");
}
