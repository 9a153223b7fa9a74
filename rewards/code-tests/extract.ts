/** The languages whose programs can be run. */
export const LANGUAGES = ["python", "javascript"] as const;
export type Language = (typeof LANGUAGES)[number];

const FENCE_NAMES: Readonly<Record<Language, readonly string[]>> = {
  python: ["python", "python3", "py", "py3"],
  javascript: ["javascript", "js", "node", "nodejs", "mjs", "cjs"],
};

export interface ExtractOptions {
  readonly language: Language;
  /** Which fence, when there are several. */
  readonly fence: "first" | "last";
  /** Whether a text without a fence is a program as a whole. */
  readonly bare: boolean;
}

/**
 * The program in a response: the content of a fence of that language; without one, of a fence without a language;
 * without any fence, the whole text, when `bare` says so. A fence that is never closed reaches to the end. Fences are
 * CommonMark's: three or more backticks or tildes, closed by at least as many, and as many blanks as stand before a fence
 * are taken from each of its lines. After an item of a list a fence may be indented by any number of blanks. Null when
 * there is none, or only blanks.
 */
export function extractProgram(text: string, { language, fence, bare }: ExtractOptions): string | null {
  const fences = fencesOf(text);
  const named = fences.filter(({ name }) => FENCE_NAMES[language].includes(name));
  const usable = named.length > 0 ? named : fences.filter(({ name }) => name === "");
  const chosen = usable.at(fence === "first" ? 0 : -1)?.content;
  const program = chosen ?? (bare && fences.length === 0 ? text : null);
  return program === null || program.trim() === "" ? null : program;
}

interface Fence {
  readonly name: string;
  readonly content: string;
}

function fencesOf(text: string): Fence[] {
  const fences: Fence[] = [];
  let open: {
    readonly indent: number;
    readonly mark: string;
    readonly name: string;
    readonly lines: string[];
  } | null = null;
  let isInList = false;
  for (const line of text.split(/\r?\n/)) {
    const [, blanks, mark]: readonly (string | undefined)[] = /^([ \t]*)(`{3,}|~{3,})/.exec(line) ?? [];
    const indent = blanks?.length ?? 0;
    if (open !== null) {
      const isEnd: boolean =
        mark?.startsWith(open.mark) === true && line.trim() === mark && indent <= open.indent + 3;
      if (!isEnd) {
        open.lines.push(dedented(line, open.indent));
        continue;
      }
      fences.push({ name: open.name, content: `${open.lines.join("\n")}\n` });
      open = null;
    } else if (mark === undefined) {
      isInList ||= /^[ \t]*([-*+]|\d{1,9}[.)])[ \t]/.test(line);
    } else if (indent <= 3 || isInList) {
      const information = line.trim().slice(mark.length).trim();
      // Backticks after the mark are inline code, not a fence.
      if (mark.startsWith("`") && information.includes("`")) continue;
      const name = (/^[^\s{]+/.exec(information)?.[0] ?? "").toLowerCase();
      open = { indent, mark, name, lines: [] };
    }
  }
  if (open !== null) fences.push({ name: open.name, content: open.lines.join("\n") });
  return fences;
}

function dedented(line: string, indent: number): string {
  let start = 0;
  while (start < indent && (line[start] === " " || line[start] === "\t")) start += 1;
  return line.slice(start);
}
