import { randomFor } from "../../src/core/random.ts";
import type { Failed, Group, ScoreContext } from "../../src/core/types.ts";
import { bounded } from "../../src/judging/bounded.ts";
import { type Canary, canaryFor } from "../../src/judging/canaries.ts";
import { guarded } from "../../src/judging/guard.ts";
import {
  type CompareSettings,
  type Contest,
  judgeOrder,
  type OrderVerdicts,
} from "../../src/judging/pairwise/compare.ts";
import { reconcile } from "../../src/judging/pairwise/reconcile.ts";
import { type Match, tournament } from "../../src/judging/tournament.ts";
import type { ChatModel } from "../../src/models/ports.ts";
import { type Contender, visiblePrompt } from "../support/contenders.ts";
import { type Settings, temperatureOf } from "./options.ts";

/** A comparison as it was judged. */
export interface Game extends Match {
  /** With i first, and with j first; null where that order was not asked for. */
  readonly ahead: OrderVerdicts | null;
  readonly behind: OrderVerdicts | null;
  /** What i won, in [0, 1]; null when it could not be read. */
  readonly won: number | null;
}

type Order = "ahead" | "behind";

/** Of one group: the questions of all pairs of a large one would fill the memory. */
const MATCHES_AT_ONCE = 64;

/**
 * Plays the tournament that the options plan. A round's matches are asked for in their order, some at once, and all calls have ended when this returns. The first
 * match whose calls failed ends it, since what the others come to would depend on the day.
 */
export async function playTournament(
  judge: ChatModel,
  group: Group,
  contenders: readonly Contender[],
  settings: Settings,
  context: ScoreContext,
): Promise<readonly Game[] | Failed> {
  const plan = randomFor(context.seed, "pairwise-judge plan", group.prompt.id);
  const rounds = tournament(settings.plan, contenders, plan);
  const games: Game[] = [];
  const points = contenders.map(() => 0);
  const { reference, ...prompt } = visiblePrompt(group.prompt, settings);
  const about = { prompt, reference };
  for (;;) {
    const matches = rounds.nextRound(points);
    if (matches.length === 0) return games;
    const played = await bounded(matches, MATCHES_AT_ONCE, (match) =>
      playMatch(judge, about, contenders, match, settings, context),
    );
    const failure = played.find((game) => "kind" in game);
    if (failure && "kind" in failure) return failure;
    for (const game of played) {
      if ("kind" in game) continue;
      games.push(game);
      const won = game.won ?? 0.5;
      points[game.i] = (points[game.i] ?? 0) + won;
      points[game.j] = (points[game.j] ?? 0) + 1 - won;
    }
  }
}

async function playMatch(
  judge: ChatModel,
  about: Omit<Contest, "first" | "second">,
  contenders: readonly Contender[],
  { i, j }: Match,
  settings: Settings,
  context: ScoreContext,
): Promise<Game | Failed> {
  const [one, two] = [contenders[i], contenders[j]];
  const orders = ordersOf(settings, [one?.id ?? "", two?.id ?? ""], context.seed);
  const result = await judgeOrders(
    judge,
    about,
    [one?.shown ?? "", two?.shown ?? ""],
    orders,
    compareSettings(settings),
    context,
  );
  if ("kind" in result) return result;
  const { ahead, behind } = result;
  const won = reconcile(ahead?.tally ?? null, behind?.tally ?? null, settings.reconcile, settings.onUnread);
  return { i, j, ahead, behind, won };
}

/** The coin depends on the two responses and the seed, not on where these stand. */
function ordersOf({ orders }: Settings, ids: readonly [string, string], seed: number): readonly Order[] {
  if (orders === "both") return ["ahead", "behind"];
  if (orders === "one") return ["ahead"];
  const [low, high] = [...ids].sort();
  const lowFirst = randomFor(seed, "pairwise-judge order", low ?? "", high ?? "").below(2) === 0;
  return [lowFirst === (ids[0] === low) ? "ahead" : "behind"];
}

async function judgeOrders(
  judge: ChatModel,
  about: Omit<Contest, "first" | "second">,
  [one, two]: readonly [string, string],
  orders: readonly Order[],
  settings: CompareSettings,
  context: ScoreContext,
): Promise<Readonly<Record<Order, OrderVerdicts | null>> | Failed> {
  const judged = await Promise.all(
    orders.map((order) => {
      const [first, second] = order === "ahead" ? [one, two] : [two, one];
      return judgeOrder(judge, { ...about, first, second }, settings, context);
    }),
  );
  const failure = judged.find((verdicts) => verdicts.kind === "failed");
  if (failure?.kind === "failed") return failure;
  const of = (order: Order): OrderVerdicts | null => {
    const verdicts = judged[orders.indexOf(order)];
    return verdicts?.kind === "judged" ? verdicts : null;
  };
  return { ahead: of("ahead"), behind: of("behind") };
}

function compareSettings(settings: Settings): CompareSettings {
  return { ...settings, criteria: settings.criteria ?? null, temperature: temperatureOf(settings) };
}

/** The canary judged beside this prompt, if there is one. */
export function canaryOf({ canaries }: Settings, promptId: string): Canary | null {
  return canaries ? canaryFor(canaries.seed, promptId, canaries.share) : null;
}

/** Judges a canary as a response is judged, by one sample: 1 when the better answer won, 0 when not, null when unread or refused. */
export async function judgeCanary(
  judge: ChatModel,
  { id, prompt, better, worse }: Canary,
  settings: Settings,
  context: ScoreContext,
): Promise<number | null | Failed> {
  const shown = ([better, worse] as const).map((text) => guarded(text, settings).text);
  const result = await judgeOrders(
    judge,
    { prompt: { messages: [{ role: "user", content: prompt }] }, reference: null },
    [shown[0] ?? "", shown[1] ?? ""],
    ordersOf(
      { ...settings, orders: settings.orders === "one" ? "random" : settings.orders },
      [id, `${id} worse`],
      context.seed,
    ),
    { ...compareSettings(settings), samples: 1 },
    context,
  );
  // A server's filter that refuses a canary, which tries to talk the judge into something, says nothing about the group.
  if ("kind" in result) return result.code === "bad_request" ? null : result;
  const { ahead, behind } = result;
  const won = reconcile(ahead?.tally ?? null, behind?.tally ?? null, settings.reconcile, settings.onUnread);
  return won === null ? null : Number(won > 0.5);
}

/** Calls per comparison when every reply is read at once. */
export function callsPerMatch({ orders, samples }: Pick<Settings, "orders" | "samples">): number {
  return (orders === "both" ? 2 : 1) * samples;
}
