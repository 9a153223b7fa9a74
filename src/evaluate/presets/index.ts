import type { PresetName } from "../report.ts";
import { groups } from "./groups.ts";
import { judgebench } from "./judgebench.ts";
import { pairs } from "./pairs.ts";
import { ppeCorrectness } from "./ppe-correctness.ts";
import { ppeHuman } from "./ppe-human.ts";
import type { Preset } from "./preset.ts";
import { rewardbench } from "./rewardbench.ts";
import { rewardbench2 } from "./rewardbench2.ts";

export const presets: Readonly<Record<PresetName, Preset>> = {
  pairs,
  groups,
  rewardbench,
  rewardbench2,
  judgebench,
  "ppe-human": ppeHuman,
  "ppe-correctness": ppeCorrectness,
};
