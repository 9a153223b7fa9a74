import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { readAnswer } from "../../../src/core/answers/compare.ts";
import { judgeAnswers } from "../../../src/core/answers/judge.ts";
import { type SymbolicEngine, symbolicEngine } from "../../../src/core/answers/symbolic.ts";

// The thread runs the compiled engine: `npm test` builds first. PREFKIT_DIST names another build.
const SLOW = "\\sum_{n=1}^{\\infty} \\frac{1}{n^2}"; // the engine adds up millions of terms
const QUICK = "\\lim_{x\\to 0}\\frac{\\sin x}{x}";
const PATIENT = 20_000;

let engine: SymbolicEngine | null = null;
afterEach(async () => {
  await engine?.close();
  engine = null;
});

describe("the symbolic engine", () => {
  it("gives the closed form of a limit", async () => {
    engine = symbolicEngine();
    expect(await engine.closedForm(QUICK, PATIENT)).toEqual({ kind: "closed", latex: "1" });
  });

  it("ends what takes too long, with its thread, and goes on with what waits behind it", async () => {
    engine = symbolicEngine();
    const forms = await Promise.all([
      engine.closedForm(SLOW, 100),
      engine.closedForm(QUICK, PATIENT),
      engine.closedForm(SLOW, 100),
      engine.closedForm("2+3", PATIENT),
    ]);
    expect(forms).toEqual([
      { kind: "timeout" },
      { kind: "closed", latex: "1" },
      { kind: "timeout" },
      { kind: "closed", latex: "5" },
    ]);
  });

  it("survives what exhausts its memory, or takes for ever", async () => {
    engine = symbolicEngine(32);
    const forms = [
      await engine.closedForm("\\prod_{k=1}^{10^8} k", 3_000),
      await engine.closedForm("2+3", PATIENT),
    ];
    expect(forms).toEqual([{ kind: "timeout" }, { kind: "closed", latex: "5" }]);
  });

  it("has nothing to say of what it cannot read", async () => {
    engine = symbolicEngine();
    expect(await engine.closedForm("\\frac{", PATIENT)).toEqual({ kind: "none" });
  });

  it("refuses what is under way when it is closed", async () => {
    const closing = symbolicEngine();
    const asked = closing.closedForm(SLOW, PATIENT);
    const refused = expect(asked).rejects.toThrow("was closed");
    await closing.close();
    await refused;
  });
});

describe("judgeAnswers with the engine", () => {
  it.each([
    ["and printed nothing", QUICK, "equal"],
    ["and printed a line of its own", "\\int \\sum \\prod", "unparsable"],
  ])(
    "keeps no process alive once it has answered %s",
    (_, formula, expected) => {
      const build = resolve(process.env.PREFKIT_DIST ?? "dist", "src/core/answers");
      const url = (file: string): string => JSON.stringify(pathToFileURL(`${build}/${file}`).href);
      const script = `
      const { readAnswer } = await import(${url("compare.js")});
      const { judgeAnswers } = await import(${url("judge.js")});
      const { verdict } = await judgeAnswers(readAnswer("1"), readAnswer(${JSON.stringify(formula)}), { timeoutMs: ${PATIENT} });
      process.stdout.write(verdict);
    `;
      const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
        encoding: "utf8",
        timeout: 30_000,
      });
      expect(child).toMatchObject({ status: 0, stdout: expected, stderr: "" });
    },
    40_000,
  );

  const judge = (gold: string, given: string, timeoutMs = PATIENT) =>
    judgeAnswers(readAnswer(gold), readAnswer(given), { timeoutMs });

  it("asks it only for what it cannot read itself", async () => {
    expect(judge("9^{9^{9}}", "1")).not.toBeInstanceOf(Promise);
    expect(judge("x=5", "2x=10")).not.toBeInstanceOf(Promise);
    expect(judge("\\int_0^1 x\\,dx = y", "\\frac12")).toEqual({ verdict: "undecided", rung: "none" });
    expect(judge("1", QUICK)).toBeInstanceOf(Promise);
    expect(await judge("1", QUICK)).toEqual({ verdict: "equal", rung: "symbolic" });
  });

  it("takes its word for no difference", async () => {
    expect(await judge("2", QUICK)).toEqual({ verdict: "undecided", rung: "symbolic" });
  });

  it("tells whose fault it is when there is no closed form, and when time is up", async () => {
    const integral = "\\int_0^1 e^{-x^2}\\,dx";
    expect(await judge("1", integral)).toEqual({ verdict: "unparsable", rung: "symbolic" });
    expect(await judge(integral, "1")).toEqual({ verdict: "unreadable-reference", rung: "symbolic" });
    const nested = "\\sum_{a=1}^{10^4}\\sum_{b=1}^{10^4} ab";
    expect(await judge("5", nested, 100)).toEqual({ verdict: "timeout", rung: "symbolic" });
  });
});
