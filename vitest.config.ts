import { defineConfig } from "vitest/config";

const report = process.env.PREFKIT_TEST_REPORT;

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/long/**", "node_modules/**"],
    testTimeout: 30_000,
    pool: "threads",
    // Continuous integration counts what ran and what was skipped.
    ...(report ? { reporters: ["default", "json"], outputFile: { json: report } } : {}),
  },
});
