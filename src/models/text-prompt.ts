import type { LocatedTurn, RenderedTurn } from "./ports.ts";
import { requireIds } from "./prompt-logprobs.ts";
import type { TurnTokenizer } from "./tokenizer.ts";

/**
 * The text to send to a server that tokenizes it, and adds a BOS token where the tokenizer does so: without the BOS token that
 * the template wrote, when the tokenizer adds one.
 */
export function textWithoutBos({ text }: RenderedTurn, { addsBos, bosToken }: TurnTokenizer): string {
  const own = addsBos && bosToken !== null && text.startsWith(bosToken) ? text.slice(bosToken.length) : text;
  return own.toWellFormed();
}

/**
 * Items of the server's tokens that stand for ours, given the ids it counted. Equal ids; or a single BOS token in front that ours
 * do not have, which is left out (the log-probs are then those after a BOS). Else `tokens_differ`.
 */
export function alignedItems<Item>(
  where: string,
  items: readonly Item[],
  idOf: (item: Item) => unknown,
  { ids }: LocatedTurn,
  { bosToken, idOf: idOfText }: TurnTokenizer,
): readonly Item[] {
  const bos = bosToken === null ? null : idOfText(bosToken);
  const first = items[0];
  const extra =
    items.length === ids.length + 1 &&
    first !== undefined &&
    bos !== null &&
    idOf(first) === bos &&
    ids[0] !== bos;
  const own = extra ? items.slice(1) : items;
  requireIds(where, own.map(idOf), ids);
  return own;
}
