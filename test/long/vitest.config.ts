import { defineConfig } from "vitest/config";

const report = process.env.PREFKIT_TEST_REPORT;

/** The suites that take minutes: fuzzing, killed runs, readers of other languages. One at a time, as they load the machine. */
export default defineConfig({
  test: {
    include: ["test/long/**/*.test.ts"],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    pool: "threads",
    fileParallelism: false,
    ...(report ? { reporters: ["default", "json"], outputFile: { json: report } } : {}),
  },
});
