import { describe, expect, it } from "vitest";
import { isPrivateHost } from "../../src/models/http-options.ts";
import { isModel } from "../../src/models/wire.ts";

describe("isPrivateHost", () => {
  it.each([
    "localhost",
    "vllm",
    "gpu-1.local",
    "scorer.internal",
    "box.lan",
    "app.localhost",
    "127.0.0.1",
    "127.9.9.9",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.0.1",
    "100.64.0.1",
    "[::1]",
    "[fd00::1]",
    "[fe80::1]",
    "[::ffff:a00:1]",
  ])("%s is private", (host) => expect(isPrivateHost(host)).toBe(true));

  it.each([
    "api.openai.com",
    "example.com",
    "local.example.com",
    "localhost.example.com",
    "8.8.8.8",
    "172.15.0.1",
    "172.32.0.1",
    "192.169.0.1",
    "100.128.0.1",
    "[2001:db8::1]",
    "[::ffff:808:808]",
    "internal.com",
  ])("%s is public", (host) => expect(isPrivateHost(host)).toBe(false));

  it("judges an address as the URL class writes it, whatever its spelling", () => {
    // 0x7f.1 and 2130706433 are 127.0.0.1; 0x08080808 is 8.8.8.8.
    const host = (url: string) => new URL(url).hostname;
    expect(isPrivateHost(host("http://0x7f.1/"))).toBe(true);
    expect(isPrivateHost(host("http://2130706433/"))).toBe(true);
    expect(isPrivateHost(host("http://0x08080808/"))).toBe(false);
    expect(isPrivateHost(host("http://[::ffff:8.8.8.8]/"))).toBe(false);
  });
});

describe("isModel", () => {
  it.each([
    ["gpt-5-mini-2026-01-01", "gpt-5-mini"],
    ["Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B-Instruct"],
    ["/models/small", "small"],
    ["QWEN/small", "qwen/small"],
    ["deepseek-ai/V3", "deepseek-ai/V3:together"],
    ["", "small"],
    [null, "small"],
  ])("%s may be %s", (replied, asked) => expect(isModel(replied, asked)).toBe(true));

  it.each([
    ["large", "small"],
    ["xsmall", "small"],
    ["small", "small-2026-01-01"],
  ])("%s is not %s", (replied, asked) => expect(isModel(replied, asked)).toBe(false));
});
