import { describe, expect, it } from "vitest";
import { retryAfterMs, serverLimits } from "../../src/models/rate-headers.ts";

describe("retryAfterMs", () => {
  const now = Date.parse("2026-11-21T00:00:00Z");

  it.each([
    [{ "retry-after": "2" }, 2000],
    [{ "retry-after": "0.5" }, 500],
    [{ "retry-after": " 3 " }, 3000],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after": "Sat, 21 Nov 2026 00:00:05 GMT" }, 5000],
    [{ "retry-after": "Fri, 20 Nov 2026 00:00:00 GMT" }, 0],
    [{ "retry-after-ms": "350" }, 350],
    [{ "retry-after-ms": "350", "retry-after": "9" }, 350],
    [{ "retry-after": ["4", "5"] }, 4000],
    [{ "retry-after": "soon" }, undefined],
    [{ "retry-after": "-1.x" }, undefined],
    [{}, undefined],
  ])("reads %j as %s", (headers, expected) => {
    expect(retryAfterMs(headers, now)).toBe(expected);
  });
});

describe("serverLimits", () => {
  it("reads all five numbers", () => {
    expect(
      serverLimits({
        "x-ratelimit-limit-requests": "600",
        "x-ratelimit-limit-tokens": "90000",
        "x-ratelimit-remaining-requests": "599",
        "x-ratelimit-remaining-tokens": "89000",
        "x-ratelimit-reset-requests": "100ms",
        "x-ratelimit-reset-tokens": "6m0s",
      }),
    ).toEqual({
      requestsPerMinute: 600,
      tokensPerMinute: 90_000,
      remainingRequests: 599,
      remainingTokens: 89_000,
      resetMs: 360_000,
    });
  });

  it.each([
    // 1 min and 2.5 s.
    [{ "x-ratelimit-reset-requests": "1m2.5s" }, { resetMs: 62_500 }],
    [{ "x-ratelimit-reset-requests": "1.5" }, { resetMs: 1500 }],
    [{ "x-ratelimit-reset-tokens": "1h" }, { resetMs: 3_600_000 }],
    [
      {
        "x-ratelimit-remaining-requests": "14000",
        "x-ratelimit-reset-requests": "3m",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "7.6s",
      },
      { remainingRequests: 14_000, remainingTokens: 0, resetMs: 7600 },
    ],
    [{ "x-ratelimit-reset-requests": "later" }, undefined],
    [{ "x-ratelimit-limit-requests": "many" }, undefined],
    [{}, undefined],
  ])("reads %j as %j", (headers, expected) => {
    expect(serverLimits(headers)).toEqual(expected);
  });
});
