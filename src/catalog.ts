import { scorers, scorersModule } from "../rewards/index.ts";
import type { Catalog } from "./annotate/resolve-scorer.ts";
import { providers } from "./models/index.ts";

/** The scorers that come with prefkit. The one place besides the command line where engine and scorers meet. */
export const catalog: Catalog = { scorers, module: scorersModule, providers };
