import { describe, expect, it } from "vitest";
import { checkToken, isLoopback } from "../../src/serve/token.ts";

describe("where a server listens", () => {
  it.each(["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "::1", "[::1]"])(
    "%s is this machine alone",
    (host) => {
      expect(isLoopback(host)).toBe(true);
      checkToken(host, null);
    },
  );

  it.each([
    "0.0.0.0",
    "::",
    "10.0.0.1",
    "128.0.0.1",
    "127.evil.org",
    "localhost.evil.org",
    "::ffff:127.0.0.1",
    "",
  ])("%s needs a token", (host) => {
    expect(isLoopback(host)).toBe(false);
    expect(() => checkToken(host, null)).toThrow(/PREFKIT_SERVE_TOKEN[\s\S]*missing_key/);
    checkToken(host, "correct-horse");
  });

  it.each(["short", "with space in it", "with\nbreak1", "ünïcödé-token"])("the token %j is none", (token) => {
    expect(() => checkToken("127.0.0.1", token)).toThrow("bad_option");
  });
});
