import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { reasonOf } from "../core/errors.ts";
import { sha256 } from "../core/ids.ts";
import { isPath } from "../core/paths.ts";
import type { ModelNeed, ScorerDefinition } from "../core/scorer.ts";
import type { JsonObject } from "../core/types.ts";
import type { ModelPort, ModelPorts } from "../models/ports.ts";
import { portOf, type RunModel } from "./models.ts";

/** A model that an option of a scorer names. */
export interface NamedModel {
  readonly option: string;
  /** The option, and for a list the place in it: `judges.0`. */
  readonly place: string;
  readonly model: RunModel;
  readonly port: ModelPorts[ModelPort];
}

type Needs = ScorerDefinition["models"];

/** The models behind a scorer's options, by way of `find`, which gives null for an optional one that is not named. */
export function namedModels(
  needs: Needs,
  options: Readonly<Record<string, unknown>>,
  find: (need: ModelNeed, name: unknown, steps: readonly PropertyKey[]) => RunModel | null,
): readonly NamedModel[] {
  return Object.entries(needs).flatMap(([option, need]) =>
    namesIn(option, need, options[option]).flatMap(({ place, name, steps }) => {
      const model = find(need, name, steps);
      return model ? [{ option, place, model, port: portOf(model, need.port) }] : [];
    }),
  );
}

/** A list that is none is left for the schema to refuse. */
function namesIn(option: string, need: ModelNeed, given: unknown) {
  if (!need.list) return [{ place: option, name: given, steps: [option] }];
  if (!Array.isArray(given)) return [];
  return given.map((name: unknown, index) => ({
    place: `${option}.${index}`,
    name,
    steps: [option, index],
  }));
}

/** What `create` is given: by option the port, or the list of ports. */
export function portsByOption(needs: Needs, named: readonly NamedModel[]): Record<string, unknown> {
  const ports: Record<string, unknown> = {};
  for (const [option, need] of Object.entries(needs)) {
    const given = named.filter((model) => model.option === option).map(({ port }) => port);
    if (need.list) ports[option] = given;
    else if (given[0] !== undefined) ports[option] = given[0];
  }
  return ports;
}

/**
 * Where the files are that options name, and a hash of what is in each, by option and by path. `fail` makes the error of one
 * that cannot be read.
 */
export async function namedFiles(
  names: readonly string[],
  options: Readonly<Record<string, unknown>>,
  directory: string,
  fail: (option: string, why: string) => Error,
): Promise<{
  readonly paths: Readonly<Record<string, string>>;
  readonly hashes: JsonObject;
  readonly planned: Readonly<Record<string, string>>;
}> {
  const planned: Record<string, string> = {};
  const paths: Record<string, string> = {};
  const hashes: Record<string, string> = {};
  for (const option of names) {
    const given = options[option];
    if (typeof given !== "string" || !isPath(given)) continue;
    const path = resolve(directory, given);
    try {
      planned[path] = sha256(await readFile(path)).slice(0, 16);
      hashes[option] = planned[path];
    } catch (error) {
      throw fail(option, `the file ${given} cannot be read: ${reasonOf(error)}.`);
    }
    paths[option] = path;
  }
  return { paths, hashes, planned };
}
