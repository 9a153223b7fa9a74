import type { Attack } from "./attack.ts";
import { DIRECT_ATTACKS } from "./direct.ts";
import { DISGUISED_ATTACKS } from "./disguised.ts";
import { PERSUASION_ATTACKS } from "./persuasion.ts";

export type { Attack, AttackAim, AttackContext, AttackKind } from "./attack.ts";
export {
  type AttackKitOptions,
  type AttackOutcome,
  type AttackReport,
  type AttackRow,
  type AttackTrial,
  attackKit,
} from "./attack-kit.ts";
export { ATTACKED_PAIRS, type AttackedPair, attackedTruth } from "./attacked-pairs.ts";

/** Ways in which a response can try to talk its judge into a verdict: our own, to test judges with. */
export const attacks: readonly Attack[] = [...DIRECT_ATTACKS, ...PERSUASION_ATTACKS, ...DISGUISED_ATTACKS];
