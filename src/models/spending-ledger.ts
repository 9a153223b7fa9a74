import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { ioError } from "../core/errors.ts";

/** What a run has spent, over restarts. Amounts in billionths of the currency. */
export interface SpendingLedger {
  /** Spent before this start: settled amounts, and in full what was reserved and never settled. */
  readonly spentBefore: number;
  /** Written before the request leaves. Returns what to settle it by. Throws `io`; then nothing may be sent. */
  reserve(amount: number): string;
  settle(id: string, amount: number): void;
  close(): void;
}

/**
 * A ledger in an append-only file of JSON Lines: {"reserve": id, "amount": n}, later {"settle": id, "amount": n}. A line
 * is in the file when the call returns, so that a killed process loses none. A line cut short by a kill is passed over:
 * half a reservation never left, and a half settlement leaves its reservation to count in full.
 */
export function openSpendingLedger(path: string): SpendingLedger {
  const guarded = <T>(action: string, work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw ioError(action, path, error);
    }
  };
  const file = guarded("open", () => openSync(path, "a+"));
  const write = (line: string): void => {
    guarded("append to", () => {
      writeSync(file, line);
    });
  };
  const spentBefore = guarded("read", () => sumOf(readFileSync(path, "utf8")));
  if (guarded("read", () => endsTorn(file))) write("\n");
  // Ids of one start are not those of another.
  const start = randomBytes(6).toString("hex");
  let count = 0;
  return {
    spentBefore,
    reserve: (amount) => {
      const id = `${start}-${count++}`;
      write(`{"reserve":"${id}","amount":${amount}}\n`);
      return id;
    },
    settle: (id, amount) => write(`{"settle":"${id}","amount":${amount}}\n`),
    close: () => closeSync(file),
  };
}

/** A ledger that forgets when the process ends. */
export function memoryLedger(spentBefore = 0): SpendingLedger {
  return { spentBefore, reserve: () => "", settle: () => {}, close: () => {} };
}

function endsTorn(file: number): boolean {
  const { size } = fstatSync(file);
  if (size === 0) return false;
  const last = new Uint8Array(1);
  readSync(file, last, 0, 1, size - 1);
  return last[0] !== 0x0a;
}

function sumOf(text: string): number {
  const open = new Map<string, number>();
  let settled = 0;
  for (const line of text.split("\n")) {
    const entry = entryOf(line);
    if (entry === null) continue;
    if (entry.reserve !== undefined) open.set(entry.reserve, entry.amount);
    else if (entry.settle !== undefined && open.delete(entry.settle)) settled += entry.amount;
  }
  return [...open.values()].reduce((sum, amount) => sum + amount, settled);
}

function entryOf(line: string): { reserve?: string; settle?: string; amount: number } | null {
  try {
    const entry = JSON.parse(line) as { reserve?: string; settle?: string; amount: number };
    return Number.isSafeInteger(entry?.amount) ? entry : null;
  } catch {
    return null;
  }
}
