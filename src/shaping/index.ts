import { definition as clip } from "./clip.ts";
import { definition as minMax } from "./min-max.ts";
import { definition as rank } from "./rank.ts";
import { definition as sigmoid } from "./sigmoid.ts";
import { definition as standardize } from "./standardize.ts";
import type { TransformDefinition } from "./transform.ts";

const definitions: readonly TransformDefinition[] = [clip, minMax, rank, sigmoid, standardize];

/** Every transform, by the name a recipe uses. A new one is a file beside this and a line above. */
export const transforms: Readonly<Record<string, TransformDefinition>> = Object.fromEntries(
  definitions.map((definition) => [definition.name, definition]),
);
