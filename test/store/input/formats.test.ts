import { rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openInput } from "../../../src/store/input/index.ts";
import {
  badRows,
  badText,
  directoryOf,
  errorOf,
  jsonl,
  onlyGroups,
  open,
  read,
  rowsOf,
  texts,
} from "./input-helpers.ts";
import { arrowBytes, arrowTypesBytes, parquetBytes, TABLE_ROWS } from "./table-files.ts";

const RECORDS = TABLE_ROWS;
const LINES = jsonl(...RECORDS);
const ROWS = RECORDS.map(({ prompt }, index) => [prompt, `first ${index}`, ""]);

const CSV = [
  "id,prompt,reference,small,large",
  'p0,"two\r\nlines",4,a,b',
  'p1,"a ""quoted"" word",,"",c',
  "p2,plain é,x,1,2",
].join("\n");
const CSV_SPEC = { map: { responses: ["small", "large"] } };

describe("formats", () => {
  it.each([
    { name: "in.jsonl", content: LINES, note: "as written" },
    { name: "in.jsonl", content: LINES.trimEnd(), note: "no newline at the end" },
    { name: "in.jsonl", content: `\uFEFF${LINES}`, note: "byte order mark" },
    { name: "in.ndjson", content: LINES.replaceAll("\n", "\r\n"), note: "CRLF" },
    { name: "in.jsonl", content: `\n  \n${LINES.replaceAll("\n", "\n\n\t\r\n")}`, note: "blank lines" },
    { name: "in.jsonl.gz", content: gzipSync(LINES), note: "gzip" },
    { name: "in.jsonl", content: gzipSync(LINES), note: "gzip told by its first bytes" },
    {
      name: "in.jsonl.gz",
      content: Buffer.concat([gzipSync(LINES.slice(0, 100)), gzipSync(LINES.slice(100))]),
      note: "gzip in two members",
    },
    { name: "in.json", content: JSON.stringify(RECORDS), note: "list" },
    {
      name: "in.json",
      content: `\uFEFF${JSON.stringify(RECORDS, null, 2)}\n`,
      note: "indented, byte order mark",
    },
    { name: "in.json.gz", content: gzipSync(JSON.stringify(RECORDS)), note: "gzip" },
    { name: "in.parquet", content: parquetBytes(3), note: "three row groups" },
    { name: "in.arrow", content: arrowBytes("file"), note: "IPC file" },
    { name: "in.arrows", content: arrowBytes("stream"), note: "IPC stream" },
  ])("reads $name ($note)", async ({ name, content }) => {
    const rows = onlyGroups(await read({ [name]: content }));
    expect(texts(rows)).toEqual(ROWS);
    expect(rows.map(({ group }) => group.prompt.id)).toEqual(RECORDS.map(({ id }) => id));
    expect(rows.map(({ group }) => group.prompt.reference)).toEqual(
      RECORDS.map(({ reference }) => reference),
    );
    expect(rows[3]?.group.responses.map(({ model, tokenCount }) => [model, tokenCount])).toEqual([
      ["m", 3],
      [undefined, undefined],
    ]);
  });

  it("reads CSV: quotes, line breaks in cells, an empty cell is null and a quoted one empty text", async () => {
    const rows = onlyGroups(await read({ "in.csv": CSV }, CSV_SPEC));
    expect(texts(rows)).toEqual([
      ["two\r\nlines", "a", "b"],
      ['a "quoted" word', "", "c"],
      ["plain é", "1", "2"],
    ]);
    expect(rows.map(({ group }) => group.prompt.reference)).toEqual(["4", null, "x"]);
    expect(rows.map(({ place }) => place)).toEqual([1, 2, 3].map((row) => ({ file: "in.csv", row })));
  });

  it("reads CSV with a byte order mark, gzip, and a column named __proto__", async () => {
    const csv = "\uFEFFprompt,__proto__,n\nq,evil,1\n";
    const spec = { map: { responses: ["__proto__"], metadata: ["__proto__", "n"] } };
    for (const content of [csv, gzipSync(csv)]) {
      const [row] = onlyGroups(await read({ "in.csv": content }, spec));
      expect(row?.group.responses[0]?.text).toBe("evil");
      expect(Object.entries(row?.group.prompt.metadata ?? {})).toEqual([
        ["__proto__", "evil"],
        ["n", "1"],
      ]);
    }
  });

  it("reads Arrow's own types: times as ISO 8601, bytes as base64, integers beyond 2^53 as text, NaN as null", async () => {
    const metadata = ["when", "label", "big", "small", "bytes", "none"];
    const [row] = onlyGroups(
      await read({ "in.arrow": arrowTypesBytes() }, { map: { metadata, reference: "big" } }),
    );
    expect(row?.group.prompt.reference).toBe("9007199254740993");
    expect(row?.group.prompt.metadata).toEqual({
      when: "2024-01-02T03:04:05.000Z",
      label: "right",
      big: "9007199254740993",
      small: 12,
      bytes: "AQI=",
      none: null,
    });
  });

  it("takes the format that the recipe names over the extension", async () => {
    expect(texts(await read({ "in.txt": LINES }, { format: "jsonl" }))).toEqual(ROWS);
  });

  it("reads a line longer than its read buffer", async () => {
    const long = "x".repeat(5_000_000);
    const rows = await read({ "in.jsonl": jsonl({ prompt: "a", responses: [long] }, { prompt: "b" }) });
    expect(texts(rows)).toEqual([["a", long], ["b"]]);
  });

  it("says the place of each row: lines count blank ones", async () => {
    const rows = await read({ "in.jsonl": `\n${jsonl({ prompt: "a" })}\n${jsonl({ prompt: "b" })}` });
    expect(rows.map(({ place }) => place)).toEqual([
      { file: "in.jsonl", line: 2 },
      { file: "in.jsonl", line: 4 },
    ]);
  });

  it.each([
    { name: "in.jsonl", content: "" },
    { name: "in.jsonl", content: "\uFEFF\n\n" },
    { name: "in.json", content: "[]" },
    { name: "in.csv", content: "prompt,responses\n" },
    { name: "in.csv", content: "" },
  ])("reads no rows from an empty $name", async ({ name, content }) => {
    expect(await read({ [name]: content })).toEqual([]);
  });
});

describe("rows that cannot be parsed", () => {
  it("yields a line that is broken as a bad row and goes on", async () => {
    const good = jsonl({ prompt: "a" });
    const rows = await read({ "in.jsonl": `${good}{"prompt": \n[1]\n"x"\n{"prompt": NaN}\n${good}` });
    expect(rows.map(({ kind }) => kind)).toEqual(["group", "bad", "bad", "bad", "bad", "group"]);
    expect(badRows(rows).map(({ place }) => place.line)).toEqual([2, 3, 4, 5]);
    expect(badRows(rows).map(badText)).toEqual([
      "the line is not JSON: it ends too early. | write one whole JSON object on each line.",
      "the line holds a list, not an object. | write one JSON object on each line.",
      "the line holds text, not an object. | write one JSON object on each line.",
      "the line is not JSON. | write null where a number is NaN or Infinity: JSON has neither.",
    ]);
  });

  it.each(["in.jsonl", "in.json"])("shows none of the text of a broken %s", async (name) => {
    const reading = read({ [name]: 'secret patient name 1 {"prompt": "a"}\n' }).then((rows) =>
      badRows(rows).map(badText).join(),
    );
    const said = await reading.catch((error: Error) => error.message);
    expect(said).toContain("is not JSON.");
    expect(said).not.toContain("secret");
  });

  it("yields a line that is not UTF-8 as a bad row", async () => {
    const content = Buffer.concat([
      Buffer.from(jsonl({ prompt: "é" })),
      Buffer.from('{"prompt": "\xe9"}\n', "latin1"),
    ]);
    expect((await read({ "in.jsonl": content })).map(badText).at(-1)).toMatchInlineSnapshot(
      `"the line is not valid UTF-8. | save the file as UTF-8 (iconv converts it)."`,
    );
  });

  it("yields an element of a JSON list that is no object as a bad row", async () => {
    const rows = await read({ "in.json": '[{"prompt": "a"}, 3, null]' });
    expect(badRows(rows).map(badText)).toMatchInlineSnapshot(`
      [
        "the list's element is the number 3, not an object. | write a list of JSON objects.",
        "the list's element is null, not an object. | write a list of JSON objects.",
      ]
    `);
    expect(badRows(rows).map(({ place }) => place.row)).toEqual([2, 3]);
  });
});

describe("files that cannot be read", () => {
  const gz = gzipSync(LINES);
  const parquet = parquetBytes(3);
  const arrow = arrowBytes("file");
  const stream = arrowBytes("stream");
  it.each([
    {
      note: "gzip cut off",
      says: "the gzip data is damaged or cut off",
      name: "in.jsonl.gz",
      content: gz.subarray(0, gz.length - 20),
    },
    {
      note: "gzip damaged",
      says: "the gzip data is damaged or cut off",
      name: "in.jsonl.gz",
      content: gz.map((byte, at) => (at === 30 ? byte ^ 0xff : byte)),
    },
    {
      note: "JSON cut off",
      says: "write one JSON list of objects",
      name: "in.json",
      content: JSON.stringify(RECORDS).slice(0, -5),
    },
    {
      note: "JSON Lines named .json",
      says: "a file with one JSON object per line is read with format: jsonl",
      name: "in.json",
      content: LINES,
    },
    {
      note: "one JSON object",
      says: "the file holds an object, not a list",
      name: "in.json",
      content: '{"data": []}',
    },
    {
      note: "JSON not UTF-8",
      says: "the file is not valid UTF-8",
      name: "in.json",
      content: Buffer.from('["\xe9"]', "latin1"),
    },
    {
      note: "CSV with an open quote",
      says: "row 1: the CSV is broken",
      name: "in.csv",
      content: 'prompt,a\nq,"open\n',
    },
    {
      note: "CSV with a short record",
      says: "row 1: the CSV is broken",
      name: "in.csv",
      content: "prompt,a\nq,1\nq\n",
    },
    {
      note: "CSV with a repeated column",
      says: 'the CSV header has the column "prompt" twice',
      name: "in.csv",
      content: "prompt,prompt\nq,1\n",
    },
    {
      note: "CSV not UTF-8",
      says: "the file is not valid UTF-8",
      name: "in.csv",
      content: Buffer.from("prompt\n\xe9\n", "latin1"),
    },
    {
      note: "Parquet cut off",
      says: "the file cannot be read as Parquet: end: it does not end with PAR1",
      name: "in.parquet",
      content: parquet.subarray(0, parquet.length - 9),
    },
    {
      note: "Parquet without its head",
      says: "Parquet: start: it does not start with PAR1",
      name: "in.parquet",
      content: parquet.subarray(100),
    },
    {
      note: "text named .parquet",
      says: "Parquet: start: it does not start with PAR1",
      name: "in.parquet",
      content: LINES,
    },
    { note: "an empty .parquet", says: "Parquet: size: it has 0 bytes", name: "in.parquet", content: "" },
    {
      note: "Arrow file cut off",
      says: "it begins but does not end with ARROW1, so it was cut short",
      name: "in.arrow",
      content: arrow.subarray(0, arrow.length / 2),
    },
    {
      note: "Arrow stream cut off",
      says: "the file cannot be read as Arrow IPC",
      name: "in.arrow",
      content: stream.subarray(0, stream.length - 200),
    },
    {
      note: "text named .arrow",
      says: "the file cannot be read as Arrow IPC",
      name: "in.arrow",
      content: LINES,
    },
    {
      note: "an empty .arrow",
      says: "the file cannot be read as Arrow IPC: no Arrow schema found",
      name: "in.arrow",
      content: "",
    },
  ])("ends in unreadable_input with the file's name: $note", async ({ name, content, says }) => {
    const error = await errorOf(read({ [name]: content }));
    expect(error.code).toBe("unreadable_input");
    expect(error.place.file).toBe(name);
    // What a library or the JSON parser adds in its own words changes with its version.
    expect(error.message).toContain(says);
  });

  it("refuses a JSON file of more than 256 MiB before reading it", async () => {
    const directory = await directoryOf({ "big.json": "[" });
    await truncate(join(directory, "big.json"), 256 * 2 ** 20 + 1);
    const error = await errorOf(
      openInput({ path: "big.json" }, { baseDirectory: directory, workDirectory: directory }),
    );
    expect(error.code).toBe("over_limit");
    expect(error.message).toMatchInlineSnapshot(`
      "big.json: a JSON file is read whole, and this one has more than 256 MiB.
      Fix: convert to jsonl (\`jq -c '.[]' in.json > out.jsonl\`), which is read line by line. [over_limit]"
    `);
  });

  it("refuses a line of more than 256 MiB", async () => {
    const directory = await directoryOf({ "big.jsonl": "" });
    await truncate(join(directory, "big.jsonl"), 256 * 2 ** 20 + 2 ** 20);
    const error = await errorOf(
      openInput({ path: "big.jsonl" }, { baseDirectory: directory, workDirectory: directory }),
    );
    expect(error.code).toBe("over_limit");
    expect(error.message).toMatchInlineSnapshot(`
      "big.jsonl:1: the line has more than 256 MiB.
      Fix: write one JSON object per line; a file that holds one JSON list is read with format: json. [over_limit]"
    `);
  });
});

describe("finding files", () => {
  const files = { "b.jsonl": jsonl({ prompt: "b" }), "a.jsonl": jsonl({ prompt: "a" }), "sub/c.jsonl": "" };

  it("sorts a glob's matches by name and keeps the order of the patterns, each file once", async () => {
    const sorted = await open(files, { path: "*.jsonl" });
    expect(sorted.files).toEqual([
      { path: "a.jsonl", bytes: 15 },
      { path: "b.jsonl", bytes: 15 },
    ]);
    const listed = await open(files, { path: ["b.jsonl", "**/*.jsonl"] });
    expect(listed.files.map(({ path }) => path)).toEqual(["b.jsonl", "a.jsonl", "sub/c.jsonl"]);
    expect(texts(await rowsOf(listed))).toEqual([["b"], ["a"]]);
  });

  it("takes a path that exists as it is, even with a glob's characters in it", async () => {
    const input = await open(
      { "data[1].jsonl": jsonl({ prompt: "x" }), "data1.jsonl": "" },
      { path: "data[1].jsonl" },
    );
    expect(input.files.map(({ path }) => path)).toEqual(["data[1].jsonl"]);
  });

  it("takes absolute paths and names them relative to the base directory", async () => {
    const directory = await directoryOf(files);
    const base = join(directory, "sub");
    const options = { baseDirectory: base, workDirectory: base };
    for (const path of [
      join(directory, "a.jsonl"),
      join(directory, "a*.jsonl"),
      "../a.jsonl",
      "../a*.jsonl",
    ]) {
      expect((await openInput({ path }, options)).files.map((file) => file.path)).toEqual(["../a.jsonl"]);
    }
  });

  it.each([
    { path: "none/*.jsonl", says: 'no file matches input.path "none/*.jsonl" in BASE.\nFix: check the path' },
    { path: "missing.jsonl", says: 'no file matches input.path "missing.jsonl" in BASE.' },
    { path: ["a.jsonl", "x*.jsonl"], says: 'no file matches input.path "x*.jsonl" in BASE.' },
    { path: "sub", says: 'input.path "sub" is a directory.\nFix: name the files in it, as in sub/*.jsonl.' },
    { path: [], says: "input.path names no file.\nFix: write a path or a glob, as in data/*.jsonl." },
    { path: "", says: "input.path names no file." },
    { path: "nul\0.jsonl", says: "no file matches" },
  ])("ends in no_input_file for $path", async ({ path, says }) => {
    const directory = await directoryOf(files);
    const options = { baseDirectory: directory, workDirectory: directory };
    const error = await errorOf(openInput({ path }, options));
    expect(error.code).toBe("no_input_file");
    expect(error.message.replaceAll(directory, "BASE")).toContain(says);
  });

  it("says of a Git LFS pointer that it is none of the data", async () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 12345\n`;
    for (const name of ["in.jsonl", "in.parquet", "in.jsonl.gz"]) {
      const error = await errorOf(open({ [name]: pointer }));
      expect(error.code).toBe("unreadable_input");
      expect(error.message).toContain(`${name} is a Git LFS pointer`);
      expect(error.message).toContain("git lfs pull");
    }
  });

  it("asks for the format when the name does not say it", async () => {
    const error = await errorOf(open({ "in.txt": "" }));
    expect(error.code).toBe("bad_recipe");
    expect(error.message).toMatchInlineSnapshot(`
      "the name in.txt does not say its format.
      Fix: rename it to end in .jsonl, .json, .csv, .parquet or .arrow, or say which of these it is in a recipe (input.format). [bad_recipe]"
    `);
  });
});

describe("streaming", () => {
  const many = Array.from({ length: 1000 }, (_, index) => ({ prompt: `p${index}`, responses: ["a"] }));

  it("yields batches of at most 256 rows", async () => {
    const input = await open({ "in.jsonl": jsonl(...many) });
    const sizes: number[] = [];
    for await (const batch of input.read()) sizes.push(batch.length);
    expect(sizes).toEqual([256, 256, 256, 232]);
  });

  it("reads only as far as it is pulled: a broken second file is not met by the first batch", async () => {
    const input = await open({ "a.jsonl": jsonl(...many), "b.jsonl.gz": gzipSync(LINES).subarray(0, 50) });
    for await (const batch of input.read()) {
      expect(batch).toHaveLength(256);
      break;
    }
    expect((await errorOf(rowsOf(input))).code).toBe("unreadable_input");
  });

  it("can be read twice, and by two readers at once", async () => {
    const input = await open({ "in.jsonl": jsonl(...many) });
    const [a, b] = [input.read(), input.read()];
    const first = [await a.next(), await b.next()];
    expect(first[0]).toEqual(first[1]);
    expect(await rowsOf(input)).toHaveLength(1000);
    await a.return(undefined);
    await b.return(undefined);
    await input.close();
  });
});

describe("positions", () => {
  const many = Array.from({ length: 600 }, (_, index) => ({
    id: `p${index}`,
    prompt: `é ${"x".repeat(index % 50)}`,
    a: "1",
  }));
  const spec = { map: { responses: ["a"] } };
  const csv = ["id,prompt,a", ...many.map(({ id, prompt }) => `${id},"${prompt}\nnext",1`)].join("\n");
  const text = jsonl(...many).replaceAll("\n", "\n\r\n");

  it.each([
    { name: "in.jsonl", content: text as string | Uint8Array, map: spec },
    { name: "in.jsonl.gz", content: gzipSync(text), map: spec },
    { name: "in.json", content: JSON.stringify(many), map: spec },
    { name: "in.csv", content: csv, map: spec },
    { name: "in.parquet", content: parquetBytes(3), map: {} },
    { name: "in.arrow", content: arrowBytes("file"), map: {} },
    { name: "in.arrows", content: arrowBytes("stream"), map: {} },
  ])("start the reading of $name again at any row, with the same places", async ({ name, content, map }) => {
    const files = { [`1-${name}`]: content, [`2-${name}`]: content };
    const rows = onlyGroups(await read(files, map));
    await fc.assert(
      fc.asyncProperty(fc.nat(rows.length - 1), fc.boolean(), async (at, fresh) => {
        // A fresh input has not seen the rows before the position.
        const input = await open(files, map);
        if (!fresh) await rowsOf(input);
        expect(await rowsOf(input, rows[at]?.position)).toEqual(rows.slice(at));
      }),
      { seed: 1, numRuns: 8 },
    );
  });

  it.each([
    { position: { file: 2, at: 0 }, says: "the input has no position 0 in file 3 of 1." },
    { position: { file: -1, at: 0 }, says: "the input has no position 0 in file 0 of 1." },
    { position: { file: 0, at: 3 }, says: "in.jsonl has no line that starts at byte 3." },
    { position: { file: 0, at: 10_000 }, says: "in.jsonl has no line that starts at byte 10000." },
    { position: { file: 0, at: 0.5 }, says: "the input has no position 0.5 in file 1 of 1." },
  ])("end in plan_changed where no row can start: $says", async ({ position, says }) => {
    const input = await open({ "in.jsonl": LINES });
    const error = await errorOf(rowsOf(input, position));
    expect(error.code).toBe("plan_changed");
    expect(error.message).toContain(`${says}\nFix: the `);
  });
});

describe("fingerprint", () => {
  it("changes with a size, a byte and the order of files, and not with their names", async () => {
    const print = async (files: Readonly<Record<string, string>>) => (await open(files)).fingerprint();
    const a = { "a.jsonl": "\n\n", "b.jsonl": "\n" };
    expect(await print(a)).toBe(await print(a));
    expect(await print({ "a.jsonl": "\n\n", "c.jsonl": "\n" })).toBe(await print(a));
    expect(await print(a)).toMatch(/^[0-9a-f]{64}$/);
    const others = [
      { "a.jsonl": "\n", "b.jsonl": "\n\n" },
      { "a.jsonl": "\n ", "b.jsonl": "\n" },
      { "a.jsonl": "\n\n\n" },
    ];
    const prints = new Set([await print(a), ...(await Promise.all(others.map(print)))]);
    expect(prints.size).toBe(4);
  });

  it("reports a file that vanished as io", async () => {
    const directory = await directoryOf({ "a.jsonl": jsonl({ prompt: "x" }) });
    const input = await openInput(
      { path: "a.jsonl" },
      { baseDirectory: directory, workDirectory: directory },
    );
    await rm(join(directory, "a.jsonl"));
    expect((await errorOf(input.fingerprint())).code).toBe("io");
    expect((await errorOf(rowsOf(input))).code).toBe("io");
  });
});
