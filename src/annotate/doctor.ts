import { join } from "node:path";
import { PrefkitError, reasonOf } from "../core/errors.ts";
import { type Files, writeWhole } from "../core/files.ts";
import { canonicalJson, contentHash } from "../core/ids.ts";
import type { Finding } from "../models/provider.ts";
import type { ModelSet, RunModel } from "./models.ts";

/** What a look at one model's endpoint brought. */
export interface ModelCheckup {
  /** The recipe's name of the model. */
  readonly model: string;
  readonly provider: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly findings: readonly Finding[];
  /** Checks whose value was another one the last time, in words. */
  readonly changes: readonly string[];
}

/** Looks at every model, one after the other, and keeps what was found for the runs to come. */
export async function checkModels(
  models: ModelSet,
  setup: {
    readonly files: Files;
    readonly cacheDirectory: string;
    readonly signal: AbortSignal;
    readonly onModel?: (model: string) => void;
  },
): Promise<ModelCheckup[]> {
  const checkups: ModelCheckup[] = [];
  for (const model of models.values()) {
    setup.onModel?.(model.key);
    const findings = await probe(model, setup.signal);
    const before = await readCheckup(setup.files, setup.cacheDirectory, model);
    const checkup: ModelCheckup = {
      model: model.key,
      provider: model.provider.name,
      at: new Date().toISOString(),
      findings,
      changes: before ? changesSince(before, findings) : [],
    };
    const path = checkupPath(setup.cacheDirectory, model);
    await setup.files.makeDirectory(join(setup.cacheDirectory, "doctor"));
    await writeWhole(setup.files, path, `${JSON.stringify(checkup, null, 2)}\n`);
    checkups.push(checkup);
  }
  return checkups;
}

/**
 * What earlier looks at these models mean for a run: throws `endpoint_unfit` when one was found unfit, and returns a
 * warning for each that was never looked at.
 */
export async function heedCheckups(
  models: ModelSet,
  files: Files,
  cacheDirectory: string,
): Promise<readonly string[]> {
  const warnings: string[] = [];
  for (const model of models.values()) {
    if (!model.handle.probe || model.provider.isFree) continue;
    const checkup = await readCheckup(files, cacheDirectory, model);
    if (!checkup) {
      warnings.push(
        `model "${model.key}" was never looked at: \`prefkit doctor\` tells whether it is fit for this.`,
      );
      continue;
    }
    const bad = checkup.findings.find(({ verdict }) => verdict === "bad");
    if (bad) {
      throw new PrefkitError(
        "endpoint_unfit",
        `\`prefkit doctor\` found model "${model.key}" unfit on ${checkup.at.slice(0, 10)}: ${bad.found}`,
        `${bad.fix ?? "mend the endpoint."} Then run \`prefkit doctor\` again.`,
      );
    }
  }
  return warnings;
}

async function probe({ handle }: RunModel, signal: AbortSignal): Promise<readonly Finding[]> {
  if (!handle.probe) return [];
  try {
    return await handle.probe({ signal });
  } catch (error) {
    if (signal.aborted) throw error;
    return [
      {
        check: "reachable",
        verdict: "bad",
        found: reasonOf(error),
        fix: "check the address, the key and that the server runs.",
      },
    ];
  }
}

function checkupPath(cacheDirectory: string, { handle }: RunModel): string {
  return join(cacheDirectory, "doctor", `${contentHash(handle.identity).slice(0, 32)}.json`);
}

async function readCheckup(
  files: Files,
  cacheDirectory: string,
  model: RunModel,
): Promise<ModelCheckup | null> {
  const path = checkupPath(cacheDirectory, model);
  if (!(await files.exists(path))) return null;
  try {
    return JSON.parse(Buffer.from(await files.readAll(path)).toString("utf8")) as ModelCheckup;
  } catch (error) {
    // A damaged note of an earlier look is worth as much as none.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function changesSince(before: ModelCheckup, findings: readonly Finding[]): string[] {
  return findings.flatMap(({ check, value }) => {
    const earlier = before.findings.find((finding) => finding.check === check)?.value;
    if (value === undefined || earlier === undefined || canonicalJson(value) === canonicalJson(earlier))
      return [];
    return [
      `${check} was ${JSON.stringify(earlier)} on ${before.at.slice(0, 10)} and is ${JSON.stringify(value)}`,
    ];
  });
}
