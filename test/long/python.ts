import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const python = process.env.PREFKIT_PYTHON ?? join(root, ".cache/venv/bin/python");

/** What stands in a test's name where there is no Python; "" where there is one. */
export const noPython = existsSync(python) ? "" : ` (absent: no Python at ${python}; set PREFKIT_PYTHON)`;

/** The same where there is none, or where these imports fail: it lacks what `needs` says. */
export function absentFrom(imports: string, needs: string): string {
  if (noPython !== "") return noPython;
  const { status } = spawnSync(python, ["-c", imports]);
  return status === 0 ? "" : ` (absent: ${python} lacks ${needs})`;
}
