import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TrainSettings } from "../../../src/trainers/train/index.ts";
import { TRAIN_REQUIREMENTS } from "../../../src/trainers/train/index.ts";

export const VERSIONS: Readonly<Record<string, string | null>> = { python: "3.11.7", ...TRAIN_REQUIREMENTS };

export function settingsOf(change: Partial<TrainSettings> = {}): TrainSettings {
  return {
    ...{ method: "simpo", model: "some/model", loraRank: null, processes: 1 },
    ...{ saveEvery: 100, seed: 0, set: {} },
    ...change,
  };
}

/**
 * A program that stands in for Python: it answers `--versions`, and otherwise runs `body`, a piece of JavaScript that has `config`
 * (what the run's config.json says), `run` (its directory), `say(event)`, `nextLine()` (of stdin) and `files` (node:fs).
 */
export async function fakePython(
  directory: string,
  body: string,
  versions: Readonly<Record<string, string | null>> = VERSIONS,
): Promise<string> {
  const path = join(directory, "python");
  await writeFile(
    path,
    `#!${process.execPath}
const files = require("node:fs");
const { dirname } = require("node:path");
const mark = (value) => process.stdout.write("@prefkit " + JSON.stringify(value) + "\\n");
const last = process.argv.at(-1);
if (last === "--versions") {
  mark(${JSON.stringify(versions)});
  process.exit(0);
}
const config = JSON.parse(files.readFileSync(last, "utf8"));
const run = dirname(last);
const say = (event, fields) => mark({ event, ...fields });
const lines = require("node:readline").createInterface({ input: process.stdin });
const waiting = [];
lines.on("line", (line) => waiting.shift()?.(line));
const nextLine = () => new Promise((resolve) => waiting.push(resolve));
const start = (fields = {}) => say("start", { versions: ${JSON.stringify(versions)}, processes: 1, device: "cpu", rows: 2, kept: 2, truncated: 0, ...fields });
const log = (step, of, metrics) => say("log", { step, of, epoch: step / of, seconds: step, metrics, not_finite: [] });
const checkpoint = (step, state = { global_step: step }) => {
  files.mkdirSync(run + "/checkpoints/checkpoint-" + step, { recursive: true });
  files.writeFileSync(run + "/checkpoints/checkpoint-" + step + "/trainer_state.json", typeof state === "string" ? state : JSON.stringify(state));
};
(async () => {
${body}
})().then(() => process.exit(process.exitCode ?? 0));
`,
  );
  await chmod(path, 0o755);
  return path;
}

/** Four steps, a checkpoint after the second and the last; from where config.resume says. */
export const WHOLE_TRAINING = `
  start();
  const from = config.resume ? Number(config.resume.split("-")[1]) : 0;
  console.log("talk of the libraries");
  for (let step = from + 1; step <= 4; step++) {
    log(step, 4, { loss: 1 / step, "rewards/margins": step });
    if (step % 2 === 0) checkpoint(step);
  }
  say("summary", { metrics: { train_loss: 0.5 } });
  say("end", { kind: "done", step: 4, of: 4 });
`;
