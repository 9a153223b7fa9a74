import { z } from "zod";
import { PrefkitError } from "../core/errors.ts";
import type { Json } from "../core/types.ts";
import type { TransformContext } from "./transform.ts";

/** 0.07 of 100 values is the seventh, although 0.07 * 100 is a little more than 7 in doubles. */
const ROUNDING = 1e-12;
/** Bins 0.001 wide over [0, 1]; the last one holds exactly 1. */
const BINS = 1000;

const binsSchema = z.array(z.int().min(0)).length(BINS + 1);

export function emptyBins(): readonly number[] {
  return new Array<number>(BINS + 1).fill(0);
}

/** The bin of a value in [0, 1]. A bin's lower edge belongs to it, also where the product is rounded down below it. */
export function binOf(value: number): number {
  const bin = Math.floor(value * BINS);
  return (bin + 1) / BINS <= value ? bin + 1 : bin;
}

export function joinBins(first: readonly number[], second: readonly number[]): readonly number[] {
  return first.map((count, bin) => count + (second[bin] ?? 0));
}

/** Throws `damaged_file` for JSON that holds no counts. */
export function thawBins(transform: string, json: Json): readonly number[] {
  const read = binsSchema.safeParse(json);
  if (read.success) return read.data;
  throw new PrefkitError(
    "damaged_file",
    `${transform} got statistics of the run that are not ${BINS + 1} counts.`,
    "give those of the run's own run.json, or run the combine step again.",
  );
}

/**
 * The lower edge of the bin that holds the nearest-rank quantile of the run's values: at most that share of them lies below.
 *
 * Worked: counts 1 at 0.2, 1 at 0.5, 2 at 0.9; quantile 0.5 of 4 is the second -> 0.5; quantile 0 -> 0.2; 0.75 -> 0.9.
 * Throws: `need_unmet` without the run's statistics, or when they hold no value.
 */
export function quantileOf(transform: string, quantile: number, { group, run }: TransformContext): number {
  const counts = run === undefined ? [] : thawBins(transform, run);
  const total = counts.reduce((sum, count) => sum + count, 0);
  let left = Math.max(1, Math.ceil(quantile * total - ROUNDING * total));
  const bin = counts.findIndex((count) => {
    left -= count;
    return left <= 0;
  });
  if (bin >= 0) return bin / BINS;
  throw new PrefkitError(
    "need_unmet",
    `${transform} with etaQuantile got ${run === undefined ? "no statistics of the run" : "statistics without a step value"}.`,
    "give the frozen statistics of a finished run (run.json keeps them), or set eta.",
    { place: { promptId: group.prompt.id } },
  );
}
