/**
 * Contracts and fakes to test your own scorers, transforms, pair builders and stores with. Needs vitest and fast-check.
 *
 *   import { scorerContract } from "prefkit/testing";
 *   describe("my scorer", () => scorerContract(myScorer));
 */
export * from "./arbitraries.ts";
export * from "./failing-files.ts";
export * from "./pair-builder-contract.ts";
export * from "./rewarded-group.ts";
export * from "./scorer-contract.ts";
export * from "./store-contract.ts";
export * from "./transform-contract.ts";
