import { stringify } from "yaml";
import { contentHash } from "../core/ids.ts";
import { type DatasetSummary, type FileEntry, type Manifest, TABLES, type TableName } from "./manifest.ts";

export interface CardOptions {
  readonly license?: string | undefined;
  /** YAML of the recipe as written. */
  readonly recipe: string;
}

/**
 * The dataset card: front matter with one config per table, so that `load_dataset(dir)` opens the default one, and what
 * a reader must know of the data.
 */
export function datasetCard(
  manifest: Omit<Manifest, "files">,
  files: readonly FileEntry[],
  options: CardOptions,
): string {
  const sections = [
    frontMatter(manifest, files, options),
    "# Preference data made with prefkit\n",
    overview(manifest, files),
    scorers(manifest),
    alarms(manifest),
    judges(manifest),
    agreement(manifest),
    pairs(manifest),
    columns(files),
    provenance(manifest, options),
  ];
  return `${sections.filter((section) => section !== "").join("\n")}`;
}

function frontMatter(
  manifest: Omit<Manifest, "files">,
  all: readonly FileEntry[],
  options: CardOptions,
): string {
  // `load_dataset` refuses a config that names a split without rows, and all its other splits with it.
  const files = all.filter(({ rows }) => rows !== 0);
  const tables = TABLES.filter((table) => files.some((file) => file.table === table));
  const preferred = tables.includes("pairs") ? "pairs" : "scores";
  const meta = {
    ...(options.license === undefined ? {} : { license: options.license }),
    tags: ["prefkit", ...(preferred === "pairs" ? ["preference", "dpo"] : ["scores"])],
    size_categories: [
      sizeCategory(preferred === "pairs" ? manifest.summary.pairs : manifest.summary.responses),
    ],
    configs: tables.map((table) => ({
      config_name: table,
      // `load_dataset` caches by the folder's name and what stands here, not by the files: other rows need another text.
      description: `Rows ${rowsHash(all, table)}.`,
      ...(table === preferred ? { default: true } : {}),
      data_files: splitsOf(files, table).map((split) => ({ split, path: `${table}/${split}-*` })),
    })),
  };
  return `---\n${stringify(meta)}---\n`;
}

/** Changes with every byte of the table's files. */
function rowsHash(files: readonly FileEntry[], name: TableName): string {
  return contentHash(files.filter(({ table }) => table === name).map(({ path, sha256 }) => [path, sha256]));
}

function splitsOf(files: readonly FileEntry[], table: TableName): string[] {
  return [
    ...new Set(files.flatMap((file) => (file.table === table && file.split !== null ? [file.split] : []))),
  ];
}

/** The hub's name for about so many rows. */
export function sizeCategory(rows: number): string {
  const steps: [number, string][] = [
    [1e3, "n<1K"],
    [1e4, "1K<n<10K"],
    [1e5, "10K<n<100K"],
    [1e6, "100K<n<1M"],
    [1e7, "1M<n<10M"],
  ];
  return steps.find(([limit]) => rows < limit)?.[1] ?? "n>10M";
}

function overview({ summary, input }: Omit<Manifest, "files">, files: readonly FileEntry[]): string {
  const lines = [
    `${count(summary.groups, "prompt")} with ${count(summary.responses, "response")}; ${count(summary.pairs, "pair")} from ${count(summary.groupsWithPairs, "prompt")}.`,
    "",
    table(
      ["table", "split", "rows"],
      TABLES.flatMap((name) =>
        splitsOf(files, name).map((split) => [
          name,
          split,
          integer(
            files
              .filter((file) => file.table === name && file.split === split)
              .reduce((sum, file) => sum + (file.rows ?? 0), 0),
          ),
        ]),
      ),
    ),
  ];
  const skipped = Number(input.skippedRows ?? 0);
  if (skipped > 0) lines.push("", `Left out: ${count(skipped, "row")} of the input that could not be used.`);
  const replaced = Number(input.replacedSurrogates ?? 0);
  if (replaced > 0) lines.push("", `Replaced by U+FFFD: ${count(replaced, "lone surrogate")} in texts.`);
  if (summary.groupsWithEqualTexts > 0) {
    lines.push("", `In ${count(summary.groupsWithEqualTexts, "group")} all responses have the same text.`);
  }
  return `${lines.join("\n")}\n`;
}

function scorers({ summary, scorers: configs }: Omit<Manifest, "files">): string {
  const rows = Object.entries(summary.scorers).map(([key, scorer]) => {
    const config = configs[key]?.config as { scorer?: string; version?: number } | undefined;
    return [
      key,
      `${config?.scorer ?? ""} ${config?.version ?? ""}`.trim(),
      integer(scorer.scored),
      integer(scorer.abstained),
      scorer.failed === 0 ? "0" : `${integer(scorer.failed)} (${codes(scorer.codes)})`,
      decimal(scorer.mean),
      decimal(scorer.deviation),
      scorer.min === null ? "–" : `${decimal(scorer.min)} to ${decimal(scorer.max)}`,
    ];
  });
  return `## Scores\n\n${table(["key", "scorer", "scored", "abstained", "failed", "mean", "deviation", "range seen"], rows)}\n\nA cell that abstained or failed has no value; it never counts as a low score.\n${parts(summary)}`;
}

function parts({ scorers: summaries }: DatasetSummary): string {
  const rows = Object.entries(summaries).flatMap(([key, scorer]) =>
    Object.entries(scorer.parts ?? {}).map(([name, part]) => [
      key,
      name,
      integer(part.count),
      decimal(part.mean),
      part.byTenth.map(decimal).join(" "),
    ]),
  );
  if (rows.length === 0) return "";
  const uncounted = Object.entries(summaries).flatMap(([key, { uncountedParts = 0 }]) =>
    uncountedParts === 0
      ? []
      : [
          `\n${inCell(key)} names more parts than are kept: ${integer(uncountedParts)} of their numbers are not in this table.\n`,
        ],
  );
  return `\nParts of the scores, over the scored cells:\n\n${table(["key", "part", "cells", "mean", "mean by tenth of the input"], rows)}\n${uncounted.join("")}`;
}

function alarms({ summary }: Omit<Manifest, "files">): string {
  if (!summary.alarms || summary.alarms.length === 0) return "";
  return `## Alarms\n\n${summary.alarms.map((text) => `- ${inCell(text)}`).join("\n")}\n`;
}

function judges({ summary }: Omit<Manifest, "files">): string {
  const rows = Object.entries(summary.diagnoses ?? {}).flatMap(([key, figures]) =>
    figures.map(({ name, value, interval, count: observed, meaning }) => [
      key,
      name.replaceAll("_", " "),
      decimal(value),
      interval === null ? "–" : `${decimal(interval[0])} to ${decimal(interval[1])}`,
      integer(observed),
      meaning,
    ]),
  );
  if (rows.length === 0) return "";
  return `## Judges\n\nWhat judges were measured to do over this dataset:\n\n${table(["key", "figure", "value", "95 % interval", "observations", "meaning"], rows)}\n`;
}

function codes(found: Readonly<Record<string, number>>): string {
  return Object.entries(found)
    .map(([code, times]) => `${code} ${integer(times)}`)
    .join(", ");
}

function agreement({ summary }: Omit<Manifest, "files">): string {
  if (summary.agreement.length === 0) return "";
  const rows = summary.agreement.map(({ between, responses, r }) => [
    between[0],
    between[1],
    integer(responses),
    r === null ? "– (one does not vary)" : decimal(r),
  ]);
  return `## Agreement between scorers\n\n${table(["scorer", "scorer", "responses", "Pearson r"], rows)}\n`;
}

function pairs({ summary, pairs: rule }: Omit<Manifest, "files">): string {
  if (rule === null) return "";
  const reasons = Object.entries(summary.unpaired).map(([reason, times]) => [
    reason.replaceAll("_", " "),
    integer(times),
  ]);
  const length = summary.length;
  return [
    "## Pairs\n",
    `Rule: \`${JSON.stringify(rule)}\`. Mean reward margin ${decimal(summary.rewardMargin.mean)}, smallest ${decimal(summary.rewardMargin.min)}.\n`,
    reasons.length === 0
      ? ""
      : `Responses in no pair, by reason:\n\n${table(["reason", "responses"], reasons)}\n`,
    length.chosenLongerShare === null
      ? ""
      : `Length bias: the chosen text is longer in ${percent(length.chosenLongerShare)} of the pairs and as long as the rejected one in ${percent(length.equalLengthShare)}; reward and length correlate with r = ${decimal(length.rewardCorrelation)}.\n`,
  ]
    .filter((part) => part !== "")
    .join("\n");
}

const COLUMNS: Readonly<Record<TableName, string>> = {
  pairs:
    "`prompt`, `chosen` and `rejected` are message lists; chosen and rejected hold only the assistant turn. `reward_margin` = `score_chosen` − `score_rejected`, in units of the combined reward.",
  groups: "One row per prompt, with every response and its `reward` (null: no reward, so in no pair).",
  scores:
    "One row per response and scorer. `kind` is scored, abstained or failed; `value` is null unless scored; `why` says why.",
};

function columns(files: readonly FileEntry[]): string {
  const lines = TABLES.filter((name) => files.some((file) => file.table === name)).map(
    (name) => `- **${name}**: ${COLUMNS[name]}`,
  );
  return `## Columns\n\n${lines.join("\n")}\n`;
}

function provenance(
  { prefkit, input, seed, planId }: Omit<Manifest, "files">,
  { recipe, license }: CardOptions,
): string {
  const fence = fenceFor(recipe);
  const names = ((input.files ?? []) as readonly { path: string }[])
    .map(({ path }) => `\`${path}\``)
    .join(", ");
  return [
    "## How it was made\n",
    `prefkit ${prefkit}, seed ${seed}, plan ${planId}, from ${names}. \`run.json\` holds every option and the sha256 of every file.\n`,
    `${fence}yaml\n${recipe.trimEnd()}\n${fence}\n`,
    `Licence: ${license ?? "not stated; the licences of the input data and of the models that wrote it apply"}.\n`,
  ].join("\n");
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(inCell).join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Text that cannot end its cell or its row. */
function inCell(text: string): string {
  return text.replace(/[\\|]/g, "\\$&").replace(/[\r\n]+/g, " ");
}

/** A fence longer than any run of backticks in the text. */
function fenceFor(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  return "`".repeat(longest + 1);
}

function integer(value: number): string {
  return value.toLocaleString("en-US");
}

function count(value: number, noun: string): string {
  return `${integer(value)} ${noun}${value === 1 ? "" : "s"}`;
}

function decimal(value: number | null): string {
  return value === null ? "–" : Number(value.toPrecision(4)).toString();
}

function percent(share: number | null): string {
  return share === null ? "–" : `${Number((100 * share).toPrecision(4))} %`;
}
