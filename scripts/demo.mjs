// `npm run demo`: builds quietly and runs the demo recipe on the sample data, then a log-density ratio with the toy pair; offline.
import { existsSync } from "node:fs";
import { buildQuietly, prefkit, runNode } from "./commands.mjs";

const demos = [
  ["datasets/recipes/demo.yaml", "demo-out"],
  ["datasets/recipes/log-density-ratio.yaml", "ratio-out"],
];

console.log("Building prefkit.");
buildQuietly();
for (const [recipe, out] of demos) {
  console.log(`\nprefkit run ${recipe} --out ${out}\n`);
  // A directory of an earlier demo is replaced; anything else under that name is left alone by prefkit.
  const again = existsSync(out) ? ["--force"] : [];
  const { code } = runNode([prefkit, "run", recipe, "--out", out, ...again]);
  if (code !== 0) process.exit(code);
}
