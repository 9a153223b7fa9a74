import { PrefkitError } from "../../core/errors.ts";
import { canonicalJson } from "../../core/ids.ts";
import type { Json, JsonObject } from "../../core/types.ts";
import type { RunConfig } from "./run-directory.ts";
import { TRL_CHOICES } from "./settings.ts";

/** Fields of the TRL config that may differ when a training goes on: how long, how often saved, what is logged. */
const FREE = new Set([
  "max_steps",
  "num_train_epochs",
  "save_steps",
  "save_total_limit",
  "logging_steps",
  "report_to",
]);

/** Throws `plan_changed`, naming what differs, when a training is resumed with other settings or data than it was begun with. */
export function requireSamePlan(before: RunConfig, now: RunConfig): void {
  const differing = differences(before, now);
  const [first] = differing;
  if (first === undefined) return;
  throw new PrefkitError(
    "plan_changed",
    `the training was begun with ${first.name} ${shown(first.before)}, and now ${first.name} is ${shown(first.now)}${
      differing.length > 1 ? ` (and ${differing.length - 1} more)` : ""
    }.`,
    "give what it was begun with, or --force to start over.",
  );
}

interface Difference {
  readonly name: string;
  readonly before: Json;
  readonly now: Json;
}

function differences(before: RunConfig, now: RunConfig): Difference[] {
  const [old, fresh] = [comparable(before), comparable(now)];
  return [...new Set([...Object.keys(old), ...Object.keys(fresh)])]
    .filter((name) => canonicalJson(old[name] ?? null) !== canonicalJson(fresh[name] ?? null))
    .map((name) => ({ name, before: old[name] ?? null, now: fresh[name] ?? null }));
}

function comparable({ method, model, data, trainer, lora, reference, processes }: RunConfig): JsonObject {
  // Configs of before these were said have what TRL chose.
  const said = { ...TRL_CHOICES[method], ...trainer };
  const settings = Object.fromEntries(Object.entries(said).filter(([name]) => !FREE.has(name)));
  return {
    method,
    model,
    "the dataset's plan": data.planId,
    "the export's options": data.options,
    "the rows' sha256": Object.values(data.hashes).sort(),
    "the reference's log-probs": reference === null ? null : [reference.name, reference.source],
    lora,
    processes,
    ...settings,
  };
}

function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}
