// Kills a process in the middle of its model calls, again and again, and checks that what it had finished is never sent
// again: node test/long/kill-calls.mjs [--settings short]
//
// PREFKIT_CALLS: how many calls (default 20,000; short: 3,000). PREFKIT_KILLS: SIGKILLs (default 8; short: 3).
// PREFKIT_DIST: the build to try (default: dist). A call counts as finished when its number stands in the log, which the
// process writes after the call's promise resolved.

import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const dist = resolve(process.env.PREFKIT_DIST ?? join(here, "../../dist"));
const hammer = join(here, "../models/fixtures/hammer.mjs");
const short = process.argv.includes("short");
const calls = Number(process.env.PREFKIT_CALLS ?? (short ? 3_000 : 20_000));
const kills = Number(process.env.PREFKIT_KILLS ?? (short ? 3 : 8));
const scratch = mkdtempSync(join(tmpdir(), "prefkit-kill-calls-"));
const log = join(scratch, "finished.log");
const say = (text) => process.stdout.write(`${text}\n`);

const asked = new Map();
const finished = new Set();
/** Asked although they stood in the log before this start. */
const again = [];
const server = createServer((request, response) => {
  const index = Number(request.url.slice(1));
  asked.set(index, (asked.get(index) ?? 0) + 1);
  if (finished.has(index)) again.push(index);
  setTimeout(() => response.end(JSON.stringify({ index, text: "x".repeat(index % 500) })), 20);
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const origin = `http://127.0.0.1:${server.address().port}`;

/** Numbers in whole lines only: a kill may cut the last one short. */
function finishedSoFar() {
  const text = readFileSync(log, "utf8");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  return whole.split("\n").filter(Boolean).map(Number);
}

/** One process, killed once it has finished `killAfter` more calls; null: left alone. */
async function run(killAfter) {
  writeFileSync(log, "");
  const out = openSync(log, "a");
  const child = spawn(process.execPath, [hammer, dist, scratch, origin, "0", String(calls), "0"], {
    stdio: ["ignore", out, "inherit"],
    env: { ...process.env, HAMMER_LOG: "1" },
  });
  closeSync(out);
  const ended = new Promise((done) => child.on("close", (code, signal) => done(signal ?? code)));
  let timer;
  if (killAfter !== null) {
    timer = setInterval(() => {
      if (finishedSoFar().length >= killAfter) child.kill("SIGKILL");
    }, 2);
  }
  const end = await ended;
  clearInterval(timer);
  return end;
}

const problems = [];
try {
  for (let kill = 1; kill <= kills; kill++) {
    const end = await run(Math.floor((calls * kill) / (kills + 1)));
    for (const index of finishedSoFar()) finished.add(index);
    say(
      `kill ${kill}: ended by ${end}; ${finished.size} finished, ${asked.size} asked, ${again.length} asked again`,
    );
    if (end !== "SIGKILL") problems.push(`start ${kill} ended by ${end} before it could be killed`);
  }
  const end = await run(null);
  const last = new Set(finishedSoFar());
  if (end !== 0) problems.push(`the last start ended by ${end}`);
  if (last.size !== calls) problems.push(`the last start finished ${last.size} of ${calls} calls`);
  if (again.length > 0)
    problems.push(`${again.length} finished calls were asked again: ${again.slice(0, 5)}`);
  const total = [...asked.values()].reduce((sum, count) => sum + count, 0);
  const repeated = total - asked.size;
  say(
    `${calls} calls, ${kills} kills: ${total} requests, ${repeated} of them repeats of calls cut off in flight`,
  );
  // At most what was in flight, or answered and not yet committed, at each kill.
  if (repeated > kills * 3 * 64) problems.push(`${repeated} repeats are more than was in flight`);
} finally {
  server.closeAllConnections();
  server.close();
  rmSync(scratch, { recursive: true, force: true });
}
for (const problem of problems) say(`FAILED: ${problem}`);
say(problems.length === 0 ? "All as it should be." : `${problems.length} checks failed.`);
process.exitCode = problems.length === 0 ? 0 : 1;
