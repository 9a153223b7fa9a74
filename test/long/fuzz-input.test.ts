import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, expect, it } from "vitest";
import { isPrefkitError } from "../../src/core/errors.ts";
import { type Random, randomFor } from "../../src/core/random.ts";
import { type FieldMap, type InputSpec, openInput } from "../../src/store/input/index.ts";
import { jsonl } from "../store/input/input-helpers.ts";
import { arrowBytes, parquetBytes, TABLE_ROWS } from "../store/input/table-files.ts";

const CASES = Number(process.env.PREFKIT_FUZZ ?? 500);
const LIMIT_MS = 5_000;

const RECORDS = TABLE_ROWS.map((row, index) => ({
  ...row,
  id: row.id,
  reference: row.reference,
  key: index % 3,
  response: `r${index}`,
  prompt: index % 2 === 0 ? row.prompt : [{ role: "user", content: row.prompt }],
  metadata: { deep: [{ n: index }], "\ud800": null },
}));
const CSV = [
  "id,prompt,reference,key,response",
  ...RECORDS.map(
    ({ id, reference, key, response }) => `${id},"say ""${id}""\n",${reference},${key},${response}`,
  ),
].join("\n");

const SEEDS: readonly (readonly [name: string, bytes: Uint8Array])[] = [
  ["in.jsonl", Buffer.from(jsonl(...RECORDS))],
  ["in.jsonl.gz", gzipSync(jsonl(...RECORDS))],
  ["in.json", Buffer.from(JSON.stringify(RECORDS))],
  ["in.csv", Buffer.from(CSV)],
  ["in.parquet", parquetBytes(3)],
  ["in.arrow", arrowBytes("file")],
  ["in.arrows", arrowBytes("stream")],
];

const PATHS = [
  "prompt",
  "id",
  "responses",
  "responses.*.text",
  "responses.0",
  "metadata.deep.0.n",
  "response",
  "key",
  "x.y",
  "a..b",
];
const FORMATS = ["jsonl", "json", "csv", "parquet", "arrow"] as const;

function anySpec(random: Random): Omit<InputSpec, "path"> {
  const path = () => random.pick(PATHS);
  const perhaps = <T>(value: T, share = 0.3): T | undefined => (random.uniform() < share ? value : undefined);
  const responses = (): FieldMap["responses"] =>
    random.pick<FieldMap["responses"]>([
      path(),
      [path(), { text: path(), baseline: true }],
      { text: path(), role: path(), tokenCount: path(), metadata: [path()] },
      { text: path(), reasoning: path(), model: path(), sumLogprob: path(), metadata: { m: path() } },
      [],
    ]);
  return {
    format: perhaps(random.pick(FORMATS), 0.1),
    groupBy: perhaps(path()),
    sorted: perhaps(random.below(2) === 0),
    memoryLimitMb: perhaps(1),
    map: perhaps({
      id: perhaps(path()),
      prompt: perhaps(path()),
      reference: perhaps(path()),
      responses: perhaps(responses(), 0.5),
      tools: perhaps(path(), 0.1),
      images: perhaps(path(), 0.1),
      sibling: perhaps(path(), 0.1),
      metadata: perhaps(random.pick<FieldMap["metadata"]>([[path()], { a: path() }])),
      toolMessages: perhaps(true),
    }),
  };
}

const HOSTILE = [
  '"',
  "\n",
  "\r",
  ",",
  "{",
  "[",
  "]",
  "}",
  "\\",
  "\0",
  "\\ud800",
  "null",
  "1e999",
  "-1",
  "\xff\xfe",
  "__proto__",
];

/** The bytes with a few of them changed, put in, cut out, doubled or cut off. */
function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  let result = Buffer.from(bytes);
  for (let changes = random.below(6); changes > 0 && result.length > 0; changes--) {
    const at = random.below(result.length);
    const end = Math.min(result.length, at + 1 + random.below(40));
    const before = result.subarray(0, at);
    switch (random.below(6)) {
      case 0:
        result[at] = (result[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 1:
        result[at] = random.below(256);
        break;
      case 2:
        result = Buffer.concat([before, Buffer.from(random.pick(HOSTILE), "latin1"), result.subarray(at)]);
        break;
      case 3:
        result = Buffer.concat([before, result.subarray(end)]);
        break;
      case 4:
        result = Buffer.concat([before, result.subarray(at, end), result.subarray(at)]);
        break;
      default:
        result = Buffer.from(random.below(3) === 0 ? before : result);
    }
  }
  return result;
}

const directory = await mkdtemp(join(tmpdir(), "prefkit-fuzz-"));
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Reads everything, and once more from a position in the middle. Gives what happened, in one word. */
async function outcome(spec: InputSpec, workDirectory: string): Promise<string> {
  try {
    const input = await openInput(spec, { baseDirectory: directory, workDirectory });
    const positions = [];
    let rows = 0;
    for await (const batch of input.read()) {
      for (const row of batch) {
        rows += 1;
        if (row.kind === "group") positions.push({ at: rows, position: row.position });
      }
    }
    const middle = positions[positions.length >> 1];
    if (middle) {
      for await (const [row] of input.read(middle.position)) {
        if (row?.kind === "group") expect(row.position).toEqual(middle.position);
        break;
      }
    }
    await input.fingerprint();
    await input.close();
    return rows > 0 ? "rows" : "empty";
  } catch (error) {
    if (isPrefkitError(error)) return error.code;
    throw error;
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = setTimeout(LIMIT_MS, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`still at work after ${LIMIT_MS} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
    // Aborting rejects the timer's promise; nothing is to be done then.
    await Promise.allSettled([late]);
  }
}

it(
  `ends in rows, bad rows or a PrefkitError within ${LIMIT_MS} ms, whatever the bytes and the mapping (${CASES} cases)`,
  async () => {
    const outcomes = new Map<string, number>();
    for (let index = 0; index < CASES; index++) {
      const random = randomFor(1, "fuzz-input", index);
      const [name, bytes] = random.pick(SEEDS);
      const path = `${index % 20}-${name}`;
      await writeFile(join(directory, path), mutated(bytes, random));
      const spec = { ...anySpec(random), path };
      try {
        const end = await inTime(outcome(spec, join(directory, "work")));
        outcomes.set(end, (outcomes.get(end) ?? 0) + 1);
      } catch (error) {
        throw new Error(`case ${index}: ${name} with ${JSON.stringify(spec)}`, { cause: error });
      }
      if (index % 100 === 99) await rm(join(directory, "work"), { recursive: true, force: true });
    }
    // The mutations must leave some inputs readable and break others, or nothing was tried.
    expect(outcomes.get("rows")).toBeGreaterThan(CASES / 10);
    expect(outcomes.get("unreadable_input")).toBeGreaterThan(CASES / 50);
  },
  CASES * 200 + 60_000,
);
