import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PrefkitError } from "../core/errors.ts";

/** The models that come with the package: a strong and a weak one, tiny, for a log-density ratio without any download. */
const EMBEDDED = ["strong", "weak"] as const;

/** The folder that "embedded:strong" or "embedded:weak" stands for; any other source is given back as it is. */
export function embeddedSource(source: string): string {
  if (!source.startsWith("embedded:")) return source;
  const name = source.slice("embedded:".length);
  if (EMBEDDED.some((known) => known === name)) {
    return join(packageFolder(), "datasets", "samples", "toy-pair", name);
  }
  throw new PrefkitError(
    "unknown_name",
    `no model "${source}" comes with prefkit.`,
    `write ${EMBEDDED.map((known) => `"embedded:${known}"`).join(" or ")}, a folder, or a hub id.`,
  );
}

/** The package's own folder, from the source as well as from the build. */
function packageFolder(): string {
  for (let directory = dirname(fileURLToPath(import.meta.url)); ; directory = dirname(directory)) {
    const path = join(directory, "package.json");
    if (
      existsSync(path) &&
      (JSON.parse(readFileSync(path, "utf8")) as { name?: unknown }).name === "prefkit"
    ) {
      return directory;
    }
    if (directory === dirname(directory)) {
      throw new PrefkitError("internal", "the folder of prefkit is not found.", "install prefkit again.");
    }
  }
}
