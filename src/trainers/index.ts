import { PrefkitError } from "../core/errors.ts";
import { suggestion } from "../core/nearest.ts";
import { axolotl } from "./axolotl.ts";
import { helpsteer2 } from "./helpsteer2.ts";
import { llamaFactory } from "./llama-factory.ts";
import { msSwift } from "./ms-swift.ts";
import { nemoRl } from "./nemo-rl.ts";
import { openrlhf } from "./openrlhf.ts";
import { rewardbench } from "./rewardbench.ts";
import type { TrainerAdapter } from "./trainer-adapter.ts";
import { trl } from "./trl.ts";
import { ultrafeedback } from "./ultrafeedback.ts";
import { verl } from "./verl.ts";

/** Every layout that prefkit exports to: trainers first, then layouts of public datasets. */
export const trainers: readonly TrainerAdapter[] = [
  trl,
  openrlhf,
  verl,
  llamaFactory,
  axolotl,
  msSwift,
  nemoRl,
  rewardbench,
  ultrafeedback,
  helpsteer2,
];

/** The adapter of a name as in `--for`. Throws `unknown_name`, with the names there are. */
export function trainerNamed(name: string): TrainerAdapter {
  const found = trainers.find((trainer) => trainer.name === name);
  if (found) return found;
  const names = trainers.map((trainer) => trainer.name);
  throw new PrefkitError("unknown_name", `no trainer is called "${name}".`, suggestion(name, names));
}
