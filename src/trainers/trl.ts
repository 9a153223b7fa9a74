import type { TrainerAdapter } from "./trainer-adapter.ts";
import { preference, reward } from "./trl/preference.ts";
import { prompts } from "./trl/prompts.ts";
import { stepwise } from "./trl/stepwise.ts";
import { unpaired } from "./trl/unpaired.ts";

/**
 * Hugging Face TRL 1.13.
 *
 * Facts from its dataset_formats page, trainer/{dpo,kto,reward,grpo}_trainer.py and experimental/{cpo,prm}; every layout is loaded
 * and trained on for a step by TRL itself in test/long/trainers-trl.test.ts. Conversations hold roles and contents alone: tool
 * calls are objects to chat templates, with arguments of any shape, which a Parquet struct cannot hold for every row.
 * Records with images are left out unless DPO and KTO rows are asked for them: see trl/image-turns.ts.
 */
export const trl: TrainerAdapter = {
  name: "trl",
  title: "TRL",
  layouts: { preference, unpaired, prompts, stepwise, reward },
};
