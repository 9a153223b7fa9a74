import { PrefkitError } from "../src/core/errors.ts";
import { suggestion } from "../src/core/nearest.ts";
import { distilabel } from "./distilabel.ts";
import { distilabelDpo } from "./distilabel-dpo.ts";
import { helpsteer2 } from "./helpsteer2.ts";
import { helpsteer2Preference } from "./helpsteer2-preference.ts";
import { hhRlhf } from "./hh-rlhf.ts";
import type { Importer } from "./importer.ts";
import { psychocounselPreference } from "./psychocounsel-preference.ts";
import { rewardbench } from "./rewardbench.ts";
import { ultrafeedback } from "./ultrafeedback.ts";
import { ultrafeedbackBinarized } from "./ultrafeedback-binarized.ts";

/** Every public layout that can be imported. */
export const importers: readonly Importer[] = [
  ultrafeedback,
  ultrafeedbackBinarized,
  helpsteer2,
  helpsteer2Preference,
  psychocounselPreference,
  hhRlhf,
  rewardbench,
  distilabel,
  distilabelDpo,
];

/** Throws `unknown_name`. */
export function importerNamed(name: string): Importer {
  const found = importers.find((importer) => importer.name === name);
  if (found) return found;
  throw new PrefkitError(
    "unknown_name",
    `there is no layout "${name}".`,
    suggestion(
      name,
      importers.map((importer) => importer.name),
    ),
  );
}
