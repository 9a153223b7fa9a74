import type { ErrorPlace } from "../../core/errors.ts";
import { promptId, responseIds } from "../../core/ids.ts";
import type { Group, JsonObject, Prompt, SampledResponse } from "../../core/types.ts";
import { compilePath, type FieldPath } from "./field-path.ts";
import { imagesOf } from "./images.ts";
import { jsonText, type MessageOptions, promptMessages } from "./messages.ts";
import { compileMetadata, compileResponses, type ResponseDraft } from "./responses.ts";
import { RowProblem } from "./row-problem.ts";
import { jsonOf, metadataOf, type RowReading, requiredAt, scalarOf, valueAt } from "./row-values.ts";
import type { Fields, RawRow } from "./source.ts";
import type { BadRow, InputSpec } from "./types.ts";

/** A prompt before its id is settled, with what else belongs to the group as a whole. */
export interface PromptDraft {
  /** The user's id; null when the content's hash is the id. */
  readonly id: string | null;
  readonly prompt: Omit<Prompt, "id">;
  readonly siblingId: string | null;
}

/** One row of the input, mapped: a whole group, or a part of one when rows are grouped by a key. */
export interface MappedRow {
  readonly kind: "mapped";
  /** The group's key; null when every row is a group. */
  readonly key: string | null;
  readonly draft: PromptDraft;
  readonly responses: readonly ResponseDraft[];
  readonly place: ErrorPlace;
  readonly at: number;
  readonly replacedSurrogates: number;
}

export interface Mapping {
  /** Paths that must be found in some row: those that the recipe names, the prompt's, and the key's. */
  readonly required: readonly FieldPath[];
  /** Whether any path can lead into this top-level column. */
  keep(column: string): boolean;
  map(row: RawRow): MappedRow | BadRow;
}

/**
 * Compiles how rows become groups. `textual` says that the rows come from CSV.
 * Throws `bad_recipe` for a path that cannot be one.
 */
export function compileMapping(spec: InputSpec, textual: boolean): Mapping {
  const map = spec.map ?? {};
  const options: MessageOptions = {
    toolMessages: map.toolMessages ?? false,
    images: map.images !== undefined,
  };
  const key = spec.groupBy === undefined ? undefined : compilePath(spec.groupBy);
  const prompt = compilePath(map.prompt ?? "prompt");
  const id = compilePath(map.id ?? "id");
  const reference = compilePath(map.reference ?? "reference");
  const defaultMetadata = compilePath("metadata");
  const metadata = compileMetadata(map.metadata);
  const optional = [map.tools, map.images, map.sibling].map((path) =>
    path === undefined ? undefined : compilePath(path),
  );
  const [tools, images, sibling] = optional;
  const defaultResponses = key === undefined ? "responses" : "response";
  const responses = compileResponses(map.responses, defaultResponses, key !== undefined);

  const named = [
    map.id === undefined ? undefined : id,
    map.reference === undefined ? undefined : reference,
    ...optional,
  ].filter((path) => path !== undefined);
  const required = [
    prompt,
    ...(key ? [key] : []),
    ...named,
    ...metadata.map(([, path]) => path),
    ...responses.paths,
  ];
  const paths = [...required, id, reference, defaultMetadata, compilePath(defaultResponses)];

  const metadataFrom = (record: Fields, reading: RowReading): JsonObject =>
    map.metadata === undefined
      ? metadataOf(valueAt(defaultMetadata, record), "metadata", reading)
      : Object.fromEntries(
          metadata.map(([name, path]) => [name, jsonOf(path.read(record), path.path, reading)]),
        );

  const draftFrom = (record: Fields, reading: RowReading): PromptDraft => {
    const messages = promptMessages(requiredAt(prompt, record), prompt.path, options, reading);
    const toolsValue = valueAt(tools, record);
    const pictures = images ? imagesOf(valueAt(images, record), images.path) : [];
    if (images && reading.imageParts > 0 && reading.imageParts !== pictures.length) {
      throw new RowProblem(
        `the prompt has ${reading.imageParts} image parts and the row ${pictures.length} images.`,
        "give one image for each image part, in the same order.",
        images.path,
      );
    }
    const ownId = scalarOf(valueAt(id, record), id.path, "the id", reading);
    if (ownId === "") throw new RowProblem("the id is empty.", "give every group an id of its own.", id.path);
    return {
      id: ownId,
      prompt: {
        messages,
        reference: scalarOf(valueAt(reference, record), reference.path, "the reference", reading),
        ...(tools && toolsValue !== null && { tools: jsonText(toolsValue, tools.path, "tools", reading) }),
        ...(images && { images: pictures }),
        metadata: metadataFrom(record, reading),
      },
      siblingId: sibling
        ? scalarOf(valueAt(sibling, record), sibling.path, "the sibling's id", reading)
        : null,
    };
  };

  const keyFrom = (record: Fields, reading: RowReading): string | null =>
    key ? scalarOf(requiredAt(key, record), key.path, "the group's key", reading) : null;

  return {
    required,
    keep: (column) => paths.some((path) => path.startsAt(column)),
    map: (row) => {
      if (row.kind === "bad") return { kind: "bad", problem: row.problem, fix: row.fix, place: row.place };
      const reading: RowReading = { replaced: 0, imageParts: 0, textual };
      try {
        const mapped = {
          key: keyFrom(row.record, reading),
          draft: draftFrom(row.record, reading),
          responses: responses.read(row.record, reading),
        };
        return {
          kind: "mapped",
          ...mapped,
          place: row.place,
          at: row.at,
          replacedSurrogates: reading.replaced,
        };
      } catch (error) {
        if (!(error instanceof RowProblem)) throw error;
        const place = error.column === undefined ? row.place : { ...row.place, column: error.column };
        return { kind: "bad", problem: error.message, fix: error.fix, place };
      }
    },
  };
}

/**
 * Settles the ids. Those of the responses are hashed when first looked at: of the passes over an input only one needs
 * them, and they cost as much as reading the row.
 */
export function toGroup({ id, prompt, siblingId }: PromptDraft, responses: readonly ResponseDraft[]): Group {
  const ownId = id ?? contentId(prompt);
  let ids: readonly string[] | null = null;
  const idAt = (index: number): string => {
    ids ??= responseIds(
      ownId,
      responses.map(({ text }) => text),
    );
    return ids[index] as string;
  };
  return {
    prompt: { id: ownId, ...prompt },
    responses: responses.map((response, index) => withLazyId(response, idAt, index)),
    ...(siblingId !== null && { siblingId }),
  };
}

class Itself {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: so that `LazyId` can add private fields to a plain object.
    return object;
  }
}

/** Where a response's id comes from: private fields of a plain object, which no copy and no comparison sees. */
class LazyId extends Itself {
  readonly #idAt: (index: number) => string;
  readonly #index: number;

  constructor(object: object, idAt: (index: number) => string, index: number) {
    super(object);
    this.#idAt = idAt;
    this.#index = index;
  }

  // One getter for all responses: with one each, the engine gives up its quick form for them, at twice the cost of mapping.
  static readonly property = {
    enumerable: true,
    configurable: true,
    get(this: LazyId): string {
      return this.#idAt(this.#index);
    },
  };
}

function withLazyId(
  response: ResponseDraft,
  idAt: (index: number) => string,
  index: number,
): SampledResponse {
  const settled = Object.defineProperty(new LazyId({}, idAt, index), "id", LazyId.property);
  return Object.assign(settled, response) as unknown as SampledResponse;
}

/** The hash of what the model sees. */
export function contentId({ messages, tools, images }: Omit<Prompt, "id">): string {
  return promptId({ messages, ...(tools !== undefined && { tools }), ...(images && { images }) });
}
