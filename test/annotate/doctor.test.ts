import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkModels, heedCheckups } from "../../src/annotate/doctor.ts";
import type { ModelSet } from "../../src/annotate/models.ts";
import { nodeFiles } from "../../src/core/files.ts";
import type { Finding, ModelHandle } from "../../src/models/provider.ts";
import { fakeProvider } from "./fake-provider.ts";
import { directoryOf, errorOf } from "./small-run.ts";

const GOOD: Finding = { check: "reachable", verdict: "good", found: "it answers", fix: null };
const NO_ECHO: Finding = {
  check: "prompt_logprobs",
  verdict: "bad",
  found: "it gives log-probs of what it generates only.",
  fix: "use vLLM, SGLang or TGI.",
};

/** One model whose probe finds what it is told to; no probe at all for null. */
function modelFinding(found: readonly Finding[] | Error | null, identity = "m"): ModelSet {
  const provider = fakeProvider(() => "");
  const handle: ModelHandle = {
    ports: {},
    identity: { model: identity },
    ...(found === null
      ? {}
      : {
          probe: async () => {
            if (found instanceof Error) throw found;
            return found;
          },
        }),
    close: async () => {},
  };
  return new Map([["strong", { key: "strong", provider, handle, price: null, config: {} }]]);
}

async function setup() {
  const cacheDirectory = await directoryOf();
  const signal = new AbortController().signal;
  return {
    cacheDirectory,
    check: (models: ModelSet) => checkModels(models, { files: nodeFiles, cacheDirectory, signal }),
    heed: (models: ModelSet) => heedCheckups(models, nodeFiles, cacheDirectory),
  };
}

describe("doctor", () => {
  it("tells what it found and keeps it, so that a run is not warned", async () => {
    const { check, heed } = await setup();
    const models = modelFinding([GOOD]);
    expect(await heed(models)).toEqual([
      'model "strong" was never looked at: `prefkit doctor` tells whether it is fit for this.',
    ]);
    expect(await check(models)).toMatchObject([{ model: "strong", findings: [GOOD], changes: [] }]);
    expect(await heed(models)).toEqual([]);
  });

  it("makes a run refuse a model that was found unfit, until it is found fit", async () => {
    const { check, heed } = await setup();
    await check(modelFinding([GOOD, NO_ECHO]));
    const error = await errorOf(() => heed(modelFinding([GOOD])));
    expect(error.code).toBe("endpoint_unfit");
    expect(error.message).toContain("log-probs of what it generates only");
    expect(error.message).toContain("use vLLM, SGLang or TGI.");
    await check(modelFinding([GOOD]));
    expect(await heed(modelFinding([GOOD]))).toEqual([]);
  });

  it("keeps findings apart by what determines a model's answers", async () => {
    const { check, heed } = await setup();
    await check(modelFinding([NO_ECHO], "one"));
    expect(await heed(modelFinding([GOOD], "another"))).toHaveLength(1);
  });

  it("takes a probe that throws as an endpoint that cannot be reached", async () => {
    const { check } = await setup();
    const [checkup] = await check(modelFinding(new Error("connect ECONNREFUSED 127.0.0.1:1")));
    expect(checkup?.findings).toMatchObject([
      { check: "reachable", verdict: "bad", found: "connect ECONNREFUSED 127.0.0.1:1" },
    ]);
  });

  it("says what changed since the last look", async () => {
    const { check } = await setup();
    const context = (tokens: number): Finding => ({ ...GOOD, check: "context", value: tokens });
    await check(modelFinding([context(4096)]));
    const [checkup] = await check(modelFinding([context(2048)]));
    expect(checkup?.changes).toEqual([
      expect.stringMatching(/^context was 4096 on \d{4}-\d\d-\d\d and is 2048$/),
    ]);
  });

  it("neither asks nor warns of models that have nothing to look at", async () => {
    const { check, heed } = await setup();
    expect(await check(modelFinding(null))).toMatchObject([{ findings: [] }]);
    expect(await heed(modelFinding(null))).toEqual([]);
  });

  it("takes a damaged note for none", async () => {
    const { check, heed, cacheDirectory } = await setup();
    await check(modelFinding([NO_ECHO]));
    const [name = ""] = readdirSync(join(cacheDirectory, "doctor"));
    writeFileSync(join(cacheDirectory, "doctor", name), '{"findings": [');
    expect(await heed(modelFinding([NO_ECHO]))).toHaveLength(1);
  });
});
