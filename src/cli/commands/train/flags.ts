import type { TrainMethod } from "../../../trainers/train/index.ts";

/** As commander gives them. */
export interface Flags {
  readonly method?: TrainMethod;
  readonly model?: string;
  readonly out?: string;
  readonly beta?: number;
  readonly gammaRatio?: number;
  readonly lr?: number;
  readonly steps?: number;
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly gradAccum?: number;
  readonly maxLength?: number;
  readonly lora?: boolean;
  readonly loraRank?: number;
  readonly processes: number;
  readonly reward?: string;
  readonly groupSize?: number;
  readonly maxCompletionLength?: number;
  readonly columns?: string;
  readonly referenceLogprobs?: string;
  readonly referenceModel?: string;
  readonly recipe?: string;
  readonly saveEvery: number;
  readonly seed: number;
  readonly set?: readonly string[];
  readonly python?: string;
  readonly install?: boolean;
  readonly cpu?: boolean;
  readonly trace?: boolean;
  readonly resume?: boolean;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}
