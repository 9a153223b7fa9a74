import { describe, expect, it } from "vitest";
import { deviationClip } from "../../src/shaping/deviation-clip.ts";
import { transformContract } from "../../src/testing/transform-contract.ts";
import { applyTo, statisticsOf } from "./apply.ts";
import { expectValues } from "./expect-values.ts";

transformContract(deviationClip());
transformContract(deviationClip({ scope: "group" }));

describe("deviation-clip", () => {
  it("holds values to the mean and deviation of the whole run, frozen", () => {
    const transform = deviationClip();
    // The reference's running vectors agree where the batch ends the run. First run: μ 2.5, σ 1.1180339887 (with n).
    const first = statisticsOf(transform, [[1, 2, 3, 4]]);
    expectValues(applyTo(transform, [1, 2, 3, 4], first), [1.38196601125, 2, 3, 3.61803398875]);
    // Both: μ 3.3333333333, σ 3.2489314483.
    const both = statisticsOf(transform, [
      [1, 2, 3, 4],
      [10, 0, null],
    ]);
    expectValues(applyTo(transform, [10, 0, null], both), [6.582264781603, 0.084401885064, null]);
    // And what came before is now held to the same bounds, which running statistics would not have done.
    expectValues(applyTo(transform, [1, 2, 3, 4], both), [1, 2, 3, 4]);
  });

  it("takes the group's by option, and as many deviations as asked for", () => {
    expectValues(
      applyTo(deviationClip({ scope: "group" }), [1, 2, 3, 4]),
      [1.38196601125, 2, 3, 3.61803398875],
    );
    expectValues(
      applyTo(deviationClip({ scope: "group", deviations: 0.5 }), [1, 2, 3, 4]),
      [1.940983005625, 2, 3, 3.059016994375],
    );
    expect(applyTo(deviationClip({ scope: "group" }), [7, null, 7])).toEqual([7, null, 7]);
    expect(applyTo(deviationClip({ scope: "group" }), [])).toEqual([]);
  });

  it("says that it needs the run's frozen statistics when they are absent", () => {
    expect(() => applyTo(deviationClip(), [1])).toThrow(expect.objectContaining({ code: "need_unmet" }));
  });

  it.each([{ deviations: 0 }, { deviations: -1 }, { scope: "batch" }, { min: 0 }])(
    "refuses the options %j",
    (options) => {
      // @ts-expect-error: some of these are not even options
      expect(() => deviationClip(options)).toThrow(expect.objectContaining({ code: "bad_option" }));
    },
  );
});
