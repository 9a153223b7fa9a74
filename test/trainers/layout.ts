import type {
  ExportKind,
  ExportLayout,
  SourceFacts,
  TrainerAdapter,
} from "../../src/trainers/trainer-adapter.ts";
import { NO_EXTRAS } from "./pair-record.ts";

/** A layout with its options checked, as an export makes it. */
export function layoutOf<From extends ExportLayout["from"]>(
  trainer: TrainerAdapter,
  kind: ExportKind,
  from: From,
  options: Readonly<Record<string, unknown>> = {},
  facts: SourceFacts = NO_EXTRAS,
): Extract<ExportLayout, { from: From }> {
  const definition = trainer.layouts[kind];
  if (!definition) throw new Error(`${trainer.name} has no ${kind}`);
  const layout = definition.create(definition.options.parse(options), facts);
  if (layout.from !== from) throw new Error(`${kind} is made from ${layout.from}`);
  return layout as Extract<ExportLayout, { from: From }>;
}
