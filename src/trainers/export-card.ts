import { stringify } from "yaml";
import { contentHash } from "../core/ids.ts";
import { sizeCategory } from "../store/dataset-card.ts";
import type { ExportedFile, ExportManifest } from "./export-manifest.ts";

/** README.md of an export: what it is, how many rows, what was left out and why, and the command that made it. */
export function exportCard(
  made: Omit<ExportManifest, "files">,
  {
    trainer,
    summary,
    files,
  }: { readonly trainer: string; readonly summary: string; readonly files: readonly ExportedFile[] },
): string {
  const { rows, leftOut, source, kind, prefkit } = made;
  const reasons = Object.entries(leftOut);
  return [
    frontMatter(files, "", hubFacts(made)),
    `# ${kind} rows for ${trainer}`,
    summary,
    table(
      ["split", "rows"],
      Object.entries(rows).map(([split, count]) => [split, number(count)]),
    ),
    `Made by prefkit ${prefkit} from the ${number(source.rows)} rows of the ${source.table} table of the dataset with plan ${source.planId}${source.inputs.length === 0 ? "" : `, which was made from ${source.inputs.map(plain).join(", ")}`}:`,
    `\`\`\`\n${commandOf(made)}\n\`\`\``,
    reasons.length === 0
      ? "Nothing was left out."
      : `Left out, by reason:\n\n${table(
          ["count", "reason"],
          reasons.map(([why, count]) => [number(count), plain(why)]),
        )}`,
    `Licence: ${source.license === null ? "not stated; the licences of the input data and of the models that wrote it apply" : plain(source.license)}.`,
    "`export.json` has the options and the sha256 of every file; `prefkit check` reads it.",
    "",
  ].join("\n\n");
}

/**
 * `data/README.md`, for whoever opens the folder `data` by itself, as TRL's configs do: `datasets` guesses splits from file names
 * otherwise, and then counts `train_hard` and `hard_train` as train.
 */
export function dataCard(files: readonly ExportedFile[]): string {
  return `${frontMatter(files, "data/")}\n\nThe lines above say to \`datasets\` which files belong to which split. See ../README.md.\n`;
}

/** What the hub shows and searches by. */
function hubFacts({ source, kind, rows }: Pick<ExportManifest, "source" | "kind" | "rows">): object {
  return {
    ...(source.license !== null && { license: source.license }),
    tags: ["prefkit", kind],
    size_categories: [sizeCategory(Object.values(rows).reduce((sum, count) => sum + count, 0))],
  };
}

/** Facts, and the files of each split by name, relative to `folder`. */
function frontMatter(files: readonly ExportedFile[], folder: string, facts: object = {}): string {
  const data = files.filter(({ split }) => split !== null);
  const splits = [...new Set(data.map(({ split }) => split))];
  const configs = [
    {
      config_name: "default",
      // `load_dataset` caches by the folder's name and what stands here, not by the files: other rows need another text.
      description: `Rows ${contentHash(data.map(({ path, sha256 }) => [path, sha256]))}.`,
      data_files: splits.map((split) => ({
        split,
        path: data.filter((file) => file.split === split).map(({ path }) => path.slice(folder.length)),
      })),
    },
  ];
  return `---\n${stringify({ ...facts, configs }, { lineWidth: 0 })}---`;
}

function commandOf({ trainer, kind, options }: Pick<ExportManifest, "trainer" | "kind" | "options">): string {
  const given = Object.entries(options).map(
    ([name, value]) =>
      ` \\\n  --option ${shellWord(`${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)}`,
  );
  return `prefkit export DIR --for ${trainer} --as ${kind} --out OUT${given.join("")}`;
}

function shellWord(text: string): string {
  return /^[\w=.,:/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** A reason may hold a name from the data: nothing of it is to be read as Markdown. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").replace(/[\\`*_{}[\]<>()#|!]/g, "\\$&");
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}
