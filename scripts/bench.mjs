// `npm run bench NAME`: builds and runs bench/NAME.mjs with the rest of the arguments.
import { readdirSync } from "node:fs";
import { buildQuietly, root, runNode } from "./commands.mjs";

const [name, ...rest] = process.argv.slice(2);
const names = readdirSync(`${root}bench`).flatMap((file) =>
  file.endsWith(".mjs") ? [file.slice(0, -4)] : [],
);
if (name === undefined || !names.includes(name)) {
  console.error(
    `${name === undefined ? "No benchmark named" : `There is no benchmark "${name}"`}; write npm run bench NAME, NAME one of: ${names.join(", ")}.`,
  );
  process.exit(2);
}
buildQuietly();
process.exit(runNode([`${root}bench/${name}.mjs`, ...rest]).code);
