import { PrefkitError } from "../core/errors.ts";
import type { Files } from "../core/files.ts";
import type { ScoredGroup } from "../core/types.ts";
import type { Input } from "../store/input/types.ts";
import type { ScoredSource } from "./finish.ts";
import { partPath } from "./journal.ts";
import { isOf, isWhole, readPart } from "./parts.ts";
import { type Plan, shardGroups } from "./plan.ts";
import type { RunScorer } from "./resolve-scorer.ts";

/** The input's groups with the scores that the shards' parts hold for them. */
export function partsSource(options: {
  readonly files: Files;
  readonly out: string;
  readonly input: Input;
  readonly plan: Plan;
  readonly scorers: readonly RunScorer[];
}): ScoredSource {
  const { files, out, input, plan } = options;
  const keys = options.scorers.map(({ key }) => key);
  return async function* () {
    const all = plan.shards.map((_, shard) => shard);
    let current = -1;
    let part: ReturnType<typeof readPart> | null = null;
    try {
      for await (const { shard, groups } of shardGroups(input, plan.shards, all)) {
        if (shard !== current) {
          await part?.return(undefined);
          part = readPart(files, partPath(out, shard));
          current = shard;
        }
        const scored: ScoredGroup[] = [];
        for (const group of groups) {
          const next = await part?.next();
          const found = !next || next.done || !isOf(next.value, group) ? null : next.value;
          if (!found || !isWhole(found, keys, group.responses.length))
            throw notTheInput(shard, group.prompt.id);
          scored.push({ group, columns: found.columns });
        }
        yield { shard, groups: scored };
      }
    } finally {
      await part?.return(undefined);
    }
  };
}

function notTheInput(shard: number, promptId: string): PrefkitError {
  return new PrefkitError(
    "plan_changed",
    `the scores of shard ${shard} do not belong to prompt ${promptId} as the input has it: the input changed while it was scored.`,
    "leave the input alone and start over with --force (paid scores of what is unchanged come from the cache).",
  );
}
