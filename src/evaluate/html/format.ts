import type { Interval, Metric } from "../report.ts";
import { html, type Markup, type Part } from "./markup.ts";

/** Stands where there is no number. */
export const NONE = "–";

/** 12345 -> 12,345 */
export function count(value: number): string {
  return Number.isFinite(value) ? value.toLocaleString("en-US") : NONE;
}

/** 0.8421 -> 84.2 % */
export function percent(share: number | null): string {
  return isKnown(share) ? `${fixed(100 * share, 1)}\u00a0%` : NONE;
}

/** A confidence level: 0.95 -> 95 % */
export function level(share: number): string {
  return `${plain(100 * share)}\u00a0%`;
}

/** A number of a preset, in its unit. */
export function inUnit(value: number | null, unit: Metric["unit"]): string {
  if (!isKnown(value)) return NONE;
  if (unit === "share") return percent(value);
  return fixed(value, unit === "points" ? 2 : 3);
}

/** 0.81, 0.87 -> 81.0–87.0; numbers that may be negative are put apart by "to". */
export function intervalIn(interval: Interval | null, unit: Metric["unit"]): string {
  if (interval === null || !interval.every(isKnown)) return "";
  const [low, high] = interval.map((end) =>
    unit === "share" ? fixed(100 * end, 1) : fixed(end, unit === "points" ? 2 : 3),
  );
  return interval[0] < 0 ? `${low} to ${high}` : `${low}–${high}`;
}

/** A difference of two shares, in points of per cent, with its sign. */
export function difference(value: number | null): string {
  if (!isKnown(value)) return NONE;
  const text = fixed(100 * value, 1);
  return Number(text) > 0 ? `+${text}` : text;
}

/** p as papers write it. */
export function pValue(value: number): string {
  if (!Number.isFinite(value)) return NONE;
  return value < 0.001 ? "< 0.001" : value.toFixed(3);
}

/** A number on an axis or among settings: no more digits than it has, at most four decimals. */
export function plain(value: number): string {
  return Number.isFinite(value)
    ? fixed(value, 4)
        .replace(/(\.\d*?)0+$/, "$1")
        .replace(/\.$/, "")
    : NONE;
}

/** 2_500_000 -> 2.5 MB */
export function bytes(size: number): string {
  if (!(size >= 1000)) return `${count(size)} B`;
  const [unit, divisor] = size >= 1e9 ? ["GB", 1e9] : size >= 1e6 ? ["MB", 1e6] : ["kB", 1e3];
  return `${fixed(size / Number(divisor), 1)} ${unit}`;
}

function fixed(value: number, decimals: number): string {
  // The minus sign is the width of a digit; and a rounded zero has none.
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

export function isKnown(value: number | null | undefined): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** A text of at most `limit` code points: the middle of a longer one is left out, since names differ at their ends. */
export function cutMiddle(text: string, limit: number): string {
  if (text.length <= limit) return text;
  if (text.length <= 2 * limit && Array.from(text).length <= limit) return text;
  const [head, tail] = [Math.ceil((limit - 1) / 2), Math.floor((limit - 1) / 2)];
  const first = Array.from(text.slice(0, 2 * limit)).slice(0, head);
  const last = tail === 0 ? [] : Array.from(text.slice(-2 * limit)).slice(-tail);
  return `${first.join("")}…${last.join("")}`;
}

const NAME_LIMIT = 120;
/** Of a name that stood in full above, and comes again and again. */
export const AGAIN = 56;

/** Somebody's name for something, kept from changing the direction of what stands around it; a long one is cut. */
export function named(name: string, limit = NAME_LIMIT): Markup {
  return html`<bdi>${cutMiddle(name, limit)}</bdi>`;
}

/** "a, b and c" */
export function listed(parts: readonly Part[]): Part[] {
  return parts.flatMap((part, index): Part[] => {
    if (index === 0) return [part];
    return [index === parts.length - 1 ? " and " : ", ", part];
  });
}
