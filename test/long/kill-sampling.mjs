// Kills `prefkit run` in the middle of drawing samples, again and again, and checks that nothing is lost, that nothing finished is asked for again, and
// that the dataset has the bytes of a run that was never killed: node test/long/kill-sampling.mjs [--settings short]
//
// PREFKIT_CALLS: how many samples (default 20,000; short: 2,000). PREFKIT_KILLS: SIGKILLs (default 6; short: 2).

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const prefkit = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const short = process.argv.includes("short");
const calls = Number(process.env.PREFKIT_CALLS ?? (short ? 2_000 : 20_000));
const kills = Number(process.env.PREFKIT_KILLS ?? (short ? 2 : 6));
const CONCURRENCY = 64;
const scratch = mkdtempSync(join(tmpdir(), "prefkit-kill-sampling-"));
const say = (text) => process.stdout.write(`${text}\n`);

/** How often each request was asked, by its body; the answer depends on nothing else. */
const asked = new Map();
const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks).toString();
    asked.set(body, (asked.get(body) ?? 0) + 1);
    const digest = createHash("sha256").update(body).digest("hex");
    const reply = {
      model: "tiny",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: `A: ${digest.slice(0, 24)}` },
          finish_reason: "stop",
        },
      ],
      usage: { prompt_tokens: 9, completion_tokens: 5 },
    };
    setTimeout(() => response.end(JSON.stringify(reply)), 10);
  });
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));

const prompts = Array.from({ length: calls / 8 }, (_, id) =>
  JSON.stringify({ id: `p${id}`, prompt: `Question ${id}?` }),
);
writeFileSync(join(scratch, "prompts.jsonl"), `${prompts.join("\n")}\n`);
writeFileSync(
  join(scratch, "recipe.yaml"),
  `input: { path: prompts.jsonl }
models: { policy: { provider: openai, baseUrl: "http://127.0.0.1:${server.address().port}/v1", model: tiny, price: { in: 1, out: 1 }, concurrency: ${CONCURRENCY} } }
sample: { model: policy, n: 8, maxTokens: 20 }
scorers: { length: { use: contains, text: "7" } }
pairs: { use: best-vs-random }
output: { codec: snappy }
`,
);

/** Runs to the end, or to a SIGKILL after `killAfterMs`; gives the exit code, null when killed. */
function run(out, cache, killAfterMs) {
  const child = spawn(
    process.execPath,
    [
      prefkit,
      "run",
      join(scratch, "recipe.yaml"),
      "--out",
      join(scratch, out),
      "--quiet",
      "--max-cost",
      "100",
    ],
    { env: { ...process.env, PREFKIT_CACHE_DIR: join(scratch, cache) }, stdio: ["ignore", "ignore", "pipe"] },
  );
  let told = "";
  child.stderr.on("data", (chunk) => {
    told += chunk;
  });
  const timer = killAfterMs === null ? null : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  return new Promise((done) => {
    child.on("close", (code) => {
      clearTimeout(timer);
      if (code !== 0 && code !== null) say(told);
      done(code);
    });
  });
}

/** What must be the same: the tables, the card and the manifest. */
function bytesOf(out) {
  return readdirSync(join(scratch, out), { recursive: true, withFileTypes: true })
    .filter(
      (entry) => entry.isFile() && !entry.parentPath.includes(".prefkit") && entry.name !== "stats.json",
    )
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map(
      (path) =>
        `${path.slice(scratch.length + out.length + 1)} ${createHash("sha256").update(readFileSync(path)).digest("hex")}`,
    );
}

const faults = [];
const expect = (isGood, text) => {
  if (!isGood) faults.push(text);
};
try {
  expect((await run("whole", "cache-whole", null)) === 0, "the run that is not killed ended badly");
  expect(asked.size === calls, `${asked.size} different requests for ${calls} samples`);
  expect(
    [...asked.values()].every((times) => times === 1),
    "the run that is not killed asked twice",
  );
  asked.clear();

  let killed = 0;
  for (let kill = 0; kill < kills; kill++) {
    // From starting up to well into the samples; each start goes on where the last was killed.
    const code = await run("killed", "cache-killed", 900 + ((kill * 613) % 2_000));
    if (code === null) killed += 1;
    say(
      `kill ${kill + 1}: ${code === null ? "killed" : `ended with ${code}`}, ${asked.size} of ${calls} samples asked for`,
    );
  }
  expect(killed > 0, "no run was killed: all were too quick");
  expect((await run("killed", "cache-killed", null)) === 0, "the last run ended badly");
  const repeats = [...asked.values()].reduce((sum, times) => sum + times - 1, 0);
  expect(asked.size === calls, `${asked.size} different requests for ${calls} samples`);
  // Only what was in flight at a kill, or answered and not yet committed, may be asked for again. A call gives its place up before its reply is committed, so both
  // together are at most twice what the model's concurrency lets through.
  expect(repeats <= killed * 2 * CONCURRENCY, `${repeats} requests were repeated over ${killed} kills`);
  expect(
    bytesOf("whole").length >= 5 && bytesOf("whole").join() === bytesOf("killed").join(),
    "the bytes differ from those of a run that was not killed",
  );
  say(
    `${calls} samples, ${killed} kills: ${repeats} requests repeated, all in flight at a kill; ${bytesOf("whole").length} files, the same bytes`,
  );
} finally {
  server.close();
  rmSync(scratch, { recursive: true, force: true });
}
for (const fault of faults) say(`FAULT: ${fault}`);
process.exit(faults.length === 0 ? 0 : 1);
