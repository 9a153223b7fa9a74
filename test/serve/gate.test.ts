import { describe, expect, it } from "vitest";
import { openGate } from "../../src/serve/gate.ts";
import { opened } from "./support.ts";

describe("a gate", () => {
  it("runs no more than its limit at a time, in the order they came", async () => {
    const gate = openGate(2);
    const begun: number[] = [];
    const ends = [0, 1, 2].map(() => opened<void>());
    const all = ends.map(({ promise }, index) =>
      gate(
        async () => {
          begun.push(index);
          await promise;
          return index;
        },
        () => null,
      ),
    );
    expect(begun).toEqual([0, 1]);
    ends[1]?.resolve();
    expect(await all[1]).toBe(1);
    await Promise.resolve();
    expect(begun).toEqual([0, 1, 2]);
    for (const { resolve } of ends) resolve();
    expect(await Promise.all(all)).toEqual([0, 1, 2]);
  });

  it("answers ten thousand that nobody waits for any more, one after the other", async () => {
    const gate = openGate(1);
    const first = opened<string>();
    let isLate = false;
    const all = Array.from({ length: 10_000 }, () =>
      gate(
        () => first.promise,
        () => (isLate ? "late" : null),
      ),
    );
    isLate = true;
    first.resolve("done");
    const answers = await Promise.all(all);
    expect([answers[0], new Set(answers.slice(1))]).toEqual(["done", new Set(["late"])]);
  });

  it("goes on after work that throws, and after a question that does", async () => {
    const gate = openGate(1);
    const fails = (): never => {
      throw new Error("broken");
    };
    await expect(gate(fails, () => null)).rejects.toThrow("broken");
    await expect(gate(async () => 1, fails)).rejects.toThrow("broken");
    expect(
      await gate(
        async () => 1,
        () => null,
      ),
    ).toBe(1);
  });
});
