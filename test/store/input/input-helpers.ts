import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";
import { isPrefkitError, type PrefkitError } from "../../../src/core/errors.ts";
import type { Group } from "../../../src/core/types.ts";
import {
  type BadRow,
  type GroupRow,
  type Input,
  type InputRow,
  type InputSpec,
  openInput,
  type Position,
} from "../../../src/store/input/index.ts";

const root = mkdtempSync(join(tmpdir(), "prefkit-input-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let directories = 0;

/** A fresh directory with these files. */
export async function directoryOf(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  directories += 1;
  const directory = join(root, String(directories));
  await mkdir(directory);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content);
  }
  return directory;
}

export function jsonl(...records: readonly unknown[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}

export async function open(
  files: Readonly<Record<string, string | Uint8Array>>,
  spec: Partial<InputSpec> = {},
): Promise<Input> {
  const directory = await directoryOf(files);
  const path = spec.path ?? Object.keys(files);
  return openInput({ ...spec, path }, { baseDirectory: directory, workDirectory: join(directory, "work") });
}

export async function rowsOf(input: Input, start?: Position): Promise<InputRow[]> {
  const rows: InputRow[] = [];
  for await (const batch of input.read(start)) rows.push(...batch);
  return rows;
}

/** Rows of one file of records under a name. */
export async function read(
  files: Readonly<Record<string, string | Uint8Array>>,
  spec: Partial<InputSpec> = {},
): Promise<InputRow[]> {
  return rowsOf(await open(files, spec));
}

/** The groups of JSON Lines records; fails on a bad row. */
export async function groupsOf(
  records: readonly unknown[],
  spec: Partial<InputSpec> = {},
): Promise<readonly Group[]> {
  return onlyGroups(await read({ "in.jsonl": jsonl(...records) }, spec)).map(({ group }) => group);
}

export async function groupOf(record: unknown, spec: Partial<InputSpec> = {}): Promise<Group> {
  return (await groupsOf([record], spec))[0] as Group;
}

export function onlyGroups(rows: readonly InputRow[]): GroupRow[] {
  return rows.map((row) => {
    if (row.kind === "bad") throw new Error(`bad row: ${row.problem}`);
    return row;
  });
}

/** The one bad row that a record makes, as its message reads: column, problem and fix. */
export async function badRow(record: unknown, spec: Partial<InputSpec> = {}): Promise<string> {
  const rows = await read({ "in.jsonl": jsonl(record) }, spec);
  return rows.map(badText).join("\n");
}

export function badText(row: InputRow): string {
  if (row.kind !== "bad") return `a group: ${JSON.stringify(row.group.prompt)}`;
  const { column } = row.place;
  return `${column === undefined ? "" : `${column}: `}${row.problem} | ${row.fix}`;
}

export function badRows(rows: readonly InputRow[]): BadRow[] {
  return rows.filter((row) => row.kind === "bad");
}

/** The PrefkitError that the work ends in. */
export async function errorOf(work: Promise<unknown>): Promise<PrefkitError> {
  try {
    await work;
  } catch (error) {
    if (isPrefkitError(error)) return error;
    throw error;
  }
  throw new Error("no error");
}

/** Prompt texts and response texts, for short expectations. */
export function texts(rows: readonly InputRow[]): unknown[] {
  return rows.map((row) =>
    row.kind === "bad"
      ? `bad: ${row.problem}`
      : [
          row.group.prompt.messages.map(({ content }) => content).join("/"),
          ...row.group.responses.map(({ text }) => text),
        ],
  );
}
