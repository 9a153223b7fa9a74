/**
 * Contracts and fakes to test your own scorers, models, transforms, pair builders and stores with. Needs vitest and fast-check.
 *
 *   import { scorerContract } from "prefkit/testing";
 *   describe("my scorer", () => scorerContract(myScorer));
 */
export * from "./arbitraries.ts";
export * from "./attacks/index.ts";
export * from "./failing-files.ts";
export * from "./failing-model.ts";
export * from "./fake-model.ts";
export * from "./model-contract.ts";
export * from "./model-runtime.ts";
export * from "./pair-builder-contract.ts";
export * from "./rewarded-group.ts";
export * from "./scorer-contract.ts";
export * from "./simulated-judge.ts";
export * from "./store-contract.ts";
export * from "./trainer-contract.ts";
export * from "./transform-contract.ts";
