import { Agent, request } from "undici";
import type { RunConfig } from "./run-directory.ts";

const ANSWER_MS = 2000;

/**
 * The reward servers of a training that do not answer, each with why, in the order given: the client would wait minutes for
 * them without a word. An answer of any kind counts: who may ask is seen by the first question.
 */
export async function silentServers(
  reward: RunConfig["reward"],
): Promise<readonly { readonly url: string; readonly why: string }[]> {
  if (reward === null) return [];
  // `fetch` would call some ports bad that a server may well have.
  const dispatcher = new Agent({ connect: { timeout: ANSWER_MS } });
  try {
    const found = await Promise.all(
      reward.url.split(",").map(async (url) => ({ url, why: await whySilent(url, dispatcher) })),
    );
    return found.flatMap(({ url, why }) => (why === null ? [] : [{ url, why }]));
  } finally {
    await dispatcher.destroy();
  }
}

async function whySilent(url: string, dispatcher: Agent): Promise<string | null> {
  try {
    const { body } = await request(`${url.replace(/\/+$/, "")}/healthz`, {
      dispatcher,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    await body.dump();
    return null;
  } catch (error) {
    if (!(error instanceof Error)) return String(error);
    if (error.name === "TimeoutError") return `no answer within ${ANSWER_MS / 1000} s`;
    return (error as NodeJS.ErrnoException).code ?? error.message;
  }
}
