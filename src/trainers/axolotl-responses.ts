import { extrasFault, plainFault } from "./layout-support.ts";
import type { PromptRecord } from "./message-rows.ts";

/**
 * What templates put around a conversation of the user turn "[[dummy_message]]": axolotl renders each response behind that turn,
 * looks for the first place where the response's text stands, and takes all from there. A response that stands earlier, in the
 * turn or in what the template writes by itself, would begin there.
 */
const BEFORE_A_RESPONSE = [
  "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n<|im_start|>user\n[[dummy_message]]<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
  "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n",
  "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n[[dummy_message]]<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
  "<bos><start_of_turn>user\n[[dummy_message]]<end_of_turn>\n<start_of_turn>model\n",
  "<s>[INST] [[dummy_message]] [/INST] ",
  "<|system|>\n</s>\n<|user|>\n[[dummy_message]]<|end|>\n<|assistant|>\n",
];

/** Why axolotl 0.19 would not find a response's text again after rendering, or null when it would. */
export function lostResponseFault(text: string, keepsEdges: boolean): string | null {
  if (text === "") return "a response is empty, and axolotl would put the whole conversation in its place";
  if (!keepsEdges && text !== text.trim())
    return "a response begins or ends with white space, and axolotl loses it under templates that trim (option edges)";
  return BEFORE_A_RESPONSE.some((head) => head.includes(text))
    ? "a response is so short that axolotl finds it before its place in common chat templates"
    : null;
}

/** Why none of axolotl's strategies can take a prompt, or null when it can. */
export function promptFault(record: PromptRecord): string | null {
  if (record.messages.some(({ role }) => role === "developer"))
    return "it has a developer turn, a role that axolotl does not know";
  return plainFault(record.messages) ?? extrasFault(record);
}
