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
 * CommonMark's: three or more backticks or tildes, closed by at least as many. Null when there is none, or only blanks.
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
  let open: { readonly mark: string; readonly name: string; readonly lines: string[] } | null = null;
  for (const line of text.split(/\r?\n/)) {
    const mark: string | undefined = /^[ \t]{0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (open !== null) {
      const isEnd: boolean = mark?.startsWith(open.mark) === true && line.trim() === mark;
      if (!isEnd) {
        open.lines.push(line);
        continue;
      }
      fences.push({ name: open.name, content: `${open.lines.join("\n")}\n` });
      open = null;
    } else if (mark !== undefined) {
      const information = line.trim().slice(mark.length).trim();
      // Backticks after the mark are inline code, not a fence.
      if (mark.startsWith("`") && information.includes("`")) continue;
      const name = (/^[^\s{]+/.exec(information)?.[0] ?? "").toLowerCase();
      open = { mark, name, lines: [] };
    }
  }
  if (open !== null) fences.push({ name: open.name, content: open.lines.join("\n") });
  return fences;
}
