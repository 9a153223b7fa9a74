import pc from "picocolors";
import type { PlannedTraining, TrainOutcome, TrainSettings } from "../../../trainers/train/index.ts";
import { number } from "../../run-summary.ts";
import { visibleLine } from "../../visible.ts";

/** What a training will be, a line per setting: TRL's names, since those are what its documentation explains. */
export function settingsLines(settings: TrainSettings, planned: PlannedTraining): string[] {
  const { method, model, processes, reward } = settings;
  const { trainer, lora, rowsPerStep } = planned;
  const unit = method === "grpo" ? "completions" : "pairs";
  const ratio =
    method === "simpo" && typeof trainer.simpo_gamma === "number" && typeof trainer.beta === "number"
      ? [
          `  gamma / beta = ${Number((trainer.simpo_gamma / trainer.beta).toFixed(6))}, the authors' ratio; simpo_gamma is gamma`,
        ]
      : [];
  return [
    `${method} of ${visibleLine(model, 200)}: ${rowsPerStep} ${unit} a step, ${processes} process${processes === 1 ? "" : "es"}`,
    ...Object.entries(trainer).map(
      ([name, value]) => `  ${name} = ${visibleLine(JSON.stringify(value), 200)}`,
    ),
    ...ratio,
    ...(lora === null ? [] : [`  LoRA: ${JSON.stringify(lora)}`]),
    ...(reward === undefined ? [] : [`  rewarded by ${visibleLine(reward, 200)}`]),
  ];
}

/** How a training ended. */
export function outcomeLines(
  { kind, step, of, metrics, model, checkpoints, kept }: TrainOutcome,
  shown: string,
): string[] {
  const last = Object.entries(metrics)
    .filter(([name]) => ["loss", "reward", "rewards/margins", "rewards/accuracies"].includes(name))
    .map(([name, value]) => `${name} ${value === null ? "not a number" : Number(value.toFixed(6))}`);
  const place = visibleLine(shown, 300);
  return [
    `${pc.bold(place)}  ${kind === "done" ? "trained" : "stopped"} at step ${number(step)} of ${number(of)} on ${number(kept)} rows`,
    ...(last.length === 0 ? [] : [`  last step: ${last.join(", ")}`]),
    model === null
      ? `  the same command with --resume goes on from ${checkpoints.at(-1)?.path ?? "its first step"}`
      : `  model: ${place}/${model}   metrics by step: ${place}/metrics.jsonl`,
  ];
}
