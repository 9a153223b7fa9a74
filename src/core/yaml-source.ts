import { type Document, LineCounter, parseDocument } from "yaml";
import { type ErrorCode, PrefkitError, reasonOf } from "./errors.ts";

/** What a YAML text says, and where. */
export interface YamlSource {
  readonly value: unknown;
  /** The 1-based line of a key, or of the nearest thing that holds it. */
  readonly line: LineOf;
}

export type LineOf = (path: readonly PropertyKey[]) => number | undefined;

/**
 * Reads YAML with the line of every key. A key that stands twice is an error.
 *
 * Throws the given code, with file and line, for what is not YAML.
 */
export function readYaml(text: string, file: string, code: ErrorCode): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    logLevel: "error",
  });
  const broken = document.errors[0];
  if (broken) {
    const place = { file, line: lines.linePos(broken.pos[0]).line };
    throw new PrefkitError(code, `not valid YAML: ${reasonOf(broken)}.`, "correct the YAML at that line.", {
      place,
    });
  }
  try {
    // Aliases may blow up exponentially; a hundred are plenty for anything written by hand.
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return { value, line: (path) => lineOf(document, lines, path) };
  } catch (cause) {
    throw new PrefkitError(code, `${file}: ${reasonOf(cause)}.`, "use fewer YAML aliases.", { cause });
  }
}

interface Items {
  readonly items?: readonly {
    readonly key?: { readonly value?: unknown; readonly range?: readonly number[] | null };
    readonly range?: readonly number[] | null;
  }[];
}

function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true) as Items | undefined;
    const last = path[length - 1];
    const item =
      typeof last === "number"
        ? parent?.items?.[last]
        : parent?.items?.find((pair) => String(pair.key?.value) === last)?.key;
    const start = item?.range?.[0];
    if (start !== undefined) return lines.linePos(start).line;
  }
  return document.contents?.range ? lines.linePos(document.contents.range[0]).line : undefined;
}
