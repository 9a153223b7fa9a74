// Compiles to dist/, with the data files of rewards/ and the Python files of src/ beside their modules. A build that fails leaves the dist/ that was
// there, so a running command never meets half of one.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const fresh = `${root}.cache/dist-${process.pid}`;
const compiler = fileURLToPath(import.meta.resolve("typescript/bin/tsc"));

mkdirSync(`${root}.cache`, { recursive: true });
const { status } = spawnSync(process.execPath, [compiler, "-p", "tsconfig.build.json", "--outDir", fresh], {
  cwd: root,
  stdio: "inherit",
});
if (status !== 0) {
  rmSync(fresh, { recursive: true, force: true });
  console.error("The build failed; dist/ is as it was.");
  process.exit(1);
}
for (const [room, ending] of [
  ["rewards", ".yaml"],
  ["src", ".py"],
]) {
  for (const file of readdirSync(`${root}${room}`, { recursive: true }))
    if (file.endsWith(ending)) cpSync(`${root}${room}/${file}`, `${fresh}/${room}/${file}`);
}
chmodSync(`${fresh}/src/cli/main.js`, 0o755);
rmSync(`${root}dist`, { recursive: true, force: true });
renameSync(fresh, `${root}dist`);
