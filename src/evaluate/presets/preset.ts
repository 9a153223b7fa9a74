import type { GoldItem, ItemResult, Judgement, ScorerView } from "../gold.ts";
import type { Layout } from "../layout.ts";
import type { Curve, Metric, PresetName } from "../report.ts";

/** A benchmark: how its files are laid out, what an item earns, and which numbers are made of that. One file each. */
export interface Preset {
  readonly name: PresetName;
  /** For the report: how rows are read and scored, and where that is known from. */
  readonly protocol: string;
  readonly layout: Layout;
  /** `generative`: what the benchmark gives a judge for a verdict that could not be read (and for a tie, where it does). */
  judge(item: GoldItem, result: ItemResult, generative: boolean): Judgement;
  /** One order's verdict counts where the other one could not be read. */
  countsEachOrder?: true;
  metrics(view: ScorerView): readonly Metric[];
  curves?(view: ScorerView): readonly Curve[];
}

/** A metric with the fields that most have. */
export function metric(given: Pick<Metric, "items" | "key" | "label" | "value"> & Partial<Metric>): Metric {
  return { interval: null, unit: "share", headline: false, note: null, ...given };
}
