// `npm run demo`: builds quietly and runs the demo recipe on the sample data, offline.
import { existsSync } from "node:fs";
import { buildQuietly, prefkit, runNode } from "./commands.mjs";

const recipe = "datasets/recipes/demo.yaml";
const out = "demo-out";

console.log("Building prefkit, then: prefkit run datasets/recipes/demo.yaml --out demo-out\n");
buildQuietly();
// A directory of an earlier demo is replaced; anything else under that name is left alone by prefkit.
const again = existsSync(out) ? ["--force"] : [];
const { code } = runNode([prefkit, "run", recipe, "--out", out, ...again]);
process.exit(code);
