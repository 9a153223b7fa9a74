import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Document, Scalar, visit } from "yaml";
import { PrefkitError } from "../errors.ts";
import { contentHash } from "../ids.ts";
import { faultIn, schemaFault } from "../schema-fault.ts";
import { readYaml } from "../yaml-source.ts";
import type { Criterion, Rubric } from "./rubric.ts";
import { rubricSchema } from "./schema.ts";
import { unreadable } from "./unreadable.ts";

const DOCS = "docs/rubrics.md";

/** Reads a rubric file. Throws `bad_option` with file, line and key; `io` for a file that cannot be read. */
export async function loadRubric(path: string | URL): Promise<Rubric> {
  const file = path instanceof URL ? fileURLToPath(path) : path;
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw unreadable(file, cause);
    throw new PrefkitError("bad_option", `there is no rubric at ${file}.`, "check the path.", { cause });
  }
  return parseRubric(text, file);
}

/**
 * A rubric from YAML. `file` is what errors name.
 *
 * Throws: `bad_option` with file, line and key for what is not YAML or does not follow the schema.
 */
export function parseRubric(text: string, file: string): Rubric {
  const { value, line } = readYaml(text, file, "bad_option");
  const fail = faultIn("bad_option", file, line);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fail(
      [],
      "the file holds no rubric.",
      "write a map with `rubric: 1`, `name`, `version` and `criteria`.",
    );
  }
  if (!("rubric" in value)) {
    throw fail(
      [],
      "the key `rubric` is missing.",
      "write `rubric: 1` first: it is the version of the format.",
    );
  }
  const result = rubricSchema.safeParse(value);
  if (!result.success) throw schemaFault(result.error, fail, { value, schema: rubricSchema, docs: DOCS });
  return result.data;
}

/**
 * The rubric as YAML that `parseRubric` reads back to the same rubric; its keys in a fixed order. What an editor or a terminal
 * does not show but may obey (controls, formats such as bidirectional overrides) is escaped: U+202E -> "\\u202e".
 */
export function writeRubric(rubric: Rubric): string {
  const { name, version, source, about, weighting, categories, denominator, ratings, notApplicable, unread } =
    rubric;
  const head = { rubric: 1, name, version, source, about };
  const rules = { weighting, categories, denominator, ratings, notApplicable, unread };
  const criteria = rubric.criteria.map(shortened);
  const document = new Document({ ...head, ...rules, criteria }, { aliasDuplicateObjects: false });
  visit(document, {
    // Only there has YAML escapes.
    Scalar: (_, scalar) => {
      if (typeof scalar.value === "string" && scalar.value.search(UNSEEN) >= 0)
        scalar.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document.toString({ lineWidth: 110 }).replace(UNSEEN, escaped);
}

/** Controls, formats, halves of pairs, line and paragraph separators; not the joiners that scripts and emoji need. */
const UNSEEN = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

function escaped(character: string): string {
  const digits = (character.codePointAt(0) ?? 0).toString(16);
  if (digits.length <= 2) return `\\x${digits.padStart(2, "0")}`;
  return digits.length <= 4 ? `\\u${digits.padStart(4, "0")}` : `\\U${digits.padStart(8, "0")}`;
}

/** In the order of a file, without what the schema fills in by itself. */
function shortened(criterion: Criterion): object {
  const { id, text, polarity, points, category, weight, scale, tags, depth, parentId, provenance } =
    criterion;
  const bySign = (points ?? 0) < 0 ? "negative" : "positive";
  return {
    id,
    text,
    polarity: polarity === bySign ? undefined : polarity,
    points,
    category,
    weight,
    scale: scale && { min: scale.min, max: scale.max, anchors: scale.anchors },
    tags: tags.length === 0 ? undefined : tags,
    depth,
    parentId,
    provenance,
  };
}

/** Changes with anything a rubric says; 32 hex digits. */
export function rubricHash(rubric: Rubric): string {
  return contentHash(rubric);
}
