import { PrefkitError } from "../../core/errors.ts";

/**
 * The reward servers of a GRPO training, as the Python client takes them: one URL, or several separated by commas. They stand
 * in config.json, so a password in one is refused: the token comes from PREFKIT_SERVE_TOKEN alone.
 */
export function rewardUrls(given: string): string {
  const urls = given
    .split(",")
    .map((url) => url.trim())
    .filter((url) => url !== "");
  for (const text of urls) {
    const url = URL.canParse(text) ? new URL(text) : null;
    const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
    if (url !== null && isHttp && url.username === "" && url.password === "" && url.search === "") continue;
    // The text is not shown: it may hold a password.
    throw new PrefkitError(
      "bad_option",
      url === null || !isHttp
        ? "--reward holds something that is no http URL."
        : "--reward holds a URL with a user name, password or query.",
      "write it as http://127.0.0.1:8300, and give the server's token in PREFKIT_SERVE_TOKEN.",
    );
  }
  if (urls.length > 0) return urls.join(",");
  throw new PrefkitError(
    "bad_option",
    "--method grpo was given no reward server.",
    "start one with `prefkit serve RECIPE`, and give its URL by --reward.",
  );
}
