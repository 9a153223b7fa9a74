import { definition as advantage } from "./advantage.ts";
import { definition as affine } from "./affine.ts";
import { definition as arctan } from "./arctan.ts";
import { definition as aspects } from "./aspects.ts";
import { definition as centered } from "./centered.ts";
import { definition as clip } from "./clip.ts";
import { definition as crf } from "./crf.ts";
import { definition as deviationClip } from "./deviation-clip.ts";
import { definition as fittedPolynomial } from "./fitted-polynomial.ts";
import { definition as hybrid } from "./hybrid.ts";
import { definition as lengthPenalty } from "./length-penalty.ts";
import { definition as logSigmoidCentered } from "./log-sigmoid-centered.ts";
import { definition as minMax } from "./min-max.ts";
import { definition as overallRepair } from "./overall-repair.ts";
import { definition as par } from "./par.ts";
import { definition as processShaping } from "./process-shaping.ts";
import { definition as rank } from "./rank.ts";
import { definition as relativeLength } from "./relative-length.ts";
import { definition as sigmoid } from "./sigmoid.ts";
import { definition as softOverlong } from "./soft-overlong.ts";
import { definition as standardize } from "./standardize.ts";
import { definition as tanh } from "./tanh.ts";
import type { TransformDefinition } from "./transform.ts";

const definitions: readonly TransformDefinition[] = [
  advantage,
  affine,
  arctan,
  aspects,
  centered,
  clip,
  crf,
  deviationClip,
  fittedPolynomial,
  hybrid,
  lengthPenalty,
  logSigmoidCentered,
  minMax,
  overallRepair,
  par,
  processShaping,
  rank,
  relativeLength,
  sigmoid,
  softOverlong,
  standardize,
  tanh,
];

/** Every transform, by the name a recipe uses. A new one is a file beside this and a line above. */
export const transforms: Readonly<Record<string, TransformDefinition>> = Object.fromEntries(
  definitions.map((definition) => [definition.name, definition]),
);
