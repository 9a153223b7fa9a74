import { readFile } from "node:fs/promises";

/** As exports and runs name the file. */
export const REWARD_CLIENT_FILE = "prefkit_reward.py";

/**
 * The Python client of the reward server, as text: a TRL reward function, verl's `compute_score`, an ms-swift plug-in and
 * OpenRLHF's `reward_func` in one file of the standard library. Exports put it beside their data.
 */
export function rewardClientSource(): Promise<string> {
  return readFile(new URL(`./python/${REWARD_CLIENT_FILE}`, import.meta.url), "utf8");
}
