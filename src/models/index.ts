import { provider as fireworks } from "./fireworks.ts";
import { provider as huggingface } from "./huggingface.ts";
import { provider as local } from "./local.ts";
import { provider as openai } from "./openai.ts";
import type { ModelProvider } from "./provider.ts";
import { recordedProvider } from "./recorded.ts";
import { provider as rewardServer } from "./reward-server.ts";
import { provider as sglang } from "./sglang.ts";
import { provider as tgi } from "./tgi.ts";
import { provider as together } from "./together.ts";
import { provider as vllm } from "./vllm.ts";

/** Every provider a recipe may name. A new one is a file beside this one and a line here. */
export const providers: Readonly<Record<string, ModelProvider>> = {
  fireworks,
  huggingface,
  local,
  openai,
  recorded: recordedProvider(() => providers),
  "reward-server": rewardServer,
  sglang,
  tgi,
  together,
  vllm,
};
