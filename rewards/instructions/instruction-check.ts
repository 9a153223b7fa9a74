import type { z } from "zod";
import type { Prompt } from "../../src/core/types.ts";

/** An optional package that a check works with. */
export interface CheckLibrary {
  /** Throws `missing_dependency`, with the command that installs it, when the package is not there. */
  assertInstalled(): void;
  /** Loads it once; checks that need it are called only afterwards. Throws `missing_dependency`. */
  load(): Promise<void>;
}

/**
 * One verifiable instruction: whether a text follows it can be computed. `parameters` checks what the prompt's `kwargs`
 * say (nulls are taken out before), and a text of nothing but white space is never asked about: it follows nothing.
 */
export interface InstructionCheck<Parameters = unknown> {
  /** "family:name"; ids of IFEval keep their names. */
  readonly id: string;
  readonly parameters: z.ZodType<Parameters>;
  readonly library?: CheckLibrary;
  check(response: string, parameters: Parameters, prompt: Prompt): boolean;
}

/** Infers the parameters' type from their schema. */
export function defineCheck<Parameters>(check: InstructionCheck<Parameters>): InstructionCheck<Parameters> {
  return check;
}
