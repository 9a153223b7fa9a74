import cluster from "node:cluster";
import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import pc from "picocolors";
import { type LoadedRecipe, loadRecipe } from "../../annotate/load-recipe.ts";
import { catalog } from "../../catalog.ts";
import { TURN_ENDS } from "../../serve/openrlhf.ts";
import { checkProcesses, processPort, runProcesses } from "../../serve/processes.ts";
import { DEFAULT_DEADLINE_MS, openRewarder } from "../../serve/rewarder.ts";
import { DEFAULT_HOST, DEFAULT_PORT, serverUrl, startServer } from "../../serve/server.ts";
import { DEFAULT_QUEUE, DEFAULT_WINDOW_MS } from "../../serve/service.ts";
import { checkToken } from "../../serve/token.ts";
import type { CommandSetup } from "../program.ts";
import { decimal, integer } from "../run-options.ts";
import { exitCodes, listenForSignals, type Signals } from "../signals.ts";
import type { Terminal } from "../terminal.ts";

interface Flags {
  readonly host: string;
  readonly port: number;
  readonly run?: string;
  readonly groupSize?: number;
  readonly windowMs: number;
  readonly deadlineMs: number;
  readonly queue: number;
  readonly bodyMb: number;
  readonly workers: number;
  readonly threads?: number;
  readonly labels: "text" | "row";
  readonly turnEnd?: readonly string[];
  readonly unscored?: number;
  readonly offline?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export function serveCommand({ terminal, exit }: CommandSetup): Command {
  return new Command("serve")
    .description(
      "Serve a recipe's scorers and combine step over HTTP, as the reward of a trainer that is running.",
    )
    .argument("<recipe>", "a recipe in YAML, or a module whose default export is one")
    .option(
      "--host <host>",
      "what to listen on; beyond loopback PREFKIT_SERVE_TOKEN must be set",
      DEFAULT_HOST,
    )
    .option("--port <n>", "0 takes a free one", portNumber, DEFAULT_PORT)
    .option(
      "--run <dir>",
      "a finished dataset of this recipe, for transforms that use numbers of a whole run",
    )
    .option(
      "--group-size <n>",
      "gather samples that come one by one into groups of this many, by prompt",
      integer(2),
    )
    .option(
      "--window-ms <n>",
      "how long a gathered group waits for its last sample",
      integer(1),
      DEFAULT_WINDOW_MS,
    )
    .option(
      "--deadline-ms <n>",
      "every request is answered within this time",
      integer(1),
      DEFAULT_DEADLINE_MS,
    )
    .option(
      "--queue <n>",
      "groups under way; with so many there, a request is answered 429",
      integer(1),
      DEFAULT_QUEUE,
    )
    .option("--body-mb <n>", "largest request, in MiB", integer(1), 16)
    .option("--workers <n>", "processes behind the one port", integer(1), 1)
    .option("--threads <n>", "threads for CPU-bound scorers (default: one per processor)", integer(1))
    .addOption(
      new Option("--labels <form>", "OpenRLHF: what a label is, the reference answer or a row as JSON")
        .choices(["text", "row"])
        .default("text"),
    )
    .option(
      "--turn-end <text...>",
      "OpenRLHF: texts cut off a response's end (default: those of common templates)",
    )
    .option(
      "--unscored <number>",
      "OpenRLHF: what an unscored response gets (default: the request fails)",
      decimal,
    )
    .option("--offline", "call no model: replies come from the cache alone")
    .option("--quiet", "say nothing but errors")
    .option("--json", "print one line of JSON on stdout once the server listens")
    .addHelpText(
      "after",
      `
Routes: POST /score (groups in, rewards and scores out), POST /get_reward (OpenRLHF), GET /healthz,
GET /metrics (Prometheus). A response that is not scored has reward null, never 0.
The first SIGTERM or SIGINT answers what is under way and ends; a second one quits at once.

Examples:
  $ prefkit serve recipe.yaml
  $ prefkit serve recipe.yaml --group-size 8 --deadline-ms 5000
  $ PREFKIT_SERVE_TOKEN=… prefkit serve recipe.yaml --host 0.0.0.0 --workers 4
  $ curl -s localhost:${DEFAULT_PORT}/score -H 'content-type: application/json' -d \\
      '{"groups": [{"prompt": "2 + 2?", "reference": "4", "responses": ["It is 4.", "5"]}]}'`,
    )
    .action(async (path: string, flags: Flags) => {
      checkProcesses(flags.workers);
      checkToken(flags.host, tokenOf(terminal));
      const signals = listenForSignals((name) => {
        if (!flags.quiet && !cluster.isWorker)
          terminal.err(`${name}: answering what is under way, then ending. Once more quits at once.`);
      });
      try {
        if (flags.workers > 1 && cluster.isPrimary) {
          const code = await runProcesses({
            count: flags.workers,
            stop: signals.stop,
            onReady: (port) => announce(terminal, flags, serverUrl(flags.host, port)),
            onWarning: (warning) => terminal.err(`${pc.yellow("warning:")} ${warning}`),
          });
          exit(code === 0 ? exitCodes(signals.received()) : code);
          return;
        }
        await serveHere(terminal, flags, await loadRecipe(path, terminal.environment), signals);
        exit(exitCodes(signals.received()));
      } finally {
        signals.close();
      }
    });
}

async function serveHere(
  terminal: Terminal,
  flags: Flags,
  loaded: LoadedRecipe,
  { stop }: Signals,
): Promise<void> {
  const peers = processPort();
  // Heard from the start: the others may be told to end while this one is opening.
  const ending = new Promise<void>((resolve) => {
    stop.addEventListener("abort", () => resolve(), { once: true });
    peers?.onDrain(resolve);
    if (stop.aborted) resolve();
  });
  const rewarder = await openRewarder(loaded, catalog, {
    deadlineMs: flags.deadlineMs,
    offline: flags.offline ?? false,
    ...(flags.run !== undefined && { run: resolve(terminal.directory, flags.run) }),
    ...(flags.threads !== undefined && { threads: flags.threads }),
    onWarning: (warning) => {
      if (!cluster.isWorker || peers?.port.slot === 0) terminal.err(`${pc.yellow("warning:")} ${warning}`);
    },
  });
  try {
    await peers?.agree(rewarder.identity());
    const server = await startServer(rewarder, {
      host: flags.host,
      port: flags.port,
      token: tokenOf(terminal),
      windowMs: flags.windowMs,
      queue: flags.queue,
      bodyLimit: flags.bodyMb * 2 ** 20,
      openrlhf: {
        labels: flags.labels,
        turnEnds: flags.turnEnd ?? TURN_ENDS,
        unscored: flags.unscored ?? null,
      },
      ...(flags.groupSize !== undefined && { groupSize: flags.groupSize }),
      ...(peers && { peers: peers.port }),
    });
    if (peers === null) announce(terminal, flags, server.url);
    await ending;
    await server.drain();
  } finally {
    await rewarder.close();
    // The line to the primary process must not keep this one alive.
    if (peers !== null) process.channel?.unref();
  }
}

function announce(terminal: Terminal, flags: Flags, url: string): void {
  if (flags.json) terminal.out(JSON.stringify({ ok: true, url, pid: process.pid }));
  if (flags.quiet) return;
  terminal.err(`Serving rewards on ${url} (POST ${url}/score, ${url}/get_reward).`);
}

function tokenOf({ environment }: Terminal): string | null {
  return environment.PREFKIT_SERVE_TOKEN || null;
}

function portNumber(text: string): number {
  const port = integer(0)(text);
  if (port > 65_535) throw new InvalidArgumentError(`got "${text}"; give a port from 0 to 65535.`);
  return port;
}
