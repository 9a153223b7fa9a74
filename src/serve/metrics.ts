import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Score, ScoreColumn } from "../core/types.ts";
import type { Gathered } from "./gather.ts";
import type { Rewarder } from "./rewarder.ts";

/** What a server counts, for Prometheus. No text, no id and no prompt is in it. */
export interface ServeMetrics {
  readonly registry: Registry;
  request(route: string, status: number, seconds: number): void;
  scored(columns: readonly ScoreColumn[], rewards: readonly (number | null)[], seconds: number): void;
  windowClosed(gathered: Gathered): void;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** `depth` tells how many groups are under way, `waiting` how many parts of groups wait for the rest. */
export function createMetrics(
  rewarder: Rewarder,
  { depth, waiting }: { readonly depth: () => number; readonly waiting: () => number },
): ServeMetrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: "prefkit_requests_total",
    help: "Requests answered, by route and status.",
    labelNames: ["route", "status"],
    registers,
  });
  const requestSeconds = new Histogram({
    name: "prefkit_request_seconds",
    help: "From a request's head to its answer, by route.",
    labelNames: ["route"],
    buckets: SECONDS,
    registers,
  });
  const groups = new Counter({ name: "prefkit_groups_total", help: "Groups scored.", registers });
  const responses = new Counter({
    name: "prefkit_responses_total",
    help: "Responses scored, by whether they got a reward.",
    labelNames: ["reward"],
    registers,
  });
  const scores = new Counter({
    name: "prefkit_scores_total",
    help: "Scores, by scorer, kind (scored, abstained, failed) and code of failure.",
    labelNames: ["scorer", "kind", "code"],
    registers,
  });
  const groupSeconds = new Histogram({
    name: "prefkit_group_seconds",
    help: "What scoring a group took.",
    buckets: SECONDS,
    registers,
  });
  const windows = new Counter({
    name: "prefkit_windows_total",
    help: "Groups gathered from several requests, by how their window closed.",
    labelNames: ["closed"],
    registers,
  });
  new Gauge({
    name: "prefkit_queue_depth",
    help: "Groups under way.",
    registers,
    collect() {
      this.set(depth());
    },
  });
  new Gauge({
    name: "prefkit_waiting_samples",
    help: "Samples that wait for the rest of their group.",
    registers,
    collect() {
      this.set(waiting());
    },
  });
  new Gauge({
    name: "prefkit_cached_scores",
    help: "Scores that came from the persistent cache, by scorer.",
    labelNames: ["scorer"],
    registers,
    collect() {
      for (const [scorer, { cached }] of rewarder.counts) this.set({ scorer }, cached);
    },
  });
  return {
    registry,
    request: (route, status, seconds) => {
      requests.inc({ route, status });
      requestSeconds.observe({ route }, seconds);
    },
    scored: (columns, rewards, seconds) => {
      groups.inc();
      groupSeconds.observe(seconds);
      const rewarded = rewards.filter((reward) => reward !== null).length;
      if (rewarded > 0) responses.inc({ reward: "yes" }, rewarded);
      if (rewarded < rewards.length) responses.inc({ reward: "none" }, rewards.length - rewarded);
      for (const { name: scorer, scores: cells } of columns) {
        for (const [codeOf, count] of countKinds(cells)) {
          const [kind = "", code = ""] = codeOf.split(" ");
          scores.inc({ scorer, kind, code }, count);
        }
      }
    },
    windowClosed: ({ expected, present }) => windows.inc({ closed: present < expected ? "short" : "full" }),
  };
}

/** How many scores there are of each kind, failed ones by code: "failed timeout". */
function countKinds(cells: readonly Score[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const cell of cells) {
    const name = cell.kind === "failed" ? `failed ${cell.code}` : cell.kind;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}
