import { CallFailure } from "../core/errors.ts";
import { UNITS } from "./money.ts";
import { createQueue, type Place } from "./queue.ts";
import { memoryLedger, type SpendingLedger } from "./spending-ledger.ts";

/** Money set aside for one try. Exactly one of the two is called, once. */
export interface Reservation {
  /** Notes it in the ledger; the request may leave now. Throws `io`. */
  begin(): void;
  /** What the try really cost, in units; the rest is free again. 0: nothing was sent, or nothing is billed. */
  settle(cost: number): void;
}

/** In units of a billionth of the currency. */
export interface BudgetState {
  readonly maxCost: number;
  readonly spent: number;
  readonly reserved: number;
}

/**
 * A limit on money: every try reserves the most that it can cost before it is sent, so that what is spent and what is
 * reserved together never exceed the limit, as long as no server bills more than was reserved.
 */
export interface Budget {
  /**
   * Sets money aside. Where it does not fit beside what others hold, waits for them, first come first served; when nobody
   * holds any and it still does not fit, throws (or rejects with) `CallFailure` "budget", as every later call then does.
   * A wait is left by the place's `leave`.
   */
  reserve(amount: number, place: Place): Reservation | Promise<Reservation>;
  state(): BudgetState;
  close(): void;
}

export interface BudgetOptions {
  /** In the currency of the prices. */
  readonly maxCost: number;
  /** What was spent before, over restarts of one run. Default: nothing, and nothing is kept. */
  readonly ledger?: SpendingLedger;
  /** Called once, when a call does not fit any more. */
  readonly onExhausted?: () => void;
}

interface Waiting {
  readonly amount: number;
  readonly resolve: (reservation: Reservation) => void;
  readonly reject: (failure: CallFailure) => void;
}

export function createBudget({ maxCost, ledger = memoryLedger(), onExhausted }: BudgetOptions): Budget {
  const limit = Math.floor(maxCost * UNITS);
  let spent = ledger.spentBefore;
  let reserved = 0;
  let holders = 0;
  let exhausted = false;
  const waiting = createQueue<Waiting>();
  let arrivals = 0;

  const failure = (): CallFailure =>
    new CallFailure(
      "budget",
      `another call might cost more than the budget of ${maxCost} leaves: ${spent / UNITS} is spent.`,
    );

  const exhaust = (): void => {
    if (exhausted) return;
    exhausted = true;
    onExhausted?.();
  };

  const take = (amount: number): Reservation => {
    reserved += amount;
    holders += 1;
    let id: string | null = null;
    return {
      begin: () => {
        id = ledger.reserve(amount);
      },
      settle: (cost) => {
        reserved -= amount;
        holders -= 1;
        spent += cost;
        try {
          if (id !== null) ledger.settle(id, cost);
        } finally {
          admit();
        }
      },
    };
  };

  const fits = (amount: number): boolean => spent + reserved + amount <= limit;

  function admit(): void {
    for (let link = waiting.first(); link !== null; link = waiting.first()) {
      const next = link.item;
      if (!exhausted && fits(next.amount)) {
        waiting.take();
        next.resolve(take(next.amount));
        continue;
      }
      if (!exhausted && holders > 0) return;
      exhaust();
      waiting.take();
      next.reject(failure());
    }
  }

  return {
    reserve: (amount, place) => {
      if (exhausted) throw failure();
      if (waiting.first() === null) {
        if (fits(amount)) return take(amount);
        if (holders === 0) {
          exhaust();
          throw failure();
        }
      }
      return new Promise((resolve, reject) => {
        const leave = waiting.add({ amount, resolve, reject }, arrivals++);
        place.onLeave = () => {
          leave();
          reject(new CallFailure("cancelled", "the call was cancelled while it waited for the budget."));
          admit();
        };
      });
    },
    state: () => ({ maxCost: limit, spent, reserved }),
    close: () => ledger.close(),
  };
}
